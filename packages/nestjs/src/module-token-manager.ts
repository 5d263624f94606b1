import { TokenManager, type TokenManagerOptions } from '@evertoken/core';
import type { ModuleRef } from '@nestjs/core';
import { applicationCache } from './application-cache.js';
import { CacheStore } from './cache-store.js';
import type { TokenCache } from './interfaces/token-cache.interface.js';
import type { ModuleSettings } from './read-module-options.js';

/** The manager as the module makes it: knows whether it was started, and lets go of the application's cache in time. */
export class ModuleTokenManager extends TokenManager {
  readonly #cache: CacheStore | undefined;
  #started = false;
  #beforeStart: (() => Promise<void>) | undefined;

  constructor(options: TokenManagerOptions, cache?: CacheStore) {
    super(cache ? { ...options, store: cache } : options);
    this.#cache = cache;
  }

  /** Whether `start` has been called and has ended, one way or the other: a store that was down may be back. */
  get started(): boolean {
    return this.#started;
  }

  /** What has to be done first whenever the application calls `start`; it must not reject. */
  beforeStart(work: () => Promise<void>): void {
    this.#beforeStart = work;
  }

  override async start(): Promise<void> {
    try {
      await this.#beforeStart?.();
      await super.start();
    } finally {
      this.#started = true;
    }
  }

  override async drain(): Promise<void> {
    await super.drain();
    await this.releaseCache();
  }

  /** Ends all use of the application's cache. */
  async releaseCache(): Promise<void> {
    await this.#cache?.close();
  }
}

/** The manager of a module; its store is the one of the options, or made of the application's cache. */
export function createTokenManager(
  { manager: options, clock }: ModuleSettings,
  moduleRef: ModuleRef,
  injected: TokenCache | undefined,
): ModuleTokenManager {
  if (options.store !== undefined || keepsOnlyGrants(options)) return new ModuleTokenManager(options);
  const find = () => applicationCache(moduleRef, injected);
  return new ModuleTokenManager(options, new CacheStore(find, { timeoutMs: options.storeTimeoutMs, clock }));
}

/** Whether all there is to keep goes to `grantStore`: then an application without cache lacks nothing. */
function keepsOnlyGrants({ accounts, grantStore }: ModuleSettings['manager']): boolean {
  const kinds = accounts.flatMap((account) => account?.kinds ?? []);
  return grantStore !== undefined && kinds.length > 0 && kinds.every(({ keep }) => keep === 'grant');
}
