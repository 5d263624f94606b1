export type {
  AuthorizationQuery,
  AuthorizationStart,
  AuthorizationUrlOptions,
  AuthType,
} from './open-platform/authorization-url.js';
export type { Authorizer } from './open-platform/authorizer.js';
export type { AuthorizerFacts } from './open-platform/authorizer-facts.js';
export type { OpenPlatformOptions, OpenPlatformPushKeys } from './open-platform/component.js';
export type { AuthorizerKind } from './open-platform/component-wire.js';
export type { Authorization } from './open-platform/exchange.js';
export type { AuthorizerStatus } from './open-platform/list-authorizers.js';
export { type OpenPlatform, openPlatform } from './open-platform/open-platform.js';
export { OpenPlatformClient } from './open-platform/open-platform-client.js';
export type {
  AuthorizerSyncOutcome,
  AuthorizerSyncReport,
  AuthorizerSyncResult,
  SyncAuthorizersOptions,
} from './open-platform/sync-authorizers.js';
