import type { ReceivedPush } from './open-push.js';

/** How much a `PushMemory` keeps. */
export interface PushMemoryOptions {
  /** The current time, Unix ms. */
  readonly now: () => number;
  /** Pushes kept; the oldest go first. About 200 bytes each. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** How long a push is kept, ms. Default 20 min: from then on a replay window of 10 min lets none in again. */
  readonly maxAgeMs?: number | undefined;
}

const MAX_ENTRIES = 10_000;
const MAX_AGE_MS = 20 * 60_000;

/**
 * Remembers pushes in this process, so that a repetition is answered without its work being done twice. The platforms
 * repeat what was not answered within seconds, and sometimes what was. Several processes behind one address each have
 * a memory of their own; they need work that does no harm when done twice, or a common store under `push.id`.
 */
export class PushMemory {
  readonly #now: () => number;
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;
  /** By id, when it came; in the order of coming. */
  readonly #seen = new Map<string, number>();

  constructor({ now, maxEntries = MAX_ENTRIES, maxAgeMs = MAX_AGE_MS }: PushMemoryOptions) {
    if (!(maxEntries >= 1)) throw new RangeError(`"maxEntries" must be at least 1, got ${maxEntries}`);
    if (!(maxAgeMs > 0)) throw new RangeError(`"maxAgeMs" must be above 0, got ${maxAgeMs}`);
    this.#now = now;
    this.#maxEntries = maxEntries;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Whether this push has been here; from now on it has. */
  seen({ id }: Pick<ReceivedPush, 'id'>): boolean {
    const now = this.#now();
    for (const [old, at] of this.#seen) {
      if (now - at < this.#maxAgeMs) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(id)) return true;
    this.#seen.set(id, now);
    if (this.#seen.size > this.#maxEntries) this.forget({ id: this.#seen.keys().next().value ?? id });
    return false;
  }

  /** Forgets a push whose work failed, so that its repetition is done. */
  forget({ id }: Pick<ReceivedPush, 'id'>): void {
    this.#seen.delete(id);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#seen.size;
  }
}
