import type { TokenStatus } from '@evertoken/core';
import { SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { run, runOnSandbox, shared, temporaryDirectory, Visitor } from './support.js';

const { wechat, openPlatform, wecom, dingtalk, dingtalkSuite } = SANDBOX_ACCOUNTS;
const [first, second] = openPlatform.authorizers;
const [suite] = wecom.suites;
/** Of two companies each, the first one has the suite from the start. */
const [customer, otherCustomer] = ['wwsandboxcustomer1', 'wwsandboxcustomer2'];
const [corp, otherCorp] = ['dingsandboxcorp1', 'dingsandboxcorp2'];

/** The example once the sandbox knows where to push to, and has. */
async function runConnected() {
  const example = await runOnSandbox();
  await example.sandbox.pushes();
  const visitor = new Visitor(example.url);
  return { ...example, visitor };
}

async function inspected({ tokens }: { readonly tokens: Awaited<ReturnType<typeof run>>['tokens'] }) {
  const lines: TokenStatus[] = [];
  for await (const status of tokens.inspect()) lines.push(status);
  return lines.map(({ account, kind, subject, state }) => [account, kind, subject, state].filter(Boolean).join(' '));
}

/** Most tests do each other no harm. */
const example = shared(runConnected);

describe('pushes at /callbacks/<account>', () => {
  it('bring every account to life by themselves', async () => {
    const { url, sandbox, tokens, visitor } = await runConnected();
    const log = sandbox.pushLog();
    expect([...new Set(log.map((push) => `${push.url} ${push.outcome}`))]).toEqual(
      ['platform', 'suite', 'isv'].map((name) => `${url}/callbacks/${name} success`),
    );
    await tokens.refreshDue();
    expect(await inspected({ tokens })).toEqual(
      expect.arrayContaining([
        'platform component_verify_ticket active',
        'platform component_access_token active',
        `platform authorizer_access_token ${first.appId} active`,
        `platform authorizer_jsapi_ticket ${first.appId} active`,
        'suite suite_ticket active',
        `suite permanent_code ${customer} active`,
        `suite corp_access_token ${customer} active`,
        'isv suite_ticket active',
        'isv suite_access_token active',
        `isv permanent_code ${corp} active`,
        `isv corp_access_token ${corp} active`,
      ]),
    );
    // And calls work with all of them.
    expect(await visitor.json('/open-platform/authorizers')).toMatchObject({
      authorizers: [{ appId: first.appId, state: 'active', name: first.name }],
    });
    expect(await visitor.json(`/open-platform/authorizers/${first.appId}/followers`)).toMatchObject({ total: 2 });
    expect(await visitor.json('/wecom-suite/corps')).toMatchObject({ corps: [{ corpId: customer }] });
    expect(await visitor.json(`/wecom-suite/corps/${customer}/departments`)).toMatchObject({
      departments: [{ id: 1 }, { id: 2, name: 'Sales' }],
    });
    expect(await visitor.json('/dingtalk-suite/corps')).toMatchObject({ corps: [{ corpId: corp }] });
    expect(await visitor.json(`/dingtalk-suite/corps/${corp}/user?userid=manager1`)).toMatchObject({
      userid: 'manager1',
    });
    // Nobody asked twice, and nothing dead was used.
    expect(sandbox.calls().filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  });

  it('tell of who comes and who goes', async () => {
    const { sandbox, visitor } = await runConnected();
    const post = async (action: string, account: string, subject: string) =>
      expect((await visitor.post(`/sandbox/${action}`, { account, subject })).status).toBe(303);
    const statusOf = async (path: string) => (await visitor.get(path)).status;
    const calls = [
      `/open-platform/authorizers/${second.appId}/followers`,
      `/wecom-suite/corps/${otherCustomer}/departments`,
      `/dingtalk-suite/corps/${otherCorp}/user?userid=manager1`,
    ];
    expect(await Promise.all(calls.map(statusOf))).toEqual([409, 409, 502]);
    await post('authorize', 'platform', second.appId);
    await post('authorize', 'suite', otherCustomer);
    await post('authorize', 'isv', otherCorp);
    await sandbox.pushes();
    expect(await Promise.all(calls.map(statusOf))).toEqual([200, 200, 200]);
    await post('cancel', 'platform', second.appId);
    await post('cancel', 'suite', otherCustomer);
    await post('cancel', 'isv', otherCorp);
    await sandbox.pushes();
    for (const path of calls) expect(await statusOf(path)).toBeGreaterThanOrEqual(400);
    expect(await visitor.json('/wecom-suite/corps')).toMatchObject({ corps: [{ corpId: customer }] });
  });

  it('reach a handler of the application’s own, which answers with what it injects', async () => {
    const { sandbox, url } = await example();
    const message = {
      ToUserName: 'gh_shop',
      FromUserName: 'openid-1',
      CreateTime: 1,
      MsgType: 'text',
      Content: 'Hello',
    };
    const answered = await sandbox.wechat.push(wechat.appId, message);
    expect(answered).toMatchObject({ url: `${url}/callbacks/shop`, tries: 1, status: 200, outcome: 'reply' });
    expect(answered.reply).toContain('2 people follow this account');
    expect(answered.reply).toContain('<ToUserName><![CDATA[openid-1]]></ToUserName>');
    expect(await sandbox.wechat.push(wechat.appId, { ...message, MsgType: 'event', Event: 'VIEW' })).toMatchObject({
      outcome: 'success',
    });
    expect(await sandbox.wechat.verifyUrl(wechat.appId)).toMatchObject({ outcome: 'verified' });
  });

  it('come to the corp’s agents and to the internal app, too', async () => {
    const { sandbox, url } = await example();
    const seen = sandbox.pushLog().length;
    const from = { FromUserName: 'zhang', CreateTime: 1, AgentID: 1000002 };
    sandbox.wecom.push(wecom.corpId, { ToUserName: wecom.corpId, ...from, MsgType: 'text', Content: 'Hi' });
    sandbox.dingtalk.pushEvent(dingtalk.appKey, { EventType: 'user_add_org', UserId: ['manager1'] });
    await sandbox.pushes();
    const pushes = sandbox.pushLog().slice(seen);
    expect(pushes.map((push) => [push.url, push.status]).sort()).toEqual([
      [`${url}/callbacks/corp`, 200],
      [`${url}/callbacks/oa`, 200],
    ]);
    expect(pushes.map(({ outcome }) => outcome)).not.toContain('invalid');
  });

  it('are refused where they are not genuine, and say nothing', async () => {
    const { url } = await example();
    const sent = await Promise.all(
      ['shop', 'platform', 'corp', 'suite', 'oa', 'isv'].map(async (name) => {
        const answer = await fetch(`${url}/callbacks/${name}?timestamp=1&nonce=1&msg_signature=0&signature=0`, {
          method: 'POST',
          headers: { 'content-type': 'text/xml' },
          body: '<xml><Encrypt>0</Encrypt></xml>',
        });
        return [answer.status, await answer.text()];
      }),
    );
    for (const [status, text] of sent) expect([status, text]).toEqual([expect.toBeOneOf([400, 403]), '']);
    // NextEngine pushes nothing, and nobody else is there.
    for (const name of ['erp', 'nobody']) expect((await fetch(`${url}/callbacks/${name}`)).status).toBe(404);
  });

  it('have no address where an account has no keys for them', async () => {
    const env = { WECHAT_APPID: wechat.appId, WECHAT_SECRET: wechat.secret, WECHAT_BASE_URL: 'http://127.0.0.1:9' };
    const { url } = await run({ DATA_DIR: await temporaryDirectory(), ...env });
    expect((await fetch(`${url}/callbacks/shop`)).status).toBe(404);
  });
});

describe('an administrator’s browser', () => {
  it('authorizes the platform, and comes back', async () => {
    const { visitor } = await example();
    const begun = await visitor.get('/open-platform/authorize');
    const chosen = await fetch(`${begun.headers.get('location')}&authorizer_appid=${second.appId}`, {
      redirect: 'manual',
    });
    const back = chosen.headers.get('location') ?? '';
    expect(back).toMatch(/\/open-platform\/authorized\?/);
    // A link that somebody else sends is no authorization.
    const planted = await fetch(back, { redirect: 'manual' });
    expect([planted.status, await planted.json()]).toMatchObject([400, { signIn: '/open-platform/authorize' }]);
    const done = await visitor.get(back);
    expect([done.status, done.headers.get('location')]).toEqual([302, '/open-platform/authorizers']);
    expect(await visitor.json('/open-platform/authorizers')).toMatchObject({
      authorizers: expect.arrayContaining([expect.objectContaining({ appId: second.appId, state: 'active' })]),
    });
    // Good for one callback.
    expect((await visitor.get(back)).status).toBe(400);
  });

  it('installs the suite, and comes back', async () => {
    const { visitor } = await example();
    const begun = await visitor.get('/wecom-suite/install');
    const chosen = await fetch(`${begun.headers.get('location')}&corpid=${otherCustomer}`, { redirect: 'manual' });
    const back = chosen.headers.get('location') ?? '';
    expect(back).toMatch(/\/wecom-suite\/installed\?/);
    expect((await fetch(back, { redirect: 'manual' })).status).toBe(400);
    const done = await visitor.get(back);
    expect([done.status, done.headers.get('location')]).toEqual([302, '/wecom-suite/corps']);
    expect((await visitor.get(`/wecom-suite/corps/${otherCustomer}/departments`)).status).toBe(200);
  });

  it('sees pages without a token', async () => {
    const { url, tokens, platforms } = await example();
    await tokens.refreshDue();
    const { platform, suite: installed, isv } = platforms.accounts;
    if (!platform || !installed || !isv) throw new Error('sandbox mode has all accounts');
    const sources = [
      platform.verifyTicket,
      platform.accessToken,
      platform.authorizer(first.appId).accessToken,
      installed.ticket,
      installed.corp(customer).permanentCode,
      installed.corp(customer).accessToken,
      isv.corp(corp).accessToken,
    ];
    const secrets = await Promise.all(sources.map(async (source) => (await tokens.get(source)).value));
    const paths = ['/open-platform/authorizers', '/wecom-suite/corps', '/dingtalk-suite/corps', '/', '/api/status'];
    const look = async (path: string) => (await fetch(`${url}${path}`, { headers: { accept: 'text/html' } })).text();
    const shown = (await Promise.all(paths.map(look))).join('\n');
    expect(shown).toContain('<h1>Corps with the WeCom suite</h1>');
    expect(shown).toContain(customer);
    const keys = [openPlatform.secret, suite.secret, dingtalkSuite.suiteSecret];
    expect([...secrets, ...keys].filter((secret) => secret.length < 8 || shown.includes(secret))).toEqual([]);
  });
});
