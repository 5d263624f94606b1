import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { readEnvelope } from './envelope.js';
import { type DecryptedMessage, decryptMessage } from './push-crypto.js';
import { readFields, textOfBody } from './push-fields.js';
import { aesKeyOf, type PushKeys } from './push-keys.js';
import type { PushFormat, PushMessage } from './push-message.js';
import { contentReply, NOTHING, REFUSAL, SUCCESS, textReply } from './push-reply.js';
import { messageSignature, plainSignature, type SignedValues, sameSignature } from './push-signature.js';
import { type XmlReader, xmlReader } from './push-xml.js';

/** How pushes to one address are judged. */
export interface PushSettings {
  /** Tried in this order; several while keys are being changed. A reply is encrypted with the pair that opened the push. */
  readonly keys: readonly PushKeys[];
  /** For whom a push may be: app ids, a component's app id, corp ids, suite ids; '' where the platform sends none. */
  readonly receiveIds: readonly string[];
  /** The current time, Unix ms. */
  readonly now: () => number;
  /** How far a push's time may be from ours, both ways, ms. `Infinity` switches the check off. Default 10 min. */
  readonly replayWindowMs?: number | undefined;
  /** Largest body, bytes. Default 1 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * Also takes pushes in plain mode. Their `signature` does not cover the body: who has seen one push can send any
   * content until its time is over. Only for addresses nobody else can reach, and never for one that gets encrypted
   * pushes. Default false.
   */
  readonly plain?: boolean | undefined;
  /** How the platform verifies the address: official accounts and mini programs `plain`, WeCom `encrypted`. Default `plain`. */
  readonly verification?: 'plain' | 'encrypted' | undefined;
}

/** A push that is genuine, for us, and recent. It may still be a repetition: see `PushMemory`. */
export interface ReceivedPush {
  /** Tells it from what needs no handling. */
  readonly kind: 'message';
  /** The decrypted fields, and nothing of what stood around them. */
  readonly message: PushMessage;
  /** Which of `receiveIds` it is for. Empty in plain mode, which has none. */
  readonly receiveId: string;
  /** When the platform says it was sent, Unix ms. */
  readonly timestamp: number;
  /** How the body was written. */
  readonly format: PushFormat;
  /** The same for the same push sent again, and for nothing else: a digest of content, time and nonce. */
  readonly id: string;
  /**
   * What to answer: without a body `success`, else this text (XML or JSON, as the push) or these fields, encrypted if
   * the push was. `success` and an empty text are never encrypted.
   */
  reply(body?: string | PushMessage): CallbackReply;
}

/** What came: a check of the address, with its answer; a push; or something else, with the answer to give. */
export type Push =
  | {
      /** The platform checks the address. */
      readonly kind: 'verification';
      /** What to answer. */
      readonly reply: CallbackReply;
    }
  | ReceivedPush
  | {
      /** Nobody who holds the keys sent it. */
      readonly kind: 'refused';
      /** What to answer. */
      readonly reply: CallbackReply;
    };

const REPLAY_WINDOW_MS = 10 * 60_000;
const MAX_BYTES = 1024 * 1024;
/** Unix seconds; 11 digits last until the year 5138. */
const SECONDS = /^\d{1,11}$/;
const NONCE = /^[\x21-\x7e]{1,128}$/;
/** A verification's text comes back to whoever asked: letters and digits, and what base64 and ids need. */
const HARMLESS = /^[\w.~+/=-]{1,512}$/;

/** What every refusal is. */
export const REFUSED: Extract<Push, { kind: 'refused' }> = Object.freeze({ kind: 'refused', reply: REFUSAL });

/** The query of a push, each value once. */
interface PushQuery {
  readonly timestamp: string;
  readonly nonce: string;
  /** Of `timestamp`, Unix ms. */
  readonly sentAt: number;
  readonly signature: unknown;
  readonly msgSignature: unknown;
  readonly echostr: unknown;
}

interface Opened {
  readonly decrypted: DecryptedMessage;
  readonly keys: PushKeys;
  readonly aesKey: Uint8Array;
}

/**
 * Judges a request to the address that a console's "message push" or "callback" names. Whatever is wrong with it, it
 * is refused and never thrown, and every refusal is the same, so that it tells nobody which check failed. Order of
 * checks: query, time, size, encoding, envelope, `msg_signature` (in constant time), base64, decryption, padding,
 * length, receive id, content.
 *
 * https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html ,
 * https://developer.work.weixin.qq.com/document/path/90968
 */
export async function openPush(request: CallbackRequest, settings: PushSettings): Promise<Push> {
  // Outside of what is caught: that it is not installed is no fault of the sender's.
  const readXml = await xmlReader();
  try {
    return open(request, settings, readXml) ?? REFUSED;
  } catch {
    // A parser says no by throwing. What it says may quote the body.
    return REFUSED;
  }
}

function open(request: CallbackRequest, settings: PushSettings, readXml: XmlReader): Push | undefined {
  const query = readQuery(request, settings);
  if (query === undefined) return undefined;
  if (request.method === 'GET') return verify(query, settings);
  if (request.method !== 'POST' || request.body.length > (settings.maxBytes ?? MAX_BYTES)) return undefined;
  const envelope = readEnvelope(textOfBody(request.body), readXml);
  const { format } = envelope;
  if ('plain' in envelope)
    return settings.plain === true ? plainPush(query, envelope.plain, format, settings) : undefined;
  const opened = openEncrypted(envelope.encrypt, query, settings);
  if (opened === undefined) return undefined;
  const { message: content } = opened.decrypted;
  const { fields: message } = readFields(content, readXml);
  return new OpenedPush({ query, message, content, format, settings, opened });
}

/** Undefined where something is missing, came several times, or is too old or too new. */
function readQuery({ query }: CallbackRequest, settings: PushSettings): PushQuery | undefined {
  const { timestamp, nonce } = query as Readonly<Record<string, unknown>>;
  if (typeof timestamp !== 'string' || !SECONDS.test(timestamp)) return undefined;
  if (typeof nonce !== 'string' || !NONCE.test(nonce)) return undefined;
  const sentAt = Number(timestamp) * 1000;
  if (!(Math.abs(settings.now() - sentAt) <= (settings.replayWindowMs ?? REPLAY_WINDOW_MS))) return undefined;
  const { signature, msg_signature: msgSignature, echostr } = query;
  return { timestamp, nonce, sentAt, signature, msgSignature, echostr };
}

function verify(query: PushQuery, settings: PushSettings): Push | undefined {
  const { echostr } = query;
  if (typeof echostr !== 'string') return undefined;
  if (settings.verification === 'encrypted') {
    const opened = openEncrypted(echostr, query, settings);
    return opened && { kind: 'verification', reply: textReply(opened.decrypted.message) };
  }
  // The signature does not cover it, so it must be unable to do harm.
  if (!HARMLESS.test(echostr) || signerOf(query, settings) === undefined) return undefined;
  return { kind: 'verification', reply: textReply(echostr) };
}

function plainPush(
  query: PushQuery,
  message: PushMessage,
  format: PushFormat,
  settings: PushSettings,
): Push | undefined {
  // A push that is meant to be encrypted and lost its ciphertext on the way is no plain push.
  if (query.msgSignature !== undefined || signerOf(query, settings) === undefined) return undefined;
  return new OpenedPush({ query, message, content: JSON.stringify(message), format, settings, opened: undefined });
}

function signerOf(query: PushQuery, { keys }: PushSettings): PushKeys | undefined {
  return keys.find((each) => sameSignature(query.signature, plainSignature(signedBy(each, query))));
}

/** By the first keys that fit. `signature`, which comes along, covers no ciphertext and counts for nothing. */
function openEncrypted(encrypt: string, query: PushQuery, settings: PushSettings): Opened | undefined {
  for (const keys of settings.keys) {
    if (!sameSignature(query.msgSignature, messageSignature(signedBy(keys, query), encrypt))) continue;
    const aesKey = aesKeyOf(keys.encodingAESKey);
    const decrypted = decryptMessage(encrypt, aesKey);
    if (decrypted && settings.receiveIds.includes(decrypted.receiveId)) return { decrypted, keys, aesKey };
  }
  return undefined;
}

function signedBy({ token }: PushKeys, { timestamp, nonce }: PushQuery): SignedValues {
  return { token, timestamp, nonce };
}

interface PushParts {
  readonly query: PushQuery;
  readonly message: PushMessage;
  readonly content: string;
  readonly format: PushFormat;
  readonly settings: PushSettings;
  readonly opened: Opened | undefined;
}

class OpenedPush implements ReceivedPush {
  readonly kind = 'message';
  readonly message: PushMessage;
  readonly receiveId: string;
  readonly timestamp: number;
  readonly format: PushFormat;
  /** Holds the keys: never part of what is shown. */
  readonly #parts: PushParts;
  #id: string | undefined;

  constructor(parts: PushParts) {
    const { query, message, format, opened } = parts;
    this.message = message;
    this.receiveId = opened?.decrypted.receiveId ?? '';
    this.timestamp = query.sentAt;
    this.format = format;
    this.#parts = parts;
  }

  get id(): string {
    const { query, content } = this.#parts;
    this.#id ??= digestOf([query.timestamp, query.nonce, content]);
    return this.#id;
  }

  reply(body?: string | PushMessage): CallbackReply {
    const { opened, query, settings } = this.#parts;
    if (body === undefined || body === 'success') return SUCCESS;
    if (body === '') return NOTHING;
    if (opened === undefined) return contentReply(body, this.format, undefined);
    const { token } = opened.keys;
    const seal = { token, aesKey: opened.aesKey, receiveId: this.receiveId, nonce: query.nonce, now: settings.now() };
    return contentReply(body, this.format, seal);
  }
}

function digestOf(parts: readonly string[]): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', JSON.stringify(parts), 'hex');
}
