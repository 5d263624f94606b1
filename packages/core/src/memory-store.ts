import { type Clock, systemClock } from './clock.js';
import type { TokenKey } from './key.js';
import { DueIndex } from './store/due-index.js';
import { duePage, listPage } from './store/pages.js';
import type { TokenRecord } from './store/record.js';
import { SteppedStore } from './store/stepped-store.js';
import type { Step } from './store/steps.js';
import type { DueQuery, ListFilter, StoreTraits, TokenStore } from './store/store.js';
import type { EpochMs } from './token.js';

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  /** Replaces the store's clock. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Keeps records in this process: process scope, not durable, the reference of what a store owes. */
export function memoryStore(options: MemoryStoreOptions = {}): TokenStore {
  return new MemoryStore(options.clock ?? systemClock);
}

class MemoryStore extends SteppedStore {
  readonly name = 'memoryStore';
  readonly #records = new Map<TokenKey, TokenRecord>();
  readonly #due = new DueIndex();
  readonly #listeners = new Set<(key: TokenKey) => void>();
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    super();
    this.#clock = clock;
  }

  async open(): Promise<StoreTraits> {
    return { durable: false, scope: 'process' };
  }

  async read(key: TokenKey) {
    const record = this.#records.get(key);
    return { ...(record && { record }), now: this.#clock.now() };
  }

  async due(query: DueQuery) {
    return duePage(this.#due, (key) => this.#records.get(key), query, this.#clock.now());
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    return listPage(this.#records.keys(), (key) => this.#records.get(key), filter, page, this.#clock.now());
  }

  watch(listener: (key: TokenKey) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  peek(key: TokenKey) {
    return this.#records.get(key);
  }

  /** Records outlive a manager: another one in this process may go on with them. */
  async close() {}

  /** No await between the look and the write: that is the atomicity. */
  protected async swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: EpochMs) => Step<Answer>,
  ): Promise<Answer> {
    const { next, answer } = decide(this.#records.get(key), this.#clock.now());
    if (next) {
      this.#records.set(key, next);
      this.#due.set(key, next.refreshAt);
      for (const listener of this.#listeners) listener(key);
    }
    return answer;
  }
}
