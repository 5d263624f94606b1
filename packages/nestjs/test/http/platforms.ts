import { TokenManager } from '@evertoken/core';
import { dingTalkApp } from '@evertoken/dingtalk';
import { SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { officialAccount } from '@evertoken/wechat';

/** A WeChat account of the sandbox, and a manager for it. */
export function officialAccountOf(sandbox: Sandbox) {
  const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
  const account = officialAccount({ name: 'shop', appId, secret, baseUrl: sandbox.urls.wechat });
  return { account, tokens: new TokenManager({ accounts: [account] }) };
}

/** A DingTalk app of the sandbox, and a manager for it. */
export function dingTalkAppOf(sandbox: Sandbox) {
  const { appKey, appSecret, corpId } = SANDBOX_ACCOUNTS.dingtalk;
  const baseUrls = { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi };
  const account = dingTalkApp({ name: 'oa', appKey, appSecret, corpId, baseUrls });
  return { account, tokens: new TokenManager({ accounts: [account] }) };
}
