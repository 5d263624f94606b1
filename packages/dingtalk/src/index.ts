export { type CallbackRequestOptions, callbackRequest, sendReply } from '@evertoken/core/http';
export { type DingTalkApp, dingTalkApp } from './app.js';
export type { DingTalkPushContext, DingTalkPushHandler, DingTalkPushHandling } from './app-callback.js';
export { DingTalkAppClient } from './app-client.js';
export type { CallbackKeys } from './callback/callback-keys.js';
export type { DingTalkEvent } from './callback/event-fields.js';
export {
  type CallbackSettings,
  type DingTalkPush,
  openCallback,
  type ReceivedDingTalkPush,
} from './callback/open-callback.js';
export {
  type DingTalkAddressCheck,
  type DingTalkAuthorization,
  type DingTalkCorpChange,
  type DingTalkOtherEvent,
  type DingTalkSuiteEvent,
  type DingTalkSuiteTicket,
  suiteEvents,
} from './callback/suite-events.js';
export type { DingTalkCallOptions, DingTalkDownloadOptions, DingTalkOnceOptions } from './calls.js';
export {
  type DingTalkApi,
  DingTalkClient,
  type DingTalkClientAccount,
  type DingTalkOapi,
  type JsApiConfig,
  type JsApiConfigOptions,
} from './client.js';
export { DingTalkError, type DingTalkErrorDetails, type DingTalkMeaning } from './dingtalk-errors.js';
export type { DingTalkFailure } from './dingtalk-wire.js';
export type { DingTalkFile } from './download.js';
export type { FetchDispatcher } from './egress.js';
export { DINGTALK_ERRORS, type DingTalkErrorRow } from './error-codes.js';
export { snsSignature, suiteSignature } from './hmac.js';
export { type JsApiDigest, type JsApiSignatureInput, jsApiSignature } from './jsapi-signature.js';
export {
  DINGTALK_BASE_URLS,
  type DingTalkAppOptions,
  type DingTalkBaseUrls,
  type DingTalkCommonOptions,
  type DingTalkCorpOptions,
  type DingTalkPushKeys,
  type DingTalkTokenApi,
} from './options.js';
export type { SignedInUser, SignInCallback } from './sign-in.js';
export type { SignInBinding, SignInOptions, SignInStart } from './sign-in-start.js';
export {
  type DingTalkSns,
  DingTalkSnsClient,
  type DingTalkSnsOptions,
  type DingTalkSnsUser,
  type DingTalkSnsUserId,
  dingTalkSns,
} from './sns.js';
export {
  type DingTalkAdministrator,
  type DingTalkSso,
  DingTalkSsoClient,
  type DingTalkSsoOptions,
  dingTalkSso,
} from './sso.js';
export type { DingTalkCorpAuthorization, DingTalkCorpStatus } from './suite/corp-standing.js';
export { type DingTalkSuite, type DingTalkSuiteCorp, dingTalkSuite } from './suite/dingtalk-suite.js';
export { type DingTalkCorpsOptions, DingTalkSuiteClient } from './suite/suite-client.js';
export type { DingTalkSuiteOptions, DingTalkSuitePush, DingTalkSuitePushOptions } from './suite/suite-options.js';
export type { DingTalkUpload, DingTalkUploadFile } from './upload.js';
export { type DingTalkUser, DingTalkUserClient } from './user-client.js';
export type { DingTalkUserId } from './user-token.js';
