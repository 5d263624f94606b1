export { type DingTalkApp, dingTalkApp } from './app.js';
export type { DingTalkCallOptions } from './calls.js';
export {
  type DingTalkApi,
  DingTalkClient,
  type DingTalkClientAccount,
  type DingTalkOapi,
  type JsApiConfig,
  type JsApiConfigOptions,
} from './client.js';
export {
  DINGTALK_ERRORS,
  DingTalkError,
  type DingTalkErrorDetails,
  type DingTalkErrorRow,
  type DingTalkMeaning,
} from './dingtalk-errors.js';
export type { DingTalkFailure } from './dingtalk-wire.js';
export { type JsApiDigest, type JsApiSignatureInput, jsApiSignature } from './jsapi-signature.js';
export {
  DINGTALK_BASE_URLS,
  type DingTalkAppOptions,
  type DingTalkBaseUrls,
  type DingTalkCorpOptions,
  type DingTalkTokenApi,
} from './options.js';
