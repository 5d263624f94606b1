import { TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { officialAccount } from '../src/index.js';
import { answering, countingTokens, failureOf, hastyClock, NOON } from './support.js';

const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret-0123456789' };
const FOLLOWERS = '/cgi-bin/user/get';
const PROBE = '/cgi-bin/openapi/quota/get';
const STABLE = '/cgi-bin/stable_token';

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({ clock, wechat: [{ appId: app.appId, secret: app.secret, dailyCallQuota: 5 }] });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

function setUp(options: object = {}) {
  const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, clock: hastyClock(), ...options });
  const manager = new TokenManager({ accounts: [shop], clock });
  managers.push(manager);
  return { shop, manager, wechat: shop.client(manager) };
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;

describe('quota', () => {
  it('tells what is left of the day', async () => {
    const { wechat } = setUp();
    await wechat.get(FOLLOWERS);
    await wechat.get(FOLLOWERS);
    expect(await wechat.quota(FOLLOWERS)).toEqual({ dailyLimit: 5, used: 2, remain: 3 });
  });

  const limits = {
    rate_limit: { call_count: 10, refresh_second: 60 },
    component_rate_limit: { call_count: 7, refresh_second: 1 },
  };
  const quota = { daily_limit: 1, used: 0, remain: 1 };
  it.each([
    ['beside it, as one document has it', { errcode: 0, quota, ...limits }],
    ['inside it, as another has it', { errcode: 0, quota: { ...quota, ...limits } }],
  ])('reads the limits per time %s', async (_, answer) => {
    const { fetch } = answering(answer);
    const wechat = officialAccount({ ...app, fetch }).client(countingTokens());
    expect(await wechat.quota(FOLLOWERS)).toEqual({
      dailyLimit: 1,
      used: 0,
      remain: 1,
      rateLimit: { callCount: 10, refreshSeconds: 60 },
      componentRateLimit: { callCount: 7, refreshSeconds: 1 },
    });
  });

  it('does not take half an answer', async () => {
    const { fetch } = answering({ errcode: 0, quota: { daily_limit: 1 } });
    const wechat = officialAccount({ ...app, fetch }).client(countingTokens());
    expect(await failureOf(wechat.quota(FOLLOWERS))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'malformed',
    });
  });

  it.each([
    ['cgi-bin/user/get', 76003],
    ['/cgi-bin/no/such', 76021],
  ])('of %s is refused with %i', async (path, errcode) => {
    expect(await failureOf(setUp().wechat.quota(path))).toMatchObject({ errcode, reason: 'refused' });
  });
});

describe('a counter', () => {
  it('that is used up is opened again, ten times a month', async () => {
    const { wechat } = setUp();
    for (let n = 0; n < 5; n++) await wechat.get(FOLLOWERS);
    const error = await failureOf(wechat.get(FOLLOWERS));
    expect(error).toMatchObject({
      errcode: 45009,
      reason: 'quota',
      retryable: false,
      retryAt: Date.UTC(2026, 10, 20, 16),
    });
    await wechat.clearQuota();
    expect(await wechat.get(FOLLOWERS)).toMatchObject({ total: 2 });
    for (let n = 0; n < 9; n++) await wechat.clearQuota();
    expect(await failureOf(wechat.clearQuota())).toMatchObject({ errcode: 48006, retryAt: Date.UTC(2026, 10, 30, 16) });
  });

  it('is opened without a token where no token is to be had', async () => {
    const { shop, manager, wechat } = setUp();
    sandbox.fault({ kind: 'code', code: 45009, endpoint: STABLE, count: 'always' });
    expect(await failureOf(manager.get(shop.accessToken))).toMatchObject({ code: 'ERR_TOKEN_QUOTA' });
    await wechat.clearQuotaBySecret();
    expect(sandbox.calls({ endpoint: '/cgi-bin/clear_quota/v2' })).toMatchObject([{ account: 'wx1', outcome: 'ok' }]);
  });

  it('without a token: the secret goes into the body, and into the address only where the body is not read', async () => {
    const { fetch, seen } = answering({ errcode: 41002, errmsg: 'appid missing' }, { errcode: 0 });
    const shop = officialAccount({ ...app, fetch });
    await shop.client(countingTokens()).clearQuotaBySecret();
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ appid: 'wx1', appsecret: app.secret });
    expect(seen.map(({ url }) => url.searchParams.get('appsecret'))).toEqual([null, app.secret]);
    const refused = answering({ errcode: 40125, errmsg: 'invalid appsecret' });
    const other = officialAccount({ ...app, fetch: refused.fetch }).client(countingTokens());
    expect(await failureOf(other.clearQuotaBySecret())).toMatchObject({ errcode: 40125 });
    expect(refused.seen).toHaveLength(1);
  });
});

describe('checkToken', () => {
  it('finds a living token alive', async () => {
    const { wechat } = setUp();
    expect(await wechat.checkToken()).toBe('alive');
    expect([calls(PROBE), calls(STABLE)]).toEqual([1, 1]);
  });

  it('has one that died before its time replaced, before anybody’s call meets it', async () => {
    const { wechat, manager, shop } = setUp();
    const dead = await manager.get(shop.accessToken);
    sandbox.wechat.revoke(app.appId);
    expect(await wechat.checkToken()).toBe('replaced');
    expect((await manager.get(shop.accessToken)).value).not.toBe(dead.value);
    await wechat.get(FOLLOWERS);
    expect(sandbox.calls({ endpoint: FOLLOWERS }).map(({ outcome }) => outcome)).toEqual(['ok']);
    expect(calls(STABLE)).toBe(2);
  });

  it.each([
    ['is busy', { kind: 'busy', endpoint: PROBE, count: 'always' }],
    ['does not answer', { kind: 'drop', endpoint: PROBE, count: 'always' }],
    ['counts too many calls', { kind: 'code', code: 45009, endpoint: PROBE, count: 'always' }],
  ] as const)('knows nothing where the platform %s', async (_, fault) => {
    const { wechat } = setUp();
    sandbox.fault(fault);
    expect(await wechat.checkToken()).toBe('unknown');
    expect(calls(STABLE)).toBe(1);
  });

  it('fails where the token is dead and the next one, too', async () => {
    const { wechat } = setUp();
    await wechat.checkToken();
    sandbox.wechat.revoke(app.appId);
    sandbox.fault({ kind: 'code', code: 40001, endpoint: PROBE, count: 'always' });
    expect(await failureOf(wechat.checkToken())).toMatchObject({ errcode: 40001 });
  });
});

describe('addresses', () => {
  it('of the API and of the pushes are told', async () => {
    const { wechat } = setUp();
    expect(await wechat.apiDomainIps()).toContain('203.0.113.10');
    expect(await wechat.callbackIps()).toContain('203.0.113.128/25');
  });

  it.each([{}, { ip_list: 'x' }, { ip_list: [1] }])('%j is no list of them', async (answer) => {
    const { fetch } = answering(answer);
    const wechat = officialAccount({ ...app, fetch }).client(countingTokens());
    expect(await failureOf(wechat.apiDomainIps())).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
  });
});
