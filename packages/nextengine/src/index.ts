export type { AnswerSignInOptions } from './answer-sign-in.js';
export type { NextEngineAppOptions, QuotaOptions } from './app-settings.js';
export type { CallbackOutcome, SignInStart } from './handle-callback.js';
export { type NextEngineApp, type NextEngineUser, nextEngineApp } from './next-engine-app.js';
export { NextEngineClient } from './next-engine-client.js';
export { NextEngineError, type NextEngineErrorCategory, type SignInProblem } from './nextengine-errors.js';
export type { NextEngineParams, SignedInUser } from './nextengine-wire.js';
export type {
  RefreshUsersOptions,
  UserRefreshOutcome,
  UserRefreshReport,
  UserRefreshResult,
} from './refresh-users.js';
export type { SignInCallback } from './sign-in.js';
export type { SignInBinding } from './sign-in-binding.js';
export type { NextEngineSignInOptions } from './sign-in-options.js';
export type { NextEngineUsage } from './usage.js';
export {
  type CallOptions,
  type NextEngineAnswer,
  type NextEngineRow,
  NextEngineUserClient,
  type SearchOptions,
} from './user-client.js';
export type { NextEngineUserAdapter, NextEngineUserFacts } from './user-facts.js';
export {
  type NextEngineUserFilter,
  type NextEngineUserState,
  type NextEngineUserStatus,
  NextEngineUsers,
  type UserSyncReport,
} from './users.js';
