import type { ReceivedPush } from './open-push.js';
import type { PushResult } from './push-handler.js';
import { textOf } from './push-message.js';

/** 10,000 pushes: about 200 bytes each, and what was replied. */
const MAX_ENTRIES = 10_000;
/** 20 min: the platforms repeat within a quarter of a minute, and from then on a replay window of 10 min lets none in again. */
const MAX_AGE_MS = 20 * 60_000;

/** One push that is being handled, or was. */
export interface PushEntry {
  readonly at: number;
  /** Whether it may be answered with "received": what it means for tokens is stored. */
  settled: boolean;
  readonly result: Promise<PushResult>;
}

/**
 * What became of the pushes of this process, so that each is handled once: a repetition waits for the same result. What failed is
 * forgotten, so that its repetition is done.
 */
export class PushResults {
  readonly #now: () => number;
  /** In the order of coming. */
  readonly #entries = new Map<string, PushEntry>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The entry of the push; where it is new, `handle` works on it. */
  of(push: ReceivedPush, handle: (entry: PushEntry) => Promise<PushResult>): PushEntry {
    const now = this.#now();
    for (const [old, { at }] of this.#entries) {
      if (now - at < MAX_AGE_MS) break;
      this.#entries.delete(old);
    }
    const key = keyOf(push);
    const known = this.#entries.get(key);
    if (known) return known;
    const entry = new Handling(now, handle);
    entry.result.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }
}

class Handling implements PushEntry {
  settled = false;
  readonly result: Promise<PushResult>;

  constructor(
    readonly at: number,
    handle: (entry: PushEntry) => Promise<PushResult>,
  ) {
    this.result = handle(this);
  }
}

/**
 * Of messages who sent it and its `MsgId`. Of events, which have none, all that they say: sender and time, which the documents name,
 * are the same for two people's events that the platform itself sends. Never the query: a repetition may be signed anew.
 * https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html
 */
function keyOf({ message }: ReceivedPush): string {
  const id = textOf(message, 'MsgId');
  const parts = id ? [textOf(message, 'FromUserName') ?? '', textOf(message, 'AgentID') ?? '', id] : message;
  return process.getBuiltinModule('node:crypto').hash('sha256', JSON.stringify(parts), 'base64url');
}
