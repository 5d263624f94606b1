export {
  type CommitEvent,
  type ConflictEvent,
  type FailureEvent,
  type GrantEndingEvent,
  type IssueEvent,
  type KeyEvent,
  type ReauthorizeEvent,
  type RejectEvent,
  type StateEvent,
  type TokenEvents,
  TokenManager,
} from '@evertoken/core';
export type { TokenAccountProblem, TokenAccountsReport } from './accounts-load.js';
export { type CacheStoreOptions, cacheStore } from './cache-store.js';
export { InjectAccount } from './decorators/inject-account.decorator.js';
export { InjectClient } from './decorators/inject-client.decorator.js';
export { InjectTokenAccounts } from './decorators/inject-token-accounts.decorator.js';
export { InjectTokens } from './decorators/inject-tokens.decorator.js';
export { OnTokenEvent } from './decorators/on-token-event.decorator.js';
export type { TokenAccountEntry, TokenAccountsLoader } from './interfaces/token-account-entry.interface.js';
export type { TokenCache, TokenCacheStore } from './interfaces/token-cache.interface.js';
export type {
  TokenAccountsFactory,
  TokenFeatureAsyncOptions,
  TokenFeatureOptions,
  TokenModuleAsyncOptions,
  TokenModuleFactoryOptions,
  TokenModuleOptions,
  TokenModuleStaticOptions,
  TokenOptionsFactory,
  TokenScheduleOptions,
} from './interfaces/token-module-options.interface.js';
export { TokenModule } from './token.module.js';
export { type TokenAccountClient, TokenAccounts } from './token-accounts.js';
export { getAccountToken } from './utils/get-account-token.util.js';
export { getClientToken } from './utils/get-client-token.util.js';
export { getTokenAccountsToken } from './utils/get-token-accounts-token.util.js';
export { getTokenManagerToken } from './utils/get-token-manager-token.util.js';
