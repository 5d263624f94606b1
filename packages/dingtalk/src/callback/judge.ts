import { isUtf8 } from 'node:buffer';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { type CallbackContent, callbackSignature, decryptContent, sameSignature } from './callback-crypto.js';
import { aesKeyOf, type CallbackKeys } from './callback-keys.js';
import { type DingTalkEvent, readEvent } from './event-fields.js';
import type { CallbackSettings, DingTalkPush, ReceivedDingTalkPush } from './open-callback.js';
import { sealedReply } from './sealed-reply.js';

const REPLAY_WINDOW_MS = 60 * 60_000;
const MAX_BYTES = 1024 * 1024;
/** Unix ms; some gateways send seconds. */
const TIME = /^\d{10}(\d{3})?$/;
const NONCE = /^[\x21-\x7e]{1,128}$/;
/** Never sniffed, never kept. */
const HEADERS = Object.freeze({
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
});

/** The one answer to everything that is wrong. */
const REFUSED: DingTalkPush = Object.freeze({
  kind: 'refused',
  reply: Object.freeze({ status: 403, headers: HEADERS, body: '' }),
});

/** The query of a push. */
interface CallbackQuery {
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: unknown;
  /** Of `timestamp`, Unix ms. */
  readonly sentAt: number;
}

interface Opened {
  readonly content: CallbackContent;
  readonly keys: CallbackKeys;
  readonly aesKey: Uint8Array;
}

/** See `openCallback`. */
export function judge(request: CallbackRequest, settings: CallbackSettings): DingTalkPush {
  try {
    return open(request, settings) ?? REFUSED;
  } catch {
    // A parser says no by throwing. What it says may quote the body.
    return REFUSED;
  }
}

function open(request: CallbackRequest, settings: CallbackSettings): DingTalkPush | undefined {
  const query = readQuery(request, settings);
  if (query === undefined || request.method !== 'POST') return undefined;
  if (request.body.length > (settings.maxBytes ?? MAX_BYTES)) return undefined;
  const opened = decrypt(ciphertextIn(request.body), query, settings);
  if (opened === undefined) return undefined;
  const event = readEvent(opened.content.message);
  return isOurs(opened.content.ownerKey, event, settings) ? new OpenedPush(event, query, settings, opened) : undefined;
}

/** Undefined where something is missing, came several times, or is too old or too new. */
function readQuery({ query }: CallbackRequest, settings: CallbackSettings): CallbackQuery | undefined {
  // Gateways write them one way or the other; the vendor's own code looks in this order.
  const values: Readonly<Record<string, unknown>> = query;
  const timestamp = values['timeStamp'] ?? values['timestamp'];
  const signature = values['msg_signature'] ?? values['signature'];
  const { nonce } = values;
  if (typeof timestamp !== 'string' || !TIME.test(timestamp)) return undefined;
  if (typeof nonce !== 'string' || !NONCE.test(nonce)) return undefined;
  const sentAt = timestamp.length === 10 ? Number(timestamp) * 1000 : Number(timestamp);
  if (!(Math.abs(settings.now() - sentAt) <= (settings.replayWindowMs ?? REPLAY_WINDOW_MS))) return undefined;
  return { timestamp, nonce, signature, sentAt };
}

function ciphertextIn(body: Uint8Array): string {
  if (!isUtf8(body)) throw new Error('not UTF-8');
  // `trimStart` counts the byte order mark as a blank.
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString().trimStart();
  const envelope: unknown = JSON.parse(text);
  if (typeof envelope !== 'object' || envelope === null || !Object.hasOwn(envelope, 'encrypt')) {
    throw new Error('no ciphertext');
  }
  const { encrypt } = envelope as { readonly encrypt?: unknown };
  if (typeof encrypt !== 'string') throw new Error('not one ciphertext');
  return encrypt;
}

/** By the first keys that fit. */
function decrypt(encrypt: string, query: CallbackQuery, settings: CallbackSettings): Opened | undefined {
  const { timestamp, nonce, signature } = query;
  for (const keys of settings.keys) {
    // An option that nobody has set: without a token everybody can sign.
    if (keys.token === '') continue;
    if (!sameSignature(signature, callbackSignature({ token: keys.token, timestamp, nonce }, encrypt))) continue;
    const aesKey = aesKeyOf(keys.encodingAESKey);
    const content = decryptContent(encrypt, aesKey);
    if (content !== undefined) return { content, keys, aesKey };
  }
  return undefined;
}

function isOurs(ownerKey: string, { EventType, TestSuiteKey }: DingTalkEvent, settings: CallbackSettings): boolean {
  if (ownerKey === '') return false;
  if (settings.ownerKeys.includes(ownerKey)) return true;
  // When the address is checked for the first time the suite has no key yet; the check names the one it is for. It does nothing.
  const check = EventType === 'check_create_suite_url' || EventType === 'check_update_suite_url';
  return check && ownerKey === TestSuiteKey;
}

class OpenedPush implements ReceivedDingTalkPush {
  readonly kind = 'event';
  readonly event: DingTalkEvent;
  readonly ownerKey: string;
  readonly timestamp: number;
  /** Holds the keys: never part of what is shown. */
  readonly #opened: Opened;
  readonly #nonce: string;
  readonly #now: () => number;

  constructor(event: DingTalkEvent, query: CallbackQuery, settings: CallbackSettings, opened: Opened) {
    this.event = event;
    this.ownerKey = opened.content.ownerKey;
    this.timestamp = query.sentAt;
    this.#opened = opened;
    this.#nonce = query.nonce;
    this.#now = settings.now;
  }

  reply(text = 'success'): CallbackReply {
    const { keys, aesKey } = this.#opened;
    const random = process.getBuiltinModule('node:crypto').randomBytes(16);
    const signed = { token: keys.token, timestamp: String(this.#now()), nonce: this.#nonce };
    const body = sealedReply({ message: text, ownerKey: this.ownerKey }, signed, aesKey, random);
    return { status: 200, headers: HEADERS, body };
  }
}
