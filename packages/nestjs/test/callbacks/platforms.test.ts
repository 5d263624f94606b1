import { type Clock, memoryStore, systemClock, type TokenStatus } from '@evertoken/core';
import { dingTalkApp, dingTalkSuite } from '@evertoken/dingtalk';
import { nextEngineApp } from '@evertoken/nextengine';
import { createSandbox, SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { officialAccount, openPlatform, weCom, weComSuite } from '@evertoken/wechat';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TokenCallbackModule } from '../../src/callbacks/index.js';
import { TokenManager, TokenModule } from '../../src/index.js';
import { ADAPTERS, type AdapterName, serve } from './support.js';

const PUSH = { token: 'pushToken', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
const { wechat, openPlatform: component, wecom, dingtalk, dingtalkSuite: isv, nextengine } = SANDBOX_ACCOUNTS;
const [authorizer] = component.authorizers;
const [suite] = wecom.suites;
const CUSTOMER = 'wwcustomer';
const [, corp = { corpId: 'none' }] = isv.corps ?? [];
const keysOf = ({ token, encodingAESKey }: { token: string; encodingAESKey: string }) => ({ token, encodingAESKey });

/** One application with an account of each kind, on a sandbox that is told where it listens. */
async function open(adapter: AdapterName) {
  // Answers are waited for as long as it takes on a busy machine.
  const sandbox = await createSandbox({ pushTimeoutMs: 20_000 });
  const { urls } = sandbox;
  const clock: Clock = { ...systemClock, now: () => sandbox.now() };
  const baseUrls = { api: urls.dingtalkApi, oapi: urls.dingtalkOapi };
  const heard: unknown[] = [];
  const crm = { agentId: 1000002, secret: wecom.agents?.find(({ agentId }) => agentId === 1000002)?.secret };
  const onPush = (push: { message: Readonly<Record<string, unknown>> }) => void heard.push(push.message['Content']);
  const accounts = [
    officialAccount({ name: 'shop', ...wechat, push: PUSH, baseUrl: urls.wechat, clock, onPush }),
    openPlatform({
      name: 'platform',
      appId: component.appId,
      secret: component.secret,
      push: keysOf(component),
      baseUrl: urls.wechat,
      clock,
    }),
    weCom({ name: 'corp', corpId: wecom.corpId, agents: { crm }, push: PUSH, baseUrl: urls.wecom, clock, onPush }),
    weComSuite({
      name: 'suite',
      suiteId: suite.suiteId,
      corpId: wecom.corpId,
      secret: suite.secret,
      push: keysOf(suite),
      baseUrl: urls.wecom,
      clock,
    }),
    dingTalkApp({
      name: 'oa',
      appKey: dingtalk.appKey,
      appSecret: dingtalk.appSecret,
      corpId: dingtalk.corpId,
      push: PUSH,
      baseUrls,
      clock,
    }),
    dingTalkSuite({
      name: 'isv',
      suiteKey: isv.suiteKey,
      suiteSecret: isv.suiteSecret,
      push: keysOf(isv),
      baseUrls,
      clock,
    }),
    nextEngineApp({
      name: 'erp',
      clientId: nextengine.clientId,
      clientSecret: nextengine.clientSecret,
      baseUrls: { api: urls.nextengineApi, base: urls.nextengineBase },
      redirectUri: 'http://app.example/callbacks/erp',
      signIn: { afterSignIn: '/orders' },
      clock,
    }),
  ];
  const manager = {
    store: memoryStore({ clock }),
    clock,
    singleInstance: true,
    allowVolatileGrants: true,
    random: () => 0,
  };
  const served = await serve(adapter, [
    TokenModule.forRoot({ accounts, schedule: false, ...manager }),
    TokenCallbackModule.forRoot({ routes: accounts.map(({ name }) => ({ path: `callbacks/${name}`, account: name })) }),
  ]);
  // Before the application ends: what is still being pushed would wait for nobody.
  onTestFinished(async () => {
    await sandbox.pushes();
    await sandbox.close();
  });
  const callbackUrl = (name: string) => `${served.url}/callbacks/${name}`;
  sandbox.wechat.configure(wechat.appId, { push: { url: callbackUrl('shop'), ...PUSH } });
  sandbox.openPlatform.configure(component.appId, { callbackUrl: callbackUrl('platform') });
  sandbox.wecom.setCallback(wecom.corpId, { url: callbackUrl('corp'), ...PUSH });
  sandbox.wecom.setCallback(suite.suiteId, { url: callbackUrl('suite') });
  sandbox.dingtalk.setCallback(dingtalk.appKey, { url: callbackUrl('oa'), ...PUSH });
  sandbox.dingtalkSuite.setCallback(isv.suiteKey, { callbackUrl: callbackUrl('isv') });
  await sandbox.pushes();
  const stored = async () => {
    const lines: TokenStatus[] = [];
    for await (const status of served.app.get(TokenManager).inspect()) lines.push(status);
    return lines.map(({ account, kind, subject, state }) => [account, kind, subject, state].filter(Boolean).join(' '));
  };
  return { ...served, sandbox, heard, stored };
}

describe.each(ADAPTERS)('what platforms send to an application on %s', (adapter) => {
  it('tickets, authorizations, messages and events arrive, are answered, and bring tokens to life', async () => {
    const { url, sandbox, heard, stored } = await open(adapter);
    sandbox.openPlatform.authorize(component.appId, authorizer.appId);
    sandbox.wecom.install(suite.suiteId, { corpId: CUSTOMER });
    sandbox.dingtalkSuite.authorize(isv.suiteKey, corp.corpId);
    const text = { FromUserName: 'somebody', CreateTime: 1, MsgType: 'text' };
    await sandbox.wechat.push(wechat.appId, { ToUserName: 'gh_shop', ...text, Content: '你好' });
    sandbox.wecom.push(wecom.corpId, { ToUserName: wecom.corpId, AgentID: 1000002, ...text, Content: 'Hi' });
    sandbox.dingtalk.pushEvent(dingtalk.appKey, { EventType: 'user_add_org', UserId: ['manager1'] });
    await sandbox.pushes();
    const log = sandbox.pushLog();
    // Each was answered as the platform wants it.
    expect(log.filter(({ outcome }) => !['success', 'empty', 'reply'].includes(outcome))).toEqual([]);
    const names = ['shop', 'platform', 'corp', 'suite', 'oa', 'isv'];
    expect(new Set(log.map((push) => push.url))).toEqual(new Set(names.map((name) => `${url}/callbacks/${name}`)));
    expect(heard).toEqual(['你好', 'Hi']);
    expect(await stored()).toEqual(
      expect.arrayContaining([
        'platform component_verify_ticket active',
        `platform authorizer_access_token ${authorizer.appId} active`,
        'suite suite_ticket active',
        `suite permanent_code ${CUSTOMER} active`,
        'isv suite_ticket active',
        `isv permanent_code ${corp.corpId} active`,
      ]),
    );
  });

  it('the check of an address is answered', async () => {
    const { sandbox } = await open(adapter);
    expect(await sandbox.wechat.verifyUrl(wechat.appId)).toMatchObject({ outcome: 'verified' });
    sandbox.wecom.verifyUrl(wecom.corpId);
    sandbox.wecom.verifyUrl(suite.suiteId);
    sandbox.dingtalk.checkUrl(dingtalk.appKey);
    await sandbox.pushes();
    const checks = sandbox.pushLog().filter(({ event }) => event === 'verification' || event === 'check_url');
    expect(checks.map(({ outcome }) => outcome).sort()).toEqual(['success', 'verified', 'verified', 'verified']);
  });

  it('what is forged is refused without a word, and changes nothing', async () => {
    const { send, stored, heard } = await open(adapter);
    // What follows from the tickets goes on by itself.
    const pushed = async () => (await stored()).filter((line) => !line.includes('access_token'));
    const before = await pushed();
    for (const name of ['shop', 'platform', 'corp', 'suite', 'oa', 'isv']) {
      const { status, text } = await send(`/callbacks/${name}?timestamp=1&nonce=1&msg_signature=0&signature=0`, {
        method: 'POST',
        headers: { 'content-type': 'text/xml' },
        body: '<xml><Encrypt>0</Encrypt></xml>',
      });
      expect([name, status, text]).toEqual([name, expect.toBeOneOf([400, 403]), '']);
    }
    expect(await pushed()).toEqual(before);
    expect(heard).toEqual([]);
  });

  it('a browser signs in to NextEngine: away, back with a cookie of its own, and on', async () => {
    const { send, stored, sandbox } = await open(adapter);
    const away = await send('/callbacks/erp');
    expect(away.status).toBe(302);
    const [cookie = ''] = away.headers.getSetCookie();
    expect(cookie).toMatch(/HttpOnly/);
    const page = new URL(away.headers.get('location') ?? '');
    expect(page.origin).toBe(new URL(sandbox.urls.nextengineBase).origin);
    page.searchParams.set('uid', 'user-tanaka');
    const back = new URL((await fetch(page, { redirect: 'manual' })).headers.get('location') ?? '');
    expect(back.pathname).toBe('/callbacks/erp');
    const path = `/callbacks/erp${back.search}`;
    const session = { headers: { cookie: cookie.split(';')[0] ?? '' } };
    const signedIn = await send(path, session);
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([302, '/orders']);
    expect(await stored()).toContain('erp access_token user-tanaka active');
    // Without that cookie it is somebody else's sign-in.
    expect((await send(path)).headers.get('location')).not.toBe('/orders');
    expect((await send('/callbacks/erp', { method: 'HEAD' })).status).toBe(405);
  });
});
