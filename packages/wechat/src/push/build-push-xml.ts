import type { PushMessage, PushValue } from './push-message.js';

/** ASCII, as in everything the platforms document. */
const NAME = /^[A-Za-z_][\w.-]*$/;
/** At most as many digits as a time has: longer ones are ids, and those the platforms send as text. */
const NUMBER = /^\d{1,10}$/;
/** What XML 1.0 has no way to write. */
const UNWRITABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/**
 * Writes a reply as `<xml>...</xml>`: text as CDATA, short numbers as they are, lists as repeated elements. Characters
 * that XML cannot hold are left out.
 *
 * @throws TypeError for a field name that is no plain XML name, and for a value that is neither text, fields nor a
 * list
 */
export function buildPushXml(message: PushMessage): string {
  return element('xml', fieldsText(message));
}

function fieldsText(fields: PushMessage): string {
  return Object.entries(fields)
    .map(([name, value]) => fieldText(name, value))
    .join('');
}

function fieldText(name: string, value: PushValue): string {
  if (!NAME.test(name)) throw new TypeError('a field name must be letters, digits, "_", "." and "-"');
  if (Array.isArray(value)) return value.map((each: PushValue) => fieldText(name, each)).join('');
  if (typeof value === 'string') return element(name, textOf(value));
  if (typeof value === 'object' && value !== null) return element(name, fieldsText(value as PushMessage));
  throw new TypeError(`"${name}" must be text, fields or a list, got ${value === null ? 'null' : typeof value}`);
}

function textOf(value: string): string {
  if (NUMBER.test(value)) return value;
  return `<![CDATA[${value.replace(UNWRITABLE, '').replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}
