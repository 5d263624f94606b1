import type { TokenStore } from '@evertoken/core';
import type { RedisStoreOptions } from './options.js';
import { RedisStore } from './redis-store.js';

/**
 * Keeps records in Redis 6.2 or newer, for any number of processes on any number of hosts. A claim, a renewal, a note and a
 * commit are one round trip each, judged by the server's clock; record, lease and indexes change together. What the server
 * promises about its writes is read from its settings on opening.
 *
 * Building one connects to nothing and throws for nothing; `problems()` and `open()` tell what is wrong with the options.
 */
export function redisStore(options: RedisStoreOptions = {}): TokenStore {
  return new RedisStore(options);
}
