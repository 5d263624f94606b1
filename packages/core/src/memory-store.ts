import { type Clock, systemClock } from './clock.js';
import type { TokenKey } from './key.js';
import { DueIndex } from './store/due-index.js';
import { duePage, listPage } from './store/pages.js';
import type { Intent, TokenPart, TokenRecord } from './store/record.js';
import { claimStep, commitStep, noteStep, parkStep, removeStep, renewStep, type Step } from './store/steps.js';
import type {
  AttemptChange,
  CommitOptions,
  DueQuery,
  Lease,
  ListFilter,
  NoteOptions,
  Seen,
  StoreTraits,
  TokenStore,
} from './store/store.js';

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  /** Replaces the store's clock. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Keeps records in this process: process scope, not durable, the reference of what a store owes. */
export function memoryStore(options: MemoryStoreOptions = {}): TokenStore {
  return new MemoryStore(options.clock ?? systemClock);
}

class MemoryStore implements TokenStore {
  readonly name = 'memoryStore';
  readonly #records = new Map<TokenKey, TokenRecord>();
  readonly #due = new DueIndex();
  readonly #listeners = new Set<(key: TokenKey) => void>();
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  async open(): Promise<StoreTraits> {
    return { durable: false, scope: 'process' };
  }

  async read(key: TokenKey) {
    const record = this.#records.get(key);
    return { ...(record && { record }), now: this.#clock.now() };
  }

  async claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>) {
    return this.#take(
      seen.key,
      claimStep(this.#records.get(seen.key), { seen, holder, ttlMs, intent, now: this.#clock.now() }),
    );
  }

  async renew(lease: Lease, ttlMs: number) {
    return this.#take(lease.key, renewStep(this.#records.get(lease.key), lease, ttlMs, this.#clock.now()));
  }

  async commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
    return this.#take(key, commitStep(this.#records.get(key), { key, token, options, now: this.#clock.now() }));
  }

  async note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
    return this.#take(lease.key, noteStep(this.#records.get(lease.key), lease, change, options));
  }

  async due(query: DueQuery) {
    return duePage(this.#due, (key) => this.#records.get(key), query, this.#clock.now());
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    return listPage(this.#records.keys(), (key) => this.#records.get(key), filter, page, this.#clock.now());
  }

  async remove(key: TokenKey, predecessor: number) {
    return this.#take(key, removeStep(this.#records.get(key), predecessor, this.#clock.now()));
  }

  async park(seen: Seen, cause: string) {
    return this.#take(seen.key, parkStep(this.#records.get(seen.key), seen, cause));
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

  /** No await between the read that made the step and this write: that is the atomicity. */
  #take<Answer>(key: TokenKey, { next, answer }: Step<Answer>): Answer {
    if (next) {
      this.#records.set(key, next);
      this.#due.set(key, next.refreshAt);
      for (const listener of this.#listeners) listener(key);
    }
    return answer;
  }
}
