/** The decrypted fields of a push, by the platform's own names; no prototype. */
export type DingTalkEvent = Readonly<Record<string, unknown>>;

/** How deep fields may lie below one another. The platform's own events need 6. */
const MAX_DEPTH = 32;

/** Names that mean something else to careless code behind us; left out, since what people name may become a field. */
const DANGEROUS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Strings, which are left alone, and the numbers between them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * Reads the JSON of an event: texts trimmed, since the platform's own samples have stray blanks; objects without a prototype;
 * integers that a JavaScript number does not hold as text, with all their digits.
 *
 * @throws Error for what is not a JSON object, and for fields more than 32 deep.
 */
export function readEvent(text: string): DingTalkEvent {
  const reading: Reading = { exact: true };
  const event = fieldsOf(JSON.parse(text), 1, reading);
  return reading.exact ? event : fieldsOf(JSON.parse(text.replace(TOKENS, quotedIfLong)), 1, { exact: true });
}

/** Whether all numbers so far were read without a loss. */
interface Reading {
  exact: boolean;
}

function fieldsOf(value: unknown, depth: number, reading: Reading): DingTalkEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [name, content] of Object.entries(value)) {
    if (!DANGEROUS.includes(name)) fields[name] = contentOf(content, depth, reading);
  }
  return fields;
}

function contentOf(content: unknown, depth: number, reading: Reading): unknown {
  if (typeof content === 'string') return content.trim();
  if (typeof content === 'number' && !Number.isSafeInteger(content) && Number.isInteger(content)) reading.exact = false;
  if (typeof content !== 'object' || content === null) return content;
  if (depth >= MAX_DEPTH) throw new Error('too deep');
  if (Array.isArray(content)) return content.map((each) => contentOf(each, depth + 1, reading));
  return fieldsOf(content, depth + 1, reading);
}

function quotedIfLong(token: string): string {
  return LONG_INTEGER.test(token) ? `"${token}"` : token;
}
