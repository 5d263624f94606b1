import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { PushRecord } from '../push-sender.js';
import type { DingTalkClient } from './client.js';
import { type HttpChannel, pushOverHttp, type Verdict } from './push-http.js';
import type { StreamGateway } from './stream-gateway.js';

/** One event to be told, by whichever channel its client uses when it is sent. */
export interface DingTalkPush {
  readonly client: DingTalkClient;
  readonly subject?: string | undefined;
  /** What the log calls it. */
  readonly event: string;
  /** Where it goes now: a callback, or `stream`. */
  channel(): HttpChannel | 'stream';
  /** What a callback gets. */
  message(): Readonly<Record<string, unknown>>;
  /** What a Stream client gets; `corpId` is whose event it is. */
  frame(): { readonly eventType: string; readonly data: object; readonly corpId: string };
  readonly bornAt: number;
  /** The decrypted reply that counts. Default: `success`. */
  readonly wanted?: string;
  /** How often it is tried. Default: the client's `repushTries`. */
  readonly tries?: number;
  /** Whether nobody needs it any more. */
  readonly outdated?: () => boolean;
}

type OpenRecord = { -readonly [Key in keyof PushRecord]: PushRecord[Key] };

interface Entry {
  readonly push: DingTalkPush;
  readonly record: OpenRecord;
  readonly eventId: string;
  dueAt: number;
  isUnderWay: boolean;
}

const STREAM_URL = 'stream';
const MAX_RECORDS = 100_000;

/**
 * Pushes of DingTalk: each account's one after the other, again at a distance until they are acknowledged. What goes over Stream
 * waits for a connection.
 */
export class DingTalkPushes {
  #records: OpenRecord[] = [];
  readonly #entries = new Set<Entry>();
  #queues = new Map<string, Promise<unknown>>();
  #stop = new AbortController();
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #stream: StreamGateway;

  constructor(clock: Clock, timeoutMs: number, stream: StreamGateway) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#stream = stream;
  }

  /** Sends an event. Resolves when the first try has been answered; never rejects. */
  async send(push: DingTalkPush): Promise<PushRecord> {
    const { client, subject, event } = push;
    const record: OpenRecord = {
      at: this.#clock.now(),
      platform: 'dingtalk',
      account: client.account,
      ...(subject !== undefined && { subject }),
      event,
      url: urlOf(push),
      tries: 0,
      outcome: 'pending',
    };
    const entry: Entry = { push, record, eventId: randomUUID(), dueAt: record.at, isUnderWay: false };
    this.#entries.add(entry);
    await this.#try(entry);
    return { ...record };
  }

  /** Sends again what is due. */
  tick(): void {
    const now = this.#clock.now();
    for (const entry of this.#entries) if (!entry.isUnderWay && now >= entry.dueAt) void this.#try(entry);
  }

  /** Resolves once no push is under way; those that wait for their next try, or for a Stream connection, are not. */
  async settled(): Promise<void> {
    while (this.#queues.size > 0) await Promise.all(this.#queues.values());
  }

  log(): PushRecord[] {
    return this.#records.map((record) => ({ ...record }));
  }

  /** How many events of an account nobody has acknowledged yet, those included that wait for a Stream connection. */
  waiting(account: string): number {
    return [...this.#entries].filter(({ push }) => push.client.account === account).length;
  }

  clear(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#entries.clear();
    this.#queues = new Map();
    this.#records = [];
  }

  #try(entry: Entry): Promise<void> {
    entry.isUnderWay = true;
    const queues = this.#queues;
    const queue = entry.push.client.account;
    const { signal } = this.#stop;
    const work = (queues.get(queue) ?? Promise.resolve()).then(() => this.#deliver(entry, signal));
    const end = work.finally(() => {
      if (queues.get(queue) === end) queues.delete(queue);
    });
    queues.set(queue, end);
    return end;
  }

  async #deliver(entry: Entry, stop: AbortSignal): Promise<void> {
    const { push, record } = entry;
    const limit = push.tries ?? push.client.switches.repushTries;
    do {
      if (!this.#entries.has(entry)) return;
      // Nobody is there to take it: the next connection will.
      const isNobodyThere = push.channel() === 'stream' && this.#stream.count(push.client.account) === 0;
      const isOutdated = push.outdated?.() ?? false;
      if (isNobodyThere && !isOutdated) break;
      if (!isOutdated) await this.#attempt(entry, stop);
      if (!this.#entries.has(entry)) return;
      if (isOutdated || record.outcome === 'success' || record.tries >= limit) {
        this.#entries.delete(entry);
        return;
      }
    } while (push.client.switches.repushEveryMs === 0);
    entry.dueAt = this.#clock.now() + (record.tries === 0 ? 0 : push.client.switches.repushEveryMs);
    entry.isUnderWay = false;
  }

  /** One try. What was never tried, for want of a Stream connection, is not in the log. */
  async #attempt({ push, record, eventId }: Entry, stop: AbortSignal): Promise<void> {
    const channel = push.channel();
    if (record.tries === 0) this.#note(record);
    record.tries += 1;
    record.url = urlOf(push);
    delete record.status;
    Object.assign(record, await this.#verdict(push, channel, eventId, stop));
  }

  async #verdict(
    push: DingTalkPush,
    channel: HttpChannel | 'stream',
    eventId: string,
    stop: AbortSignal,
  ): Promise<Verdict> {
    const { wanted = 'success', bornAt } = push;
    if (channel !== 'stream') {
      const options = { now: this.#clock.now(), timeoutMs: this.#timeoutMs, stop, wanted };
      return pushOverHttp(channel, push.message(), options);
    }
    const { account, switches } = push.client;
    const result = await this.#stream.deliver(account, { ...push.frame(), eventId, bornAt }, switches.streamAckMs);
    // LATER is an answer, but not the last.
    return result.outcome === 'later' ? { outcome: 'pending' } : result;
  }

  #note(record: OpenRecord): void {
    record.at = this.#clock.now();
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records = this.#records.slice(MAX_RECORDS / 10);
  }
}

function urlOf(push: DingTalkPush): string {
  const channel = push.channel();
  if (channel === 'stream') return STREAM_URL;
  const { origin, pathname } = new URL(channel.url);
  return `${origin}${pathname}`;
}
