import { TokenError, type TokenKey } from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';
import type { TokenCache, TokenCacheStore } from './interfaces/token-cache.interface.js';
import { configurationError, WRONG_CACHE } from './token.messages.js';

interface Emitter {
  on(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
}

/**
 * Records as entries of one Keyv. Failures are failures here: adapters tend to report them as an event and answer with a
 * miss, and a miss would cost a new token.
 */
export class CacheRecords {
  readonly #store: TokenCacheStore;
  readonly #prefix: string;
  readonly #emitters: readonly Emitter[];
  #failures = 0;
  #lastFailure: unknown;

  constructor(cache: TokenCache, prefix: string) {
    const store = lastStoreOf(cache);
    if (!store) throw configurationError(WRONG_CACHE);
    this.#store = store;
    this.#prefix = prefix;
    // The adapter too: a Keyv may have been told to keep its errors to itself.
    this.#emitters = [this.#store, (this.#store as { store?: unknown }).store].filter(isEmitter);
    for (const emitter of this.#emitters) emitter.on('error', this.#onError);
  }

  async read(key: TokenKey): Promise<TokenRecord | undefined> {
    const before = this.#failures;
    const entry = await this.#entry(this.#prefix + key);
    const value = entry?.value ?? undefined;
    if (value === undefined && this.#failures !== before) throw this.#lastFailure;
    return value === undefined ? undefined : recordIn(value, key);
  }

  async write(record: TokenRecord, ttlMs: number): Promise<void> {
    const before = this.#failures;
    // Text, because it comes back as it went in, whatever serializer the store has.
    const stored = await this.#store.set(this.#prefix + record.key, JSON.stringify(record), ttlMs);
    if (this.#failures !== before) throw this.#lastFailure;
    if (stored === false) throw new TokenError('ERR_TOKEN_STORE', 'cacheStore: the cache did not take an entry');
  }

  close(): void {
    for (const emitter of this.#emitters) emitter.off?.('error', this.#onError);
  }

  async #entry(key: string) {
    try {
      return await this.#store.getRaw(key);
    } catch (error) {
      // A parser quotes what it fails on, and that may be a token.
      throw error instanceof SyntaxError ? notOurs() : error;
    }
  }

  readonly #onError = (error: unknown): void => {
    this.#failures++;
    this.#lastFailure = error;
  };
}

/** Whether tokens can be kept in it. */
export function isTokenCache(cache: unknown): cache is TokenCache {
  return lastStoreOf(cache as TokenCache) !== undefined;
}

/** The store that counts: those before it are copies of it that nobody keeps up to date. */
function lastStoreOf(cache: TokenCache): TokenCacheStore | undefined {
  const last = (cache as Partial<TokenCache> | null | undefined)?.stores?.at?.(-1) as
    | (TokenCacheStore & { primary?: TokenCacheStore; secondary?: TokenCacheStore })
    | undefined;
  // A `Cacheable` is itself a memory above a store.
  const store = last?.secondary ?? last?.primary ?? last;
  return typeof store?.getRaw === 'function' && typeof store.set === 'function' ? store : undefined;
}

function recordIn(value: unknown, key: TokenKey): TokenRecord {
  try {
    const record = JSON.parse(value as string) as TokenRecord;
    if (record.key === key && typeof record.generation === 'number' && typeof record.attempt === 'object')
      return record;
  } catch {
    // Said below: what the parser quotes may be a token.
  }
  throw notOurs();
}

function notOurs(): TokenError {
  return new TokenError('ERR_TOKEN_STORE', 'cacheStore: an entry under a key of ours is no record of ours');
}

function isEmitter(value: unknown): value is Emitter {
  return typeof (value as Partial<Emitter> | null | undefined)?.on === 'function';
}
