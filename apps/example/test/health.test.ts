import { createSandbox, SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { afterwards, HOUR_MS, run, runOnSandbox, temporaryDirectory, UID, Visitor } from './support.js';

const { wechat, wecom, dingtalk } = SANDBOX_ACCOUNTS;

async function probe(url: string) {
  // A probe takes what it gets; a person's browser gets the same.
  const answer = await fetch(`${url}/health`, { headers: { accept: 'text/html' } });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    body: JSON.parse(text) as { readonly status: string; readonly details: unknown },
  };
}

async function runConnected() {
  const example = await runOnSandbox();
  await example.tokens.refreshDue();
  return example;
}

describe('/health', () => {
  it('is 200 where every account has its tokens, and asks no platform', async () => {
    const { url, sandbox } = await runConnected();
    const before = sandbox.calls().length;
    const { status, body } = await probe(url);
    expect([status, body]).toMatchObject([200, { status: 'ok', details: { tokens: { status: 'up', reasons: [] } } }]);
    expect(sandbox.calls()).toHaveLength(before);
  });

  it('is 200 and says why where a user has to sign in again, and not who', async () => {
    const { url, sandbox, tokens } = await runConnected();
    await new Visitor(url).signIn(UID);
    // Nobody refreshed for three days.
    sandbox.advance(73 * HOUR_MS);
    await sandbox.pushes();
    await tokens.refreshDue();
    const { status, text, body } = await probe(url);
    expect([status, body]).toMatchObject([
      200,
      {
        details: {
          tokens: {
            status: 'degraded',
            reasons: expect.arrayContaining([
              expect.objectContaining({ reason: 'reauthorize', account: 'erp', keys: 1, of: 1 }),
            ]),
          },
        },
      },
    ]);
    expect(text).not.toContain(UID);
  });

  it('is 503 with the reason where an account has no token and gets none, and tells no secret', async () => {
    const sandbox = await createSandbox();
    afterwards(() => sandbox.close());
    const { url, tokens } = await run({
      DATA_DIR: await temporaryDirectory(),
      WECHAT_APPID: wechat.appId,
      WECHAT_SECRET: 'a-mistyped-secret',
      WECHAT_BASE_URL: sandbox.urls.wechat,
      WECOM_CORPID: wecom.corpId,
      WECOM_AGENTID: '1000002',
      WECOM_SECRET: 'another-mistyped-secret',
      WECOM_BASE_URL: sandbox.urls.wecom,
      DINGTALK_APP_KEY: dingtalk.appKey,
      DINGTALK_APP_SECRET: dingtalk.appSecret,
      DINGTALK_API_URL: sandbox.urls.dingtalkApi,
      DINGTALK_OAPI_URL: sandbox.urls.dingtalkOapi,
    });
    await tokens.refreshDue();
    const { status, text, body } = await probe(url);
    expect([status, body]).toMatchObject([
      503,
      {
        status: 'error',
        details: {
          tokens: {
            status: 'down',
            reasons: expect.arrayContaining([
              expect.objectContaining({ account: 'shop', code: 'ERR_TOKEN_REFUSED', platformCode: '40125' }),
              expect.objectContaining({ account: 'corp', code: 'ERR_TOKEN_REFUSED', platformCode: '40001' }),
            ]),
          },
        },
      },
    ]);
    expect(text).not.toContain('mistyped');
    // The other account is well.
    expect(text).not.toContain('"oa"');
  });
});
