import { sourceContract } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dingTalkApp } from '../src/index.js';

const { appKey, appSecret, corpId, corpSecret } = SANDBOX_ACCOUNTS.dingtalk;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

const baseUrls = () => ({ api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi });
const app = (api: 'v1' | 'legacy') => dingTalkApp({ name: 'oa', appKey, appSecret, api, baseUrls: baseUrls() });

/** The app's present token: what a ticket is asked for with. */
async function parent() {
  const url = `${sandbox.urls.dingtalkOapi}/gettoken?appkey=${appKey}&appsecret=${appSecret}`;
  const { access_token: value } = (await (await fetch(url)).json()) as { access_token: string };
  return { value, issuedAt: sandbox.now() };
}

for (const api of ['v1', 'legacy'] as const) {
  sourceContract(
    { describe, it, expect },
    { name: `DingTalk access token, ${api}`, create: () => ({ source: app(api).accessToken }), secrets: [appSecret] },
  );
  sourceContract(
    { describe, it, expect },
    {
      name: `DingTalk jsapi ticket, ${api}`,
      create: async () => ({ source: app(api).jsapiTicket, parents: [await parent()] }),
      secrets: [appSecret],
    },
  );
}
sourceContract(
  { describe, it, expect },
  {
    name: 'DingTalk access token, corpid and corpsecret',
    create: () => ({ source: dingTalkApp({ name: 'oa', corpId, corpSecret, baseUrls: baseUrls() }).accessToken }),
    secrets: [corpSecret ?? ''],
  },
);
