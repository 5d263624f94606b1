import type { DingTalkAccount } from './dingtalk/account.js';
import type { NextEngineAccount } from './nextengine/account.js';
import type { WeChatAccount } from './wechat/account.js';

const company = { companyId: '1000', companyNeId: 'ne-company-1000', companyName: '株式会社サンドボックス' };

/** The accounts of a sandbox that was given none: one per platform. Their secrets open nothing else. */
export const SANDBOX_ACCOUNTS: {
  readonly wechat: WeChatAccount;
  readonly dingtalk: DingTalkAccount & { readonly corpId: string; readonly corpSecret: string };
  readonly nextengine: NextEngineAccount;
} = {
  wechat: { appId: 'wx0000000000sandbox', secret: 'sandbox-wechat-secret' },
  dingtalk: {
    appKey: 'dingsandboxappkey',
    appSecret: 'sandbox-dingtalk-secret',
    corpId: 'dingsandboxcorp',
    corpSecret: 'sandbox-dingtalk-corp-secret',
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
