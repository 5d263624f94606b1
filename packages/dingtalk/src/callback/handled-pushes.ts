import type { ReceivedDingTalkPush } from './open-callback.js';

/** 10,000 pushes, about 200 bytes each. */
const MAX_ENTRIES = 10_000;
/** 2 h: from then on a replay window of 1 h, both ways, lets none in again. */
const MAX_AGE_MS = 2 * 60 * 60_000;

interface Entry {
  readonly at: number;
  readonly done: Promise<void>;
}

/**
 * The pushes that this process has handled, so that each is handled once: a repetition waits for the same end. What failed is forgotten, so that
 * its repetition is done.
 */
export class HandledPushes {
  readonly #now: () => number;
  /** In the order of coming. */
  readonly #entries = new Map<string, Entry>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Resolves once the push is handled; `handle` does it where it is new. */
  once(push: ReceivedDingTalkPush, handle: () => Promise<void>): Promise<void> {
    const now = this.#now();
    for (const [old, { at }] of this.#entries) {
      if (now - at < MAX_AGE_MS) break;
      this.#entries.delete(old);
    }
    const key = keyOf(push);
    const known = this.#entries.get(key);
    if (known) return known.done;
    const entry: Entry = { at: now, done: handle() };
    entry.done.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break;
      this.#entries.delete(oldest);
    }
    return entry.done;
  }
}

/**
 * All that the event says. A repetition is encrypted anew, perhaps with another time in its query; only where the event itself has none, two
 * that say the same are told apart by that.
 */
function keyOf({ event, timestamp }: ReceivedDingTalkPush): string {
  const at = event['TimeStamp'] ?? event['timeStamp'] ?? event['timestamp'];
  const parts = at === undefined ? [event, timestamp] : [event];
  return process.getBuiltinModule('node:crypto').hash('sha256', JSON.stringify(parts), 'base64url');
}
