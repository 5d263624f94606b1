import type { DingTalkAccount } from './dingtalk/account.js';
import type { DingTalkSuiteAccount } from './dingtalk/suite-account.js';
import type { NextEngineAccount } from './nextengine/account.js';
import type { WeChatAccount } from './wechat/account.js';
import type { OpenPlatformAccount, OpenPlatformAuthorizer } from './wechat/open-platform/account.js';
import type { WeComAccount, WeComSuite } from './wecom/account.js';

const company = { companyId: '1000', companyNeId: 'ne-company-1000', companyName: '株式会社サンドボックス' };

/** The accounts of a sandbox that was given none: one per platform. Their secrets open nothing else. */
export const SANDBOX_ACCOUNTS: {
  /** A WeChat official account. */
  readonly wechat: WeChatAccount;
  /** A WeChat component with two authorizers. */
  readonly openPlatform: OpenPlatformAccount & {
    readonly authorizers: readonly [OpenPlatformAuthorizer, OpenPlatformAuthorizer];
  };
  /** A WeCom corp with agents, a provider and a suite. */
  readonly wecom: WeComAccount & { readonly providerSecret: string; readonly suites: readonly [WeComSuite] };
  /** A DingTalk app. */
  readonly dingtalk: DingTalkAccount & {
    readonly corpId: string;
    readonly corpSecret: string;
    readonly ssoSecret: string;
  };
  /** A DingTalk suite. */
  readonly dingtalkSuite: DingTalkSuiteAccount & { readonly corpId: string; readonly ssoSecret: string };
  /** A NextEngine app with users. */
  readonly nextengine: NextEngineAccount;
} = {
  wechat: { appId: 'wx0000000000sandbox', secret: 'sandbox-wechat-secret' },
  openPlatform: {
    appId: 'wx0000000openplatform',
    secret: 'sandbox-open-platform-secret',
    token: 'sandboxOpenPlatformToken',
    encodingAESKey: 'sandboxOpenPlatformKey0123456789abcdefghijk',
    authorizers: [
      { appId: 'wx000000authorizer1', name: 'Official account of the sandbox' },
      { appId: 'wx000000authorizer2', kind: 'miniProgram', name: 'Mini program of the sandbox' },
    ],
  },
  wecom: {
    corpId: 'ww0000000000sandbox',
    providerSecret: 'sandbox-wecom-provider-secret',
    agents: [
      { agentId: 1000002, secret: 'sandbox-wecom-agent-secret' },
      { agentId: 'contacts', secret: 'sandbox-wecom-contacts-secret' },
    ],
    suites: [
      {
        suiteId: 'ww0000000000000suite',
        secret: 'sandbox-wecom-suite-secret',
        token: 'sandboxSuiteToken',
        encodingAESKey: 'sandboxsandboxsandboxsandboxsandboxsuiteKey',
      },
    ],
  },
  dingtalk: {
    appKey: 'dingsandboxappkey',
    appSecret: 'sandbox-dingtalk-secret',
    corpId: 'dingsandboxcorp',
    corpSecret: 'sandbox-dingtalk-corp-secret',
    ssoSecret: 'sandbox-dingtalk-sso-secret',
  },
  dingtalkSuite: {
    suiteKey: 'suitesandbox',
    suiteSecret: 'sandbox-dingtalk-suite-secret',
    token: 'sandboxDingTalkToken',
    encodingAESKey: 'sandboxDingTalkSuiteKey0123456789abcdefghij',
    corpId: 'dingsandboxisv',
    ssoSecret: 'sandbox-dingtalk-isv-sso-secret',
    corps: [
      { corpId: 'dingsandboxcorp1', name: '沙盒一号公司' },
      { corpId: 'dingsandboxcorp2', name: '沙盒二号公司', authorized: false },
    ],
  },
  nextengine: {
    clientId: 'sandboxclient',
    clientSecret: 'sandbox-nextengine-secret',
    users: [
      { uid: 'user-tanaka', ...company, picId: '1', picName: '田中', picKana: 'タナカ' },
      { uid: 'user-suzuki', ...company, picId: '2', picName: '鈴木', picKana: 'スズキ' },
    ],
  },
};
