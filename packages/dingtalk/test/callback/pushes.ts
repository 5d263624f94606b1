import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import type { CallbackKeys } from '../../src/callback/callback-keys.js';
import type { CallbackSettings, DingTalkPush, ReceivedDingTalkPush } from '../../src/callback/open-callback.js';

// Sealed and opened here by other code than the package's: what both get wrong would fit together.

/** 2026-11-20 16:00:00.123 in China. */
export const NOON = Date.UTC(2026, 10, 20, 8, 0, 0, 123);
/** As most real keys, with low bits that belong to no byte. */
export const KEYS: CallbackKeys = {
  token: '123456',
  encodingAESKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij',
};
export const OTHER_KEYS: CallbackKeys = {
  token: 'next0token',
  encodingAESKey: 'o1w0aum42yaptlz8alnhwikjd3jenzt9cb9wmzptgus',
};
export const SUITE = 'suitetest0001';
export const NONCE = 'nonceABC';
export const RANDOM = Buffer.from('0123456789abcdef');
export const SETTINGS: CallbackSettings = { keys: [KEYS], ownerKeys: [SUITE], now: () => NOON };

export const TICKET = {
  SuiteKey: SUITE,
  EventType: 'suite_ticket',
  TimeStamp: 1_700_000_000_000,
  SuiteTicket: 'TicketAlpha123',
};

/** How a test push differs from a good one. */
export interface PushParts {
  readonly event?: unknown;
  /** The message itself, instead of the event as JSON. */
  readonly message?: string | Uint8Array;
  readonly ownerKey?: string | Uint8Array;
  readonly keys?: CallbackKeys;
  /** Unix ms. */
  readonly at?: number;
  readonly timestamp?: string;
  readonly nonce?: string;
  readonly random?: Uint8Array;
  /** What the length field says. */
  readonly length?: number;
  /** What stands behind the owner key, instead of the right padding. */
  readonly padding?: Uint8Array;
  /** The ciphertext itself. */
  readonly encrypt?: string;
  /** The body itself, instead of the envelope around the ciphertext. */
  readonly body?: string | Uint8Array;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly method?: string;
}

/** An encrypted push as the platform sends it. */
export function pushOf(parts: PushParts = {}): CallbackRequest {
  const { keys = KEYS, at = NOON, timestamp = String(at), nonce = NONCE, method = 'POST' } = parts;
  const encrypt = parts.encrypt ?? seal(parts);
  return {
    method,
    query: parts.query ?? { signature: sign(keys.token, timestamp, nonce, encrypt), timestamp, nonce },
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(parts.body ?? JSON.stringify({ encrypt })),
  };
}

/** The ciphertext of a message: 16 random bytes, length, message, owner key, padding. */
export function seal(parts: PushParts = {}): string {
  const { event = TICKET, message = JSON.stringify(event), ownerKey = SUITE, keys = KEYS, random = RANDOM } = parts;
  const text = Buffer.from(message);
  const length = parts.length ?? text.length;
  const plain = Buffer.concat([
    random,
    Buffer.from([length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]),
    text,
    Buffer.from(ownerKey),
  ]);
  const pad = 32 - (plain.length % 32);
  const key = Buffer.from(keys.encodingAESKey, 'base64');
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([
    cipher.update(Buffer.concat([plain, parts.padding ?? Buffer.alloc(pad, pad)])),
    cipher.final(),
  ]).toString('base64');
}

export function sign(...values: readonly string[]): string {
  return createHash('sha1')
    .update([...values].sort().join(''))
    .digest('hex');
}

/** What the platform reads in a reply; throws where it would not be content. */
export function readReply(reply: CallbackReply, keys: CallbackKeys = KEYS): { message: string; ownerKey: string } {
  const { msg_signature, timeStamp, nonce, encrypt, ...others } = JSON.parse(reply.body) as Record<string, string>;
  if (Object.keys(others).length > 0) throw new Error(`unknown fields: ${Object.keys(others)}`);
  if (msg_signature !== sign(keys.token, String(timeStamp), String(nonce), String(encrypt))) {
    throw new Error('another signature');
  }
  const key = Buffer.from(keys.encodingAESKey, 'base64');
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const block = Buffer.concat([decipher.update(Buffer.from(String(encrypt), 'base64')), decipher.final()]);
  const end = block.length - (block.at(-1) ?? 0);
  const messageEnd = 20 + block.readUInt32BE(16);
  return { message: block.toString('utf8', 20, messageEnd), ownerKey: block.toString('utf8', messageEnd, end) };
}

export function eventIn(push: DingTalkPush): ReceivedDingTalkPush {
  if (push.kind !== 'event') throw new Error(`the push is ${push.kind}`);
  return push;
}
