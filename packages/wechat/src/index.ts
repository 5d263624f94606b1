export type { AccessTokenEndpoint, PushOptions } from './app.js';
export type { WeChatCallOptions, WeChatDownloadOptions, WeChatParams, WeChatPostOptions } from './client.js';
export type { WeChatFile } from './download.js';
export type { FetchDispatcher } from './egress.js';
export type { ForcedRefresh, ForceRefreshOptions } from './forced-refresh.js';
export { cardSignature, type JsSdkSignatureInput, jsSdkSignature } from './js-sdk.js';
export type { WeChatLogin } from './login.js';
export { type MiniProgram, type MiniProgramOptions, miniGame, miniProgram } from './mini-program.js';
export { MiniProgramClient } from './mini-program-client.js';
export { type OfficialAccount, type OfficialAccountOptions, officialAccount } from './official-account.js';
export { OfficialAccountClient, type OfficialAccountTarget } from './official-account-client.js';
export {
  type Authorization,
  type AuthorizationQuery,
  type AuthorizationStart,
  type AuthorizationUrlOptions,
  type Authorizer,
  type AuthorizerFacts,
  type AuthorizerKind,
  type AuthorizerStatus,
  type AuthorizerSyncOutcome,
  type AuthorizerSyncReport,
  type AuthorizerSyncResult,
  type AuthType,
  type OpenPlatform,
  OpenPlatformClient,
  type OpenPlatformOptions,
  type OpenPlatformPushKeys,
  openPlatform,
  type SyncAuthorizersOptions,
} from './open-platform.js';
export type {
  CardExtInput,
  CardSignature,
  CardSignatureInput,
  JsSdkConfig,
  JsSdkConfigOptions,
  SignOptions,
} from './page-signer.js';
export type {
  PushContext,
  PushHandler,
  PushHandling,
  PushReplyFields,
  PushReplyValue,
  PushResult,
} from './push/push-handler.js';
export type { TokenCheck, WeChatQuota, WeChatRateLimit } from './quota.js';
export type { SignInCallback } from './sign-in.js';
export type { SignInBinding, SignInOptions, SignInStart } from './sign-in-start.js';
export type { WeChatUpload, WeChatUploadFile } from './upload.js';
export type { WeChatUser } from './user.js';
export { WeChatUserClient } from './user-client.js';
export type { WeChatUserFacts } from './user-token.js';
export { WeChatError, type WeChatErrorReason } from './wechat-errors.js';
export {
  type WeCom,
  type WeComAccountOptions,
  type WeComAgent,
  WeComAgentClient,
  type WeComAgentConfig,
  type WeComAgentOptions,
  WeComClient,
  type WeComCorpTicketKind,
  type WeComInstallation,
  type WeComInstallStart,
  type WeComInstallUrlOptions,
  type WeComJsSdkConfig,
  type WeComOptions,
  type WeComProvider,
  WeComProviderClient,
  type WeComPushContext,
  type WeComPushKeys,
  type WeComPushOptions,
  type WeComReceiveOptions,
  type WeComRedirect,
  type WeComSignOptions,
  type WeComSuite,
  WeComSuiteClient,
  type WeComSuiteCorp,
  WeComSuiteCorpClient,
  type WeComSuiteEvent,
  type WeComSuiteOptions,
  type WeComTicketKind,
  weCom,
  weComSuite,
} from './wecom.js';
