import { sourceContract } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dingTalkApp, dingTalkSns, dingTalkSso } from '../src/index.js';

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

const { ssoSecret = '' } = SANDBOX_ACCOUNTS.dingtalk;
const users = () => dingTalkApp({ name: 'oa', appKey, appSecret, userTokens: true, baseUrls: baseUrls() });
const personal = () =>
  dingTalkSns({ name: 'personal', appId: appKey, appSecret, persistentCodes: true, baseUrls: baseUrls() });

sourceContract(
  { describe, it, expect },
  {
    name: 'DingTalk unified access token',
    create: () => ({ source: users().unifiedAccessToken(corpId) }),
    secrets: [appSecret],
  },
);
sourceContract(
  { describe, it, expect },
  {
    name: 'DingTalk user token',
    create: async () => {
      const body = { clientId: appKey, clientSecret: appSecret, grantType: 'authorization_code' };
      const response = await fetch(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/userAccessToken`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, code: sandbox.dingtalk.userCode(appKey) }),
      });
      const { accessToken: value, refreshToken } = (await response.json()) as Record<string, string>;
      const current = { value: value ?? '', refreshToken: refreshToken ?? '', issuedAt: sandbox.now(), generation: 1 };
      return { source: users().user({ unionId: 'union-lan' }).accessToken, current };
    },
    secrets: [appSecret],
  },
);
for (const api of ['v1', 'legacy'] as const) {
  sourceContract(
    { describe, it, expect },
    {
      name: `DingTalk SSO token, ${api}`,
      create: () => ({ source: dingTalkSso({ name: 'c', corpId, ssoSecret, api, baseUrls: baseUrls() }).accessToken }),
      secrets: [ssoSecret],
    },
  );
}
sourceContract(
  { describe, it, expect },
  { name: 'DingTalk SNS token', create: () => ({ source: personal().accessToken }), secrets: [appSecret] },
);
sourceContract(
  { describe, it, expect },
  {
    name: 'DingTalk SNS user token',
    create: async () => {
      const { oapi } = baseUrls();
      const get = async (url: string, init?: RequestInit) =>
        (await (await fetch(url, init)).json()) as Record<string, string>;
      const { access_token: token = '' } = await get(`${oapi}/sns/gettoken?appid=${appKey}&appsecret=${appSecret}`);
      const { openid = '', persistent_code: code = '' } = await get(
        `${oapi}/sns/get_persistent_code?access_token=${token}`,
        { method: 'POST', body: JSON.stringify({ tmp_auth_code: sandbox.dingtalk.scanCode(appKey) }) },
      );
      const parents = [token, code].map((value) => ({ value, issuedAt: sandbox.now() }));
      return { source: personal().user(openid).accessToken, parents };
    },
    secrets: [appSecret],
  },
);
