import { TokenError } from '@evertoken/core';
import type { ModuleRef } from '@nestjs/core';
import type { TokenCache } from './interfaces/token-cache.interface.js';
import { CACHE_MANAGER } from './token.constants.js';
import { CACHE_MISSING, configurationError, severalCaches } from './token.messages.js';

/**
 * The application's one cache-manager: the one our module can inject, which means a global one, else the only one there is.
 * A cache of our own would be a second one, and the last of several a guess.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` where there is none or several.
 */
export function applicationCache(moduleRef: ModuleRef, injected: TokenCache | undefined): TokenCache {
  if (injected) return injected;
  const [cache, ...others] = new Set(all(moduleRef));
  if (others.length > 0) throw configurationError(severalCaches(others.length + 1));
  if (cache === undefined) throw configurationError(CACHE_MISSING);
  if (cache === null) throw new TokenError('ERR_TOKEN_STORE', 'cacheStore: the application is still making its cache');
  return cache;
}

/** `null` for a cache that its module has not made yet. */
function all(moduleRef: ModuleRef): (TokenCache | null)[] {
  try {
    const found: unknown[] = moduleRef.get(CACHE_MANAGER, { strict: false, each: true });
    return found.map((cache) => (cache ?? null) as TokenCache | null);
  } catch {
    // Nest's way of saying that there is none.
    return [];
  }
}
