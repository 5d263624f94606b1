export type { Account, CallbackReply, CallbackRequest, RefreshOptions } from './account.js';
export { ACCOUNT_OPTIONS, optionProblems } from './account-options.js';
export { type Clock, systemClock } from './clock.js';
export { DEFAULTS } from './defaults.js';
export { defineTokens } from './define-tokens.js';
export type { KeyRotationReport, RotateKeysOptions } from './encrypted-rotation.js';
export { type EncryptedOptions, type EncryptedStore, encrypted } from './encrypted-store.js';
export {
  ParentRejected,
  parentRejected,
  TOKEN_ERRORS,
  TokenError,
  type TokenErrorCode,
  type TokenErrorDetails,
} from './errors.js';
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
  TOKEN_EVENTS,
  type TokenEvents,
} from './events.js';
export type { Journal, JournalEntry, JournalledEntry } from './journal.js';
export { type AccountKey, fingerprint, type KeyParts, parseTokenKey, type TokenKey, tokenKeyOf } from './key.js';
export { type CloseReport, TokenManager } from './manager.js';
export { type MemoryStoreOptions, memoryStore } from './memory-store.js';
export { MANAGER_OPTIONS, type ManagerTimes, type TokenManagerOptions } from './options.js';
export {
  asObject,
  idsOf,
  labelOf,
  malformedAnswer,
  type PlatformAnswer,
  type PlatformRequest,
  sendToPlatform,
} from './platform-request.js';
export { publicId, publicText } from './public-text.js';
export { type Random, systemRandom } from './random.js';
export type {
  AdoptBasis,
  Issuance,
  IssueRequest,
  Keep,
  Lifetime,
  PresentedToken,
  SourceKind,
  TokenQuota,
  TokenSource,
} from './source.js';
export type { TokenState } from './store/record.js';
export type { StoreTraits, TokenStore } from './store/store.js';
export type { EpochMs, IssuedToken, JsonValue, Token, TokenExtra } from './token.js';
export type {
  GetOptions,
  KeyFilter,
  RefreshOutcome,
  RefreshReport,
  RefreshResult,
  SweepOptions,
  TakeOverOutcome,
  TokenStatus,
  Tokens,
} from './tokens.js';
