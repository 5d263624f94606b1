import {
  type Clock,
  DEFAULTS,
  optionProblems,
  systemClock,
  TokenError,
  type TokenKey,
  type TokenStore,
} from '@evertoken/core';
import {
  DueIndex,
  type DuePage,
  type DueQuery,
  duePage,
  emptyRecord,
  isDue,
  type ListFilter,
  listPage,
  type Page,
  refuseProblems,
  type Step,
  SteppedStore,
  type StoreTraits,
  type TokenRecord,
} from '@evertoken/core/store';
import { CacheRecords, isTokenCache } from './cache-records.js';
import type { TokenCache } from './interfaces/token-cache.interface.js';
import { Patience } from './patience.js';
import { WRONG_CACHE, wrongOption } from './token.messages.js';

/** Options of `cacheStore`. */
export interface CacheStoreOptions {
  /** Stands before every key in the cache. Default `evertoken:`. */
  readonly keyPrefix?: string;
  /**
   * Limit of every operation, ms; one that is answered later takes no effect. Default 2 s, as the manager's `storeTimeoutMs`.
   * A client that queues commands while its server is away does not answer at all.
   */
  readonly timeoutMs?: number;
  /** Replaces the store's clock. Default: the system's. */
  readonly clock?: Clock;
}

const DAY_MS = 24 * 60 * 60_000;
/** A day: how long a record outlives its token, so that its generation and history are not lost with it. */
const MARGIN_MS = DAY_MS;
/** 400 days: how long a record without known end is kept. Never 0, which means for ever, nor none, which means the cache's default. */
const ENDLESS_MS = 400 * DAY_MS;
/** 30 days: how long a tombstone stands. */
const TOMBSTONE_MS = 30 * DAY_MS;

/**
 * Keeps tokens in the application's cache-manager: in its last store, the one that other processes see. They share the
 * tokens, nothing else: leases, failures and the comparison before a commit are this process's own, so its scope is the
 * process even on Redis, and it is not durable. Good for tokens that can be asked for again; the manager refuses others.
 *
 * A cache has no index. `due` and `list` know the keys that this process has read or written, which after `start` are all
 * of `account.sources()`; a subject's key joins them with its first use.
 *
 * @example
 * TokenModule.forRootAsync({ accountNames: ['shop'], inject: [CACHE_MANAGER], useFactory: (cache: Cache) => ({ accounts: [shop], store: cacheStore(cache) }) })
 */
export function cacheStore(cache: TokenCache, options: CacheStoreOptions = {}): TokenStore {
  return new CacheStore(() => cache, options, isTokenCache(cache) ? [] : [WRONG_CACHE]);
}

const OPTIONS = ['keyPrefix', 'timeoutMs', 'clock'];

/** Options as they are passed on: absent or undefined. */
type GivenOptions = { readonly [Option in keyof CacheStoreOptions]: CacheStoreOptions[Option] | undefined };

/** The same over a cache that is found when the store is opened. */
export class CacheStore extends SteppedStore {
  readonly name = 'cacheStore';
  readonly #find: () => TokenCache;
  readonly #problems: readonly string[];
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #records: CacheRecords | undefined;
  #closed = false;
  /** Records as this process last saw or wrote them. Their attempt parts, leases included, are kept nowhere else. */
  readonly #local = new Map<TokenKey, TokenRecord>();
  readonly #due = new DueIndex();
  /** Records whose write failed: it may have been carried out all the same, and its answer lost. */
  readonly #unacknowledged = new Map<TokenKey, TokenRecord>();
  /** The last operation of each key that is not done. */
  readonly #turns = new Map<TokenKey, Promise<unknown>>();

  /** `problems`: what is known of the cache already. */
  constructor(find: () => TokenCache, options: GivenOptions = {}, problems: readonly string[] = []) {
    super();
    this.#find = find;
    this.#problems = [...problems, ...problemsOf(options)];
    this.#prefix = options.keyPrefix ?? 'evertoken:';
    this.#timeoutMs = options.timeoutMs ?? DEFAULTS.storeTimeoutMs;
    this.#clock = options.clock ?? systemClock;
  }

  problems(): readonly string[] {
    return this.#problems;
  }

  async open(): Promise<StoreTraits> {
    refuseProblems(this);
    if (this.#closed) throw closed();
    this.#records ??= new CacheRecords(this.#find(), this.#prefix);
    return { durable: false, scope: 'process' };
  }

  async read(key: TokenKey) {
    const record = await this.#record(key);
    return { ...(record && { record }), now: this.#clock.now() };
  }

  /** Keys this process knows of, each looked at again: another process may have refreshed it. */
  async due(query: DueQuery): Promise<DuePage> {
    const page = duePage(this.#due, (key) => this.#local.get(key), query, this.#clock.now());
    const records = await Promise.all(page.keys.map(({ key }) => this.#record(key)));
    const keys = page.keys.flatMap((due, at) => {
      const record = records[at];
      if (!record || !isDue(record, page.now)) return [];
      return [{ ...due, generation: record.generation, epoch: record.attempt.epoch, record }];
    });
    return { ...page, keys };
  }

  /** Keys this process knows of. */
  async list(
    { states, ...filter }: ListFilter,
    asked: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page> {
    const page = listPage(this.#local.keys(), (key) => this.#local.get(key), filter, asked, this.#clock.now());
    const present = await Promise.all(page.records.map(({ key }) => this.#record(key)));
    const records = present.filter(
      (record) => record !== undefined && (states?.includes(record.attempt.state) ?? true),
    ) as TokenRecord[];
    return { ...page, records };
  }

  /**
   * Ends the use of the cache: no reads and no writes from here on, because a client that Nest has disconnected would
   * silently connect again. The cache itself is the application's and stays as it is.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#records?.close();
  }

  /** One operation of a key after the other: nothing comes between the read that makes a step and its write. */
  protected swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: number) => Step<Answer>,
  ): Promise<Answer> {
    const patience = new Patience(this.#clock, this.#timeoutMs);
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(async () => {
      patience.check();
      const present = this.#merged(key, await this.#opened().read(key));
      // A client that queues while its server is away answers late: a claim made then would block the key for nobody.
      patience.check();
      this.#opened();
      const { next = present, answer } = decide(present, this.#clock.now());
      if (next && (next.token !== present?.token || next.goneAt !== present?.goneAt)) {
        this.#unacknowledged.set(key, next);
        await this.#opened().write(withoutLease(next), ttlOf(next, this.#clock.now()));
        this.#unacknowledged.delete(key);
      }
      if (next) this.#keep(key, next);
      return answer;
    });
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (this.#turns.get(key) === settled) this.#turns.delete(key);
      });
    this.#turns.set(key, settled);
    // Its turn goes on when the wait for it ends, so that no later operation overtakes a write.
    return patience.with(turn);
  }

  #keep(key: TokenKey, record: TokenRecord): void {
    this.#local.set(key, record);
    this.#due.set(key, record.refreshAt);
  }

  #record(key: TokenKey): Promise<TokenRecord | undefined> {
    return this.swap(key, (record) => ({ answer: record }));
  }

  /** The cache has the say on tokens, this process on its attempts with the token it knows. */
  #merged(key: TokenKey, stored: TokenRecord | undefined): TokenRecord | undefined {
    const unacknowledged = this.#unacknowledged.get(key);
    this.#unacknowledged.delete(key);
    // The cache shows which half of the truth it was: then the attempt that came with that write is ours as well.
    if (unacknowledged && stored && isWritten(stored, unacknowledged)) this.#keep(key, unacknowledged);
    const local = this.#local.get(key);
    if (!local) return stored;
    if (sameToken(stored, local)) {
      const { refreshAt: storedDue, ...rest } = stored ?? emptyRecord(key);
      // Another process was handed the same value after us: it knows better when to ask again.
      const later = (stored?.token?.issuedAt ?? 0) > (local.token?.issuedAt ?? 0);
      const refreshAt = later ? storedDue : local.refreshAt;
      return { ...rest, ...(refreshAt !== undefined && { refreshAt }), attempt: local.attempt };
    }
    // Another process has stored a token, or the cache was emptied; epoch and lease go on counting.
    const { epoch, lease } = local.attempt;
    const present = stored ?? emptyRecord(key);
    return { ...present, attempt: { ...present.attempt, epoch, ...(lease && { lease }) } };
  }

  #opened(): CacheRecords {
    if (this.#closed) throw closed();
    if (!this.#records) throw new TokenError('ERR_TOKEN_STORE', 'cacheStore: not open yet');
    return this.#records;
  }
}

function problemsOf(options: GivenOptions): string[] {
  const { keyPrefix, timeoutMs, clock } = options;
  const isTime = typeof timeoutMs === 'number' && timeoutMs > 0 && Number.isFinite(timeoutMs);
  const isClock = (['now', 'monotonic', 'after'] as const).every((method) => typeof clock?.[method] === 'function');
  return [
    ...optionProblems(options, { required: [], optional: OPTIONS }),
    ...(keyPrefix === undefined || typeof keyPrefix === 'string' ? [] : [wrongOption('keyPrefix', 'a string')]),
    ...(timeoutMs === undefined || isTime ? [] : [wrongOption('timeoutMs', 'a positive number of milliseconds')]),
    ...(clock === undefined || isClock ? [] : [wrongOption('clock', 'a clock with "now", "monotonic" and "after"')]),
  ];
}

/** The value may be sealed anew: its mark stays. */
function sameToken(stored: TokenRecord | undefined, local: TokenRecord): boolean {
  const [ours, theirs] = [local.token, stored?.token];
  const sameValue = theirs?.value === ours?.value || (ours?.mark !== undefined && ours.mark === theirs?.mark);
  return (stored?.generation ?? 0) === local.generation && sameValue && stored?.goneAt === local.goneAt;
}

/** The whole token part: a write of the value that stands changes times only. */
function isWritten(stored: TokenRecord, written: TokenRecord): boolean {
  return sameToken(stored, written) && JSON.stringify(stored.token) === JSON.stringify(written.token);
}

function withoutLease(record: TokenRecord): TokenRecord {
  const { lease: _lease, ...attempt } = record.attempt;
  return { ...record, attempt };
}

/** Always positive: what ends earlier than its record is of no use, what ends later would be a token lost. */
function ttlOf({ token, goneAt }: TokenRecord, now: number): number {
  if (goneAt !== undefined) return TOMBSTONE_MS;
  const end =
    token?.refreshToken === undefined
      ? token?.expiresAt
      : token.refreshTokenExpiresAt && Math.max(token.refreshTokenExpiresAt, token.expiresAt ?? 0);
  return end === undefined ? ENDLESS_MS : Math.ceil(Math.max(0, end - now)) + MARGIN_MS;
}

function closed(): TokenError {
  return new TokenError('ERR_TOKEN_STORE', 'cacheStore: closed, the application is shutting down');
}
