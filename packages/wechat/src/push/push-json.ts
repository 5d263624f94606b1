import { checkName, emptyFields, MAX_DEPTH, type PushMessage, type PushValue } from './push-message.js';

/** Strings, which are left alone, and the numbers between them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
/** A number can only stand behind one of these. May be fooled by a string; costs then a second reading. */
const MAY_HAVE_NUMBERS = /[[:,]\s*-?\d/;

/**
 * Reads the fields of a JSON push as `parsePushXml` reads XML: text trimmed; numbers as they are written, because a `MsgId` has more
 * digits than a JavaScript number holds; `true` and `false` as text; `null` left out. Of a name that comes several times the last
 * counts, as everywhere in JSON.
 *
 * @throws Error for what is not a JSON object, for objects and lists more than 16 deep, and for names such as `__proto__`.
 */
export function parsePushJson(text: string): PushMessage {
  // First as it is: between quotation marks, wrong numbers would pass.
  let value: unknown = JSON.parse(text);
  if (MAY_HAVE_NUMBERS.test(text)) value = JSON.parse(text.replace(TOKENS, quoted));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  return fieldsOf(value, 1);
}

function fieldsOf(object: object, depth: number): PushMessage {
  if (depth > MAX_DEPTH) throw new Error('too deep');
  const fields = emptyFields();
  for (const [name, content] of Object.entries(object)) {
    checkName(name);
    const value = contentOf(content, depth);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function contentOf(content: unknown, depth: number): PushValue | undefined {
  if (typeof content === 'string') return content.trim();
  if (typeof content !== 'object') return String(content);
  if (content === null) return undefined;
  if (!Array.isArray(content)) return fieldsOf(content, depth + 1);
  if (depth >= MAX_DEPTH) throw new Error('too deep');
  return content.map((each) => contentOf(each, depth + 1)).filter((each) => each !== undefined);
}

function quoted(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`;
}
