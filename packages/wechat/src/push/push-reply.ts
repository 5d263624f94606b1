import type { CallbackReply } from '@evertoken/core';
import { buildPushXml } from './build-push-xml.js';
import { encryptMessage } from './push-crypto.js';
import type { PushFormat, PushMessage } from './push-message.js';
import { messageSignature } from './push-signature.js';

/** Never sniffed, never kept: an echo must not become a page. */
const TEXT_HEADERS = Object.freeze({
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
});
const CONTENT_TYPES: Readonly<Record<PushFormat, string>> = {
  xml: 'application/xml; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

/** What signs and encrypts a reply. */
export interface ReplySeal {
  readonly token: string;
  /** 32 bytes. */
  readonly aesKey: Uint8Array;
  readonly receiveId: string;
  /** The push's own. */
  readonly nonce: string;
  /** Unix ms. */
  readonly now: number;
}

/** The one answer to everything that is wrong. */
export const REFUSAL: CallbackReply = Object.freeze({ status: 403, headers: TEXT_HEADERS, body: '' });

/** What the platforms take for "received": exactly this word, never encrypted. */
export const SUCCESS: CallbackReply = textReply('success');

/** Also "received"; never encrypted either. */
export const NOTHING: CallbackReply = textReply('');

/** Text, shown as nothing but text. */
export function textReply(body: string): CallbackReply {
  return Object.freeze({ status: 200, headers: TEXT_HEADERS, body });
}

/** A reply as the push came: XML or JSON; encrypted and signed where the push was. */
export function contentReply(
  content: string | PushMessage,
  format: PushFormat,
  seal: ReplySeal | undefined,
): CallbackReply {
  const message = typeof content === 'string' ? content : written(content, format);
  const body = seal ? sealed(message, format, seal) : message;
  return { status: 200, headers: { ...TEXT_HEADERS, 'content-type': CONTENT_TYPES[format] }, body };
}

function sealed(message: string, format: PushFormat, { token, aesKey, receiveId, nonce, now }: ReplySeal): string {
  const timestamp = String(Math.floor(now / 1000));
  const encrypt = encryptMessage({ message, receiveId }, aesKey);
  const signature = messageSignature({ token, timestamp, nonce }, encrypt);
  const envelope = { Encrypt: encrypt, MsgSignature: signature, TimeStamp: timestamp, Nonce: nonce };
  // In JSON the documents show the time as a number.
  return format === 'json' ? JSON.stringify({ ...envelope, TimeStamp: Number(timestamp) }) : buildPushXml(envelope);
}

function written(message: PushMessage, format: PushFormat): string {
  return format === 'json' ? JSON.stringify(message) : buildPushXml(message);
}
