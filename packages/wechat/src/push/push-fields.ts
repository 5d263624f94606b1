import { isUtf8 } from 'node:buffer';
import { parsePushJson } from './push-json.js';
import type { PushFormat, PushMessage } from './push-message.js';
import type { XmlReader } from './push-xml.js';

/** Fields, and how they were written. */
export interface WrittenFields {
  readonly format: PushFormat;
  readonly fields: PushMessage;
}

/**
 * Reads XML or JSON by the first character that is no blank: content types are often wrong or absent. A byte order mark is
 * skipped.
 *
 * @throws Error for what is neither, and as `parsePushXml` and `parsePushJson` do
 */
export function readFields(text: string, readXml: XmlReader): WrittenFields {
  // `trimStart` counts the byte order mark as a blank.
  const content = text.trimStart();
  if (content.startsWith('<')) return { format: 'xml', fields: readXml(content) };
  if (content.startsWith('{')) return { format: 'json', fields: parsePushJson(content) };
  throw new Error('neither XML nor JSON');
}

/** A body as text. UTF-8 is all the platforms send; whatever else a header or an XML declaration claims does not count. */
export function textOfBody(body: Uint8Array): string {
  if (!isUtf8(body)) throw new Error('not UTF-8');
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}
