import { randomInt } from 'node:crypto';
import type { Clock } from './clock.js';
import type { PlatformName } from './platform.js';
import { decryptReply, encryptPush, pushSignature } from './push-crypto.js';
import { type PushFields, xmlMessage, xmlText } from './push-message.js';
import { jsonObject, textField } from './request.js';

/** Where a push goes to and what protects it. */
export interface PushTarget {
  readonly platform: PlatformName;
  /** Whose push it is in the log: an app id, a corp id, a suite id. */
  readonly account: string;
  /** Whom it is about, such as an authorizer's app id. */
  readonly subject?: string;
  readonly url: string;
  readonly token: string;
  readonly encodingAESKey: string;
  readonly receiveId: string;
}

/** One message to be pushed. */
export interface PushOrder extends PushTarget {
  /** What the log calls it: `InfoType`, `Event` or `MsgType`. */
  readonly event: string;
  readonly message: PushFields;
  /** Default: `xml`. */
  readonly format?: 'xml' | 'json';
  /** `compatible` carries the plain fields and the encrypted ones. Default: `safe`. */
  readonly mode?: 'safe' | 'plain' | 'compatible';
  /** Clear fields next to `Encrypt`, such as `AppId`, or `ToUserName` and `AgentID`. */
  readonly envelope?: PushFields;
}

/** A question whether a callback URL is really ours. */
export interface VerificationOrder extends PushTarget {
  /** `plain` (official account): the text comes back as it is. `encrypted` (WeCom): it comes back decrypted. */
  readonly verification: 'plain' | 'encrypted';
}

/**
 * What came of a push:
 *
 * - `success`, `empty`, `reply`: the platform is content. `verified`: so it is with the URL.
 * - `invalid`: another body than the platform understands, or an encrypted reply that it cannot open.
 * - `status`: an HTTP status other than 200. `timeout`: no answer in time. `network`: no connection.
 */
export type PushOutcome =
  | 'pending'
  | 'success'
  | 'empty'
  | 'reply'
  | 'verified'
  | 'invalid'
  | 'status'
  | 'timeout'
  | 'network';

/** One push and what was answered. Never holds a secret, a key, a ticket or a code. */
export interface PushRecord {
  /** Sandbox time of the first try, Unix milliseconds. */
  readonly at: number;
  /** Which platform pushed. */
  readonly platform: PlatformName;
  /** App id it was for. */
  readonly account: string;
  /** Whom it was about. */
  readonly subject?: string;
  /** `InfoType`, `Event` or `MsgType` of the message; `verification` for a check of the URL. */
  readonly event: string;
  /** The callback URL without its query. */
  readonly url: string;
  /** How often it was sent: up to three times. */
  readonly tries: number;
  /** That of the last try. */
  readonly outcome: PushOutcome;
  /** HTTP status of the last try, if there was an answer. */
  readonly status?: number;
  /** The reply to a message, decrypted. */
  readonly reply?: string;
}

export interface PushSenderOptions {
  /** Real milliseconds that an answer may take. */
  readonly timeoutMs: number;
  /** How often a push is sent in all while nobody answers it well. Default: 3. */
  readonly tries?: number;
}

type OpenRecord = { -readonly [Key in keyof PushRecord]: PushRecord[Key] };
type Verdict = Pick<PushRecord, 'outcome' | 'status' | 'reply'>;

interface Delivery {
  readonly url: URL;
  readonly init: RequestInit;
  /** What an answer with HTTP 200 means. */
  readonly judge: (body: string) => Verdict;
}

const MAX_RECORDS = 100_000;

/**
 * Sends pushes over HTTP, each account's one after the other, and keeps a log of what was answered. A push that is not
 * answered well is sent again at once, the same to the byte, three times in all.
 */
export class PushSender {
  #records: OpenRecord[] = [];
  #queues = new Map<string, Promise<unknown>>();
  #stop = new AbortController();
  readonly #clock: Clock;
  readonly #options: PushSenderOptions;

  constructor(clock: Clock, options: PushSenderOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Signs, encrypts and sends a message. Resolves when it was answered or given up; never rejects. */
  send(order: PushOrder): Promise<PushRecord> {
    return this.#enqueue(order, order.event, messageDelivery(order, this.#seconds()), this.#options.tries ?? 3);
  }

  /** Asks once whether the URL answers as its owner would. Never rejects. */
  verify(order: VerificationOrder): Promise<PushRecord> {
    return this.#enqueue(order, 'verification', verificationDelivery(order, this.#seconds()), 1);
  }

  /** Resolves once no push is under way, those included that are sent meanwhile. */
  async settled(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  /** Every push so far, oldest first; the newest 100 000 at most. */
  log(): PushRecord[] {
    return this.#records.map((record) => ({ ...record }));
  }

  /** Cuts off what is under way and forgets the log. */
  clear(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#queues.clear();
    this.#records = [];
  }

  #seconds(): string {
    return String(Math.floor(this.#clock.now() / 1000));
  }

  #enqueue(target: PushTarget, event: string, delivery: Delivery, tries: number): Promise<PushRecord> {
    const { platform, account, subject } = target;
    const url = `${delivery.url.origin}${delivery.url.pathname}`;
    const ids = { platform, account, ...(subject !== undefined && { subject }) };
    const record: OpenRecord = { at: this.#clock.now(), ...ids, event, url, tries: 0, outcome: 'pending' };
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records = this.#records.slice(MAX_RECORDS / 10);

    const queues = this.#queues;
    const queue = `${platform} ${account}`;
    const { signal } = this.#stop;
    const work = (queues.get(queue) ?? Promise.resolve()).then(() => this.#deliver(record, delivery, tries, signal));
    const end = work.finally(() => {
      if (queues.get(queue) === end) queues.delete(queue);
    });
    queues.set(queue, end);
    return end.then(() => ({ ...record }));
  }

  async #deliver(record: OpenRecord, delivery: Delivery, tries: number, stop: AbortSignal): Promise<void> {
    while (record.tries < tries && !stop.aborted) {
      record.tries += 1;
      Object.assign(record, await attempt(delivery, this.#options.timeoutMs, stop));
      if (['success', 'empty', 'reply', 'verified'].includes(record.outcome)) return;
    }
  }
}

async function attempt({ url, init, judge }: Delivery, timeoutMs: number, stop: AbortSignal): Promise<Verdict> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.any([timeout, stop]) });
    const body = await response.text();
    if (response.status !== 200) return { outcome: 'status', status: response.status };
    return { ...judge(body), status: 200 };
  } catch {
    return { outcome: timeout.aborted ? 'timeout' : 'network' };
  }
}

function messageDelivery(order: PushOrder, timestamp: string): Delivery {
  const { token, message, envelope = {}, format = 'xml', mode = 'safe' } = order;
  const write = format === 'xml' ? xmlMessage : (fields: PushFields) => JSON.stringify(fields);
  const nonce = newNonce();
  const signature = pushSignature(token, timestamp, nonce);
  const content = format === 'xml' ? 'text/xml' : 'application/json';
  const headers = { 'content-type': content };
  if (mode === 'plain') {
    const url = withQuery(order.url, { signature, timestamp, nonce });
    return { url, init: { method: 'POST', headers, body: write(message) }, judge: (body) => judgePlain(body) };
  }
  const encrypted = encryptPush(order, write(message));
  const url = withQuery(order.url, {
    // WeCom sends no signature that leaves the body out.
    ...(order.platform === 'wechat' && { signature, encrypt_type: 'aes' }),
    timestamp,
    nonce,
    msg_signature: pushSignature(token, timestamp, nonce, encrypted),
  });
  const body = write({ ...(mode === 'compatible' ? message : {}), ...envelope, Encrypt: encrypted });
  return { url, init: { method: 'POST', headers, body }, judge: (answer) => judgeEncrypted(order, nonce, answer) };
}

function verificationDelivery(order: VerificationOrder, timestamp: string): Delivery {
  const { token } = order;
  const nonce = newNonce();
  const text = `${newNonce()}${newNonce()}`;
  const judge = (body: string): Verdict => ({ outcome: body === text ? 'verified' : 'invalid' });
  if (order.verification === 'plain') {
    const query = { signature: pushSignature(token, timestamp, nonce), timestamp, nonce, echostr: text };
    return { url: withQuery(order.url, query), init: {}, judge };
  }
  const echostr = encryptPush(order, text);
  const query = { msg_signature: pushSignature(token, timestamp, nonce, echostr), timestamp, nonce, echostr };
  return { url: withQuery(order.url, query), init: {}, judge };
}

function judgePlain(body: string): Verdict {
  if (body === 'success') return { outcome: 'success' };
  if (body === '') return { outcome: 'empty' };
  const understood = jsonObject(body) !== undefined || /^\s*<xml>[\s\S]*<\/xml>\s*$/.test(body);
  return understood ? { outcome: 'reply', reply: body } : { outcome: 'invalid' };
}

/** A reply must be encrypted for the same receiver, signed, and bear the nonce of the push. */
function judgeEncrypted(order: PushOrder, nonce: string, body: string): Verdict {
  if (body === 'success') return { outcome: 'success' };
  if (body === '') return { outcome: 'empty' };
  const json = jsonObject(body);
  const field = (name: string) => (json ? jsonField(json, name) : xmlText(body, name)) ?? '';
  const encrypted = field('Encrypt');
  const signature = pushSignature(order.token, field('TimeStamp'), field('Nonce'), encrypted);
  if (encrypted === '' || field('Nonce') !== nonce || field('MsgSignature') !== signature)
    return { outcome: 'invalid' };
  const reply = decryptReply(order, encrypted);
  return reply === undefined ? { outcome: 'invalid' } : { outcome: 'reply', reply };
}

function jsonField(json: Record<string, unknown>, name: string): string | undefined {
  const value = json[name];
  return typeof value === 'number' ? String(value) : textField(json, name);
}

function withQuery(address: string, query: Readonly<Record<string, string>>): URL {
  const url = new URL(address);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

function newNonce(): string {
  return String(randomInt(100_000_000, 2_000_000_000));
}
