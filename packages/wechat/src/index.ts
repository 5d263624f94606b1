export type { AccessTokenEndpoint } from './app.js';
export type { WeChatCallOptions, WeChatParams, WeChatPostOptions } from './client.js';
export { cardSignature, type JsSdkSignatureInput, jsSdkSignature } from './js-sdk.js';
export { type MiniProgram, MiniProgramClient, type MiniProgramOptions, miniProgram } from './mini-program.js';
export {
  type CardExtInput,
  type CardSignature,
  type CardSignatureInput,
  type JsSdkConfig,
  type JsSdkConfigOptions,
  type OfficialAccount,
  OfficialAccountClient,
  type OfficialAccountOptions,
  officialAccount,
  type SignOptions,
} from './official-account.js';
export { WeChatError, type WeChatErrorReason } from './wechat-errors.js';
