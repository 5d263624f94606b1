import type { TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import type { Intent, TokenPart, TokenRecord } from './record.js';
import { claimStep, commitStep, noteStep, parkStep, removeStep, renewStep, resealStep, type Step } from './steps.js';
import type {
  AttemptChange,
  CommitOptions,
  DuePage,
  DueQuery,
  Lease,
  ListFilter,
  NoteOptions,
  Page,
  Seen,
  StoreTraits,
  TokenStore,
} from './store.js';

/**
 * A store that needs to know one thing about writing: how to put a record in the place of another, atomically. What a claim,
 * a commit or a note makes of a record is decided by the same pure functions everywhere.
 */
export abstract class SteppedStore implements TokenStore {
  abstract readonly name: string;
  abstract open(): Promise<StoreTraits>;
  abstract read(key: TokenKey): Promise<{ readonly record?: TokenRecord; readonly now: EpochMs }>;
  abstract due(query: DueQuery): Promise<DuePage>;
  abstract list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page>;
  abstract close(): Promise<void>;

  /**
   * Lets `decide` look at the record of `key`, writes what it decides, and resolves with its answer. Nothing may come between
   * the look and the write; where something could, `decide` is asked again with what stands by then.
   */
  protected abstract swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: EpochMs) => Step<Answer>,
  ): Promise<Answer>;

  async claim(
    seen: Seen,
    holder: string,
    ttlMs: number,
    intent?: Pick<Intent, 'generation'>,
  ): Promise<Lease | TokenRecord> {
    return this.swap(seen.key, (record, now) => claimStep(record, { seen, holder, ttlMs, intent, now }));
  }

  async renew(lease: Lease, ttlMs: number): Promise<Lease | undefined> {
    return this.swap(lease.key, (record, now) => renewStep(record, lease, ttlMs, now));
  }

  async commit(key: TokenKey, token: TokenPart, options: CommitOptions): Promise<'accepted' | TokenRecord> {
    return this.swap(key, (record, now) => commitStep(record, { key, token, options, now }));
  }

  async note(lease: Lease, change: AttemptChange, options?: NoteOptions): Promise<boolean> {
    return this.swap(lease.key, (record) => noteStep(record, lease, change, options));
  }

  async remove(key: TokenKey, predecessor: number): Promise<boolean> {
    return this.swap(key, (record, now) => removeStep(record, predecessor, now));
  }

  async park(seen: Seen, cause: string): Promise<boolean> {
    return this.swap(seen.key, (record) => parkStep(record, seen, cause));
  }

  async reseal(seen: TokenRecord, token: TokenPart): Promise<boolean> {
    return this.swap(seen.key, (record) => resealStep(record, seen, token));
  }
}
