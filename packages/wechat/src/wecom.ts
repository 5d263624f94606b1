export type { WeChatFile } from './download.js';
export type { PushHandler, PushHandling, PushReplyFields, PushReplyValue, PushResult } from './push/push-handler.js';
export type { WeComPushContext } from './wecom/corp-callback.js';
export type { WeComSuiteEvent } from './wecom/suite-callback.js';
export {
  type WeComInstallStart,
  type WeComInstallUrlOptions,
  type WeComRedirect,
  WeComSuiteClient,
  WeComSuiteCorpClient,
} from './wecom/suite-client.js';
export type { WeComInstallation } from './wecom/suite-installations.js';
export { type WeCom, type WeComOptions, type WeComProvider, weCom } from './wecom/we-com.js';
export {
  WeComAgentClient,
  type WeComAgentConfig,
  WeComClient,
  type WeComJsSdkConfig,
  WeComProviderClient,
  type WeComReceiveOptions,
  type WeComSignOptions,
} from './wecom/we-com-client.js';
export {
  type WeComCorpTicketKind,
  type WeComSuite,
  type WeComSuiteCorp,
  type WeComSuiteOptions,
  weComSuite,
} from './wecom/we-com-suite.js';
export type { WeComAgent, WeComAgentOptions, WeComTicketKind } from './wecom/wecom-agent.js';
export type { WeComAccountOptions, WeComPushKeys, WeComPushOptions } from './wecom/wecom-options.js';
