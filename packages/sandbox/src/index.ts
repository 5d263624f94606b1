export type { CallFilter, SandboxCall } from './calls.js';
export type { Clock } from './clock.js';
export { createSandbox, sandboxUrls } from './create-sandbox.js';
export type { DingTalkAccount, DingTalkCallback } from './dingtalk/account.js';
export type { DingTalkAccountState, DingTalkTokenKind } from './dingtalk/app.js';
export type { DingTalkChannelState } from './dingtalk/client.js';
export type {
  DingTalkAuthorized,
  DingTalkCheckOptions,
  DingTalkControls,
  DingTalkEventOptions,
  DingTalkKillOptions,
  DingTalkSecretReset,
  DingTalkSuiteCallback,
  DingTalkSuiteControls,
  DingTalkSuiteTicket,
  DingTalkUserCodeOptions,
} from './dingtalk/controls.js';
export type { DingTalkInstallationState } from './dingtalk/installation.js';
export type { DingTalkLimitState, DingTalkLimits } from './dingtalk/limits.js';
export type { RenewableState } from './dingtalk/renewable.js';
export type { DingTalkSuiteState } from './dingtalk/suite.js';
export type { DingTalkCorp, DingTalkSuiteAccount } from './dingtalk/suite-account.js';
export type { SuiteEventName as DingTalkSuiteEventName } from './dingtalk/suite-events.js';
export type { DingTalkTicketState } from './dingtalk/suite-tickets.js';
export type { DingTalkCommonSwitches, DingTalkSuiteSwitches, DingTalkSwitches } from './dingtalk/switches.js';
export type { DingTalkUserState } from './dingtalk/user-grants.js';
export type { DingTalkUser } from './dingtalk/users.js';
export type { FaultKind, FaultRule } from './faults.js';
export type { NextEngineAccount, NextEngineUser } from './nextengine/account.js';
export type { NextEngineAccountState } from './nextengine/app.js';
export type { NextEngineCompanyChange } from './nextengine/company-book.js';
export type { NextEngineControls, NextEngineLaunch } from './nextengine/controls.js';
export type { NextEngineUserState } from './nextengine/grant.js';
export type { NextEnginePair } from './nextengine/pair.js';
export type { NextEngineSwitches } from './nextengine/switches.js';
export type { NextEngineCompanyUsage, NextEngineMonthUsage, NextEngineUsage } from './nextengine/usage-book.js';
export type { SandboxOptions } from './options.js';
export type { PlatformName } from './platform.js';
export type { PushField, PushFields } from './push-message.js';
export type { PushOutcome, PushRecord } from './push-sender.js';
export type {
  Sandbox,
  SandboxState,
  SandboxUrls,
} from './sandbox.js';
export { SANDBOX_ACCOUNTS } from './sandbox-accounts.js';
export type { WeChatAccount, WeChatAccountSwitches } from './wechat/account.js';
export type { WeChatPush } from './wechat/account-pushes.js';
export type { WeChatAccountState } from './wechat/app.js';
export type { OAuthCodeOrder, WeChatControls } from './wechat/controls.js';
export type {
  OpenPlatformAccount,
  OpenPlatformAuthorizer,
  OpenPlatformSwitches,
  OpenPlatformTicket,
} from './wechat/open-platform/account.js';
export type { OpenPlatformAuthorizerState } from './wechat/open-platform/authorizer.js';
export type { OpenPlatformControls } from './wechat/open-platform/controls.js';
export type {
  Authorization,
  AuthorizationOrder,
  CancellationOrder,
  OpenPlatformState,
  PushKeys,
} from './wechat/open-platform/open-platform.js';
export type { TicketPush } from './wechat/open-platform/platform-pushes.js';
export type { WeChatSwitches } from './wechat/switches.js';
export type { WeChatTokenKind, WeChatTokenState } from './wechat/token-line.js';
export type { WeChatUser, WeChatUserState } from './wechat/users.js';
export type {
  WeComAccount,
  WeComAgent,
  WeComCallback,
  WeComCustomer,
  WeComSuite,
  WeComTicket,
} from './wecom/account.js';
export type { WeComAgentState } from './wecom/agent.js';
export type { WeComLimitState, WeComPeriod } from './wecom/call-limits.js';
export type {
  WeComAccountId,
  WeComCallbackChange,
  WeComControls,
  WeComEventChoice,
  WeComInstall,
  WeComInstallOptions,
  WeComSecretReset,
  WeComTicketPush,
} from './wecom/controls.js';
export type { WeComCorpState } from './wecom/corp.js';
export type { WeComInstallationState } from './wecom/installation.js';
export type { WeComValueState } from './wecom/repeated-value.js';
export type { WeComState } from './wecom/simulator.js';
export type { WeComSuiteState } from './wecom/suite-app.js';
export type { WeComTicketState } from './wecom/suite-tickets.js';
export type { WeComCommonSwitches, WeComSuiteSwitches, WeComSwitches } from './wecom/switches.js';
