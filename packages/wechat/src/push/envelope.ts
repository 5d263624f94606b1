import { readFields } from './push-fields.js';
import { type PushFormat, type PushMessage, textOf } from './push-message.js';
import type { XmlReader } from './push-xml.js';
import { usualCiphertext } from './usual-envelope.js';

/** What a body is: a ciphertext with something around it that nobody signed, or a push in plain mode. */
export type Envelope =
  | { readonly format: PushFormat; readonly encrypt: string }
  | { readonly format: PushFormat; readonly plain: PushMessage };

/**
 * Reads a body.
 *
 * @throws Error where it is neither XML nor JSON, or has something else than one text under `Encrypt`
 */
export function readEnvelope(body: string, readXml: XmlReader): Envelope {
  const usual = usualCiphertext(body);
  if (usual !== undefined) return { format: 'xml', encrypt: usual };
  const { format, fields } = readFields(body, readXml);
  if (!Object.hasOwn(fields, 'Encrypt')) return { format, plain: fields };
  const encrypt = textOf(fields, 'Encrypt');
  if (encrypt === undefined) throw new Error('not one ciphertext');
  return { format, encrypt };
}
