/** What is used of a Keyv (5.5 or newer), the stores of cache-manager 7. */
export interface TokenCacheStore {
  /** The entry under a key, or nothing. Unlike `get` it does not turn a failure into a miss. */
  getRaw(key: string): Promise<{ readonly value?: unknown } | undefined>;
  /** Resolves with false where nothing was stored. */
  set(key: string, value: string, ttlMs: number): Promise<boolean>;
}

/** What is used of the `Cache` of cache-manager 7, which @nestjs/cache-manager provides. */
export interface TokenCache {
  /** From the nearest to the one that counts. */
  readonly stores: readonly TokenCacheStore[];
}
