export type { Account, CallbackReply, CallbackRequest, RefreshOptions } from './account.js';
export { type Clock, systemClock } from './clock.js';
export { DEFAULTS } from './defaults.js';
export {
  ParentRejected,
  parentRejected,
  TOKEN_ERRORS,
  TokenError,
  type TokenErrorCode,
  type TokenErrorDetails,
} from './errors.js';
export { type AccountKey, fingerprint, type KeyParts, parseTokenKey, type TokenKey, tokenKeyOf } from './key.js';
export { type Random, systemRandom } from './random.js';
export type {
  AdoptBasis,
  Issuance,
  IssueRequest,
  Keep,
  Lifetime,
  PresentedToken,
  SourceKind,
  TokenSource,
} from './source.js';
export type { EpochMs, IssuedToken, JsonValue, Token, TokenExtra } from './token.js';
export type {
  GetOptions,
  KeyFilter,
  RefreshOutcome,
  RefreshReport,
  RefreshResult,
  SweepOptions,
  TokenStatus,
  Tokens,
} from './tokens.js';
