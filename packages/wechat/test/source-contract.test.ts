import { sourceContract } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { officialAccount } from '../src/index.js';

/** Refresh tokens that were handed out on the way. */
const userSecrets: string[] = [];
const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
afterAll(() => sandbox.close());

const shop = (endpoint: 'stable_token' | 'token' = 'stable_token') =>
  officialAccount({ name: 'shop', appId, secret, endpoint, baseUrl: sandbox.urls.wechat });

/** The platform's present token: what a ticket is asked for with. */
async function parent() {
  const url = `${sandbox.urls.wechat}/cgi-bin/stable_token`;
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ grant_type: 'client_credential', appid: appId, secret }),
  });
  const { access_token: value } = (await response.json()) as { access_token: string };
  return { value, issuedAt: sandbox.now() };
}

for (const endpoint of ['stable_token', 'token'] as const) {
  sourceContract(
    { describe, it, expect },
    { name: `WeChat ${endpoint}`, create: () => ({ source: shop(endpoint).accessToken }), secrets: [secret] },
  );
}
for (const ticket of ['jsapiTicket', 'cardTicket'] as const) {
  sourceContract(
    { describe, it, expect },
    {
      name: `WeChat ${ticket}`,
      create: async () => ({ source: shop()[ticket], parents: [await parent()] }),
      secrets: [secret],
    },
  );
}

sourceContract(
  { describe, it, expect },
  {
    name: 'WeChat user_access_token',
    async create() {
      const code = sandbox.wechat.oauthCode(appId);
      const query = new URLSearchParams({ appid: appId, secret, code, grant_type: 'authorization_code' });
      const answer = await fetch(`${sandbox.urls.wechat}/sns/oauth2/access_token?${query}`);
      const {
        access_token: value,
        refresh_token: refreshToken,
        openid,
      } = (await answer.json()) as Record<string, string>;
      userSecrets.push(refreshToken as string);
      const { baseUrl } = shop();
      const source = officialAccount({ name: 'shop', appId, secret, baseUrl, userTokens: true }).user(
        openid as string,
      ).accessToken;
      const current = {
        value: value as string,
        refreshToken: refreshToken as string,
        issuedAt: sandbox.now(),
        generation: 1,
      };
      return { source, current };
    },
    secrets: userSecrets,
  },
);
