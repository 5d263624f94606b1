import { checkName, emptyFields, MAX_DEPTH, type PushMessage, type PushValue } from './push-message.js';

/** Strings, which are left alone, and the numbers between them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/**
 * Reads the fields of a JSON push as `parsePushXml` reads XML: text trimmed; numbers as text with all their digits,
 * because a `MsgId` has more than a JavaScript number holds; `true` and `false` as text; `null` left out. Of a name
 * that comes several times the last counts, as everywhere in JSON.
 *
 * @throws Error for what is not a JSON object, for objects and lists more than 16 deep, and for names such as
 * `__proto__`.
 */
export function parsePushJson(text: string): PushMessage {
  // First as it is: between quotation marks, wrong numbers would pass.
  const reading: Reading = { exact: true };
  const fields = fieldsOf(JSON.parse(text), 1, reading);
  return reading.exact ? fields : fieldsOf(JSON.parse(text.replace(TOKENS, quoted)), 1, reading);
}

/** Whether all numbers so far were read without a loss. */
interface Reading {
  exact: boolean;
}

function fieldsOf(value: unknown, depth: number, reading: Reading): PushMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  if (depth > MAX_DEPTH) throw new Error('too deep');
  const fields = emptyFields();
  for (const [name, content] of Object.entries(value)) {
    checkName(name);
    const field = contentOf(content, depth, reading);
    if (field !== undefined) fields[name] = field;
  }
  return fields;
}

function contentOf(content: unknown, depth: number, reading: Reading): PushValue | undefined {
  if (typeof content === 'string') return content.trim();
  if (typeof content === 'number' && !Number.isSafeInteger(content)) reading.exact = false;
  if (typeof content !== 'object') return String(content);
  if (content === null) return undefined;
  if (!Array.isArray(content)) return fieldsOf(content, depth + 1, reading);
  if (depth >= MAX_DEPTH) throw new Error('too deep');
  return content.map((each) => contentOf(each, depth + 1, reading)).filter((each) => each !== undefined);
}

function quoted(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`;
}
