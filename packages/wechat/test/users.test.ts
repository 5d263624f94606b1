import { memoryStore, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OfficialAccountClient, officialAccount, WeChatError } from '../src/index.js';
import { countingTokens, everythingOf, failureOf, NOON } from './support.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret-0123456789' };
const USER = 'o-user-1';
const REFRESH = '/sns/oauth2/refresh_token';
const EXCHANGE = '/sns/oauth2/access_token';

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  const users = [{ openid: USER, unionid: 'u-1', nickname: '小明' }, { openid: 'o-user-2' }];
  sandbox = await createSandbox({ clock, wechat: [{ appId: app.appId, secret: app.secret, users }] });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

function setUp(options: object = {}, store = memoryStore({ clock })) {
  const shop = officialAccount({
    ...app,
    userTokens: true,
    baseUrl: sandbox.urls.wechat,
    signInBaseUrl: sandbox.urls.wechat,
    clock,
    ...options,
  });
  const manager = new TokenManager({ accounts: [shop], store, clock, allowVolatileGrants: true });
  managers.push(manager);
  return { shop, manager, wechat: shop.client(manager) };
}

type World = ReturnType<typeof setUp>;

/** What a browser does: the page, the choice of a user, and the way back. */
async function visit(url: string, openid = USER): Promise<Record<string, string>> {
  const page = new URL(url);
  page.searchParams.set('openid', openid);
  const location = (await fetch(page, { redirect: 'manual' })).headers.get('location') ?? '';
  return Object.fromEntries(new URL(location).searchParams);
}

async function signIn({ wechat }: World, scope: 'snsapi_base' | 'snsapi_userinfo' = 'snsapi_userinfo', openid = USER) {
  const { url, binding } = wechat.signIn({ redirectUri: 'https://shop.example/back', scope });
  const { code, state } = await visit(url, openid);
  return wechat.exchange({ code, state, binding });
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;

async function stored({ manager }: World) {
  const states = [];
  for await (const status of manager.inspect({ kinds: ['user_access_token'] })) states.push(status);
  return states;
}

describe('signIn', () => {
  it('leads to the page, with the parameters in the order that it checks', () => {
    const { url, binding } = officialAccount(app)
      .client(setUp().manager)
      .signIn({ redirectUri: 'https://shop.example/back?a=1&b=2', scope: 'snsapi_userinfo' });
    expect(url).toBe(
      'https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1&redirect_uri=https%3A%2F%2Fshop.example%2Fback%3Fa%3D1%26b%3D2' +
        `&response_type=code&scope=snsapi_userinfo&state=${binding}#wechat_redirect`,
    );
    expect(binding).toMatch(/^[0-9a-f]{32}$/);
  });

  it('begins nothing that cannot be ended: without a secret', () => {
    const { wechat } = setUp();
    const target = officialAccount({ ...app });
    const onBehalf = new OfficialAccountClient(target, countingTokens());
    expect(() => onBehalf.signIn({ redirectUri: 'https://a.example' })).toThrow(
      /^"secret" of account "shop" is needed/,
    );
    expect(() => wechat.signIn({ redirectUri: 'https://a.example' })).not.toThrow();
  });

  it('asks the user for nothing by default, and makes each binding anew', () => {
    const { wechat } = setUp();
    const [one, two] = [1, 2].map(() => wechat.signIn({ redirectUri: 'https://shop.example/back' }));
    expect(new URL(one?.url ?? '').searchParams.get('scope')).toBe('snsapi_base');
    expect(one?.binding).not.toBe(two?.binding);
  });

  it.each([{ redirectUri: '/back' }, { redirectUri: 'https://a.example', scope: 'snsapi_login' }])(
    'refuses %j',
    (options) => {
      expect(() => setUp().wechat.signIn(options as never)).toThrow(TypeError);
    },
  );
});

describe('exchange', () => {
  it('tells who signed in, and keeps the tokens for calls as this user', async () => {
    const world = setUp();
    expect(await signIn(world)).toEqual({ openid: USER, unionid: 'u-1', scope: 'snsapi_userinfo' });
    const user = world.wechat.user(USER);
    expect(await user.get('/sns/userinfo', { lang: 'zh_CN' })).toMatchObject({ openid: USER, nickname: '小明' });
    expect(await user.check()).toBe(true);
    expect(await stored(world)).toMatchObject([
      { subject: USER, state: 'active', expiresAt: NOON + 120 * MINUTE, refreshTokenExpiresAt: NOON + 30 * DAY },
    ]);
    expect(calls(REFRESH)).toBe(0);
  });

  it('keeps nothing of a user who was asked for nothing, nor in place of what another sign-in brought', async () => {
    const world = setUp();
    expect(await signIn(world, 'snsapi_base')).toEqual({ openid: USER, unionid: 'u-1', scope: 'snsapi_base' });
    expect(await stored(world)).toEqual([]);
    await signIn(world);
    const { generation } = (await stored(world))[0] ?? {};
    await signIn(world, 'snsapi_base');
    expect((await stored(world))[0]?.generation).toBe(generation);
    expect(await world.wechat.user(USER).get('/sns/userinfo')).toMatchObject({ nickname: '小明' });
  });

  it('keeps nothing where the account does not say so, and needs no durable store then', async () => {
    const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, signInBaseUrl: sandbox.urls.wechat });
    const manager = new TokenManager({ accounts: [shop], clock });
    managers.push(manager);
    const world = { shop, manager, wechat: shop.client(manager) };
    expect(await signIn(world)).toMatchObject({ openid: USER });
    expect(await stored(world)).toEqual([]);
    expect(() => world.wechat.user(USER)).toThrow(/^"userTokens" of account "shop" must be true/);
    expect(() => shop.user(USER)).toThrow(expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION' }));
    expect(shop.source('user_access_token', USER)).toBeUndefined();
  });

  it('refuses a callback that this session did not begin, and asks nobody', async () => {
    const { wechat } = setUp();
    const { url, binding } = wechat.signIn({ redirectUri: 'https://shop.example/back' });
    const { code, state } = await visit(url);
    const other = wechat.signIn({ redirectUri: 'https://shop.example/back' }).binding;
    for (const [callback, reason] of [
      [{ code, state, binding: undefined }, 'unbound'],
      [{ code, state, binding: '' }, 'unbound'],
      [{ code, state, binding: other }, 'foreign'],
      [{ code, state: undefined, binding }, 'foreign'],
      [{ code, state: `${state}0`, binding }, 'foreign'],
      [{ code, state: ['a'], binding }, 'foreign'],
      [{ code: undefined, state, binding }, 'declined'],
    ] as const) {
      const error = await failureOf(wechat.exchange(callback as never));
      expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason, account: 'shop', retryable: false });
    }
    expect(calls(EXCHANGE)).toBe(0);
    expect(await wechat.exchange({ code, state, binding })).toMatchObject({ openid: USER });
  });

  it('says of a used, unknown or old code that the user has to begin again', async () => {
    const { wechat } = setUp();
    const { binding } = wechat.signIn({ redirectUri: 'https://shop.example/back' });
    const exchange = (code: string) => wechat.exchange({ code, state: binding, binding });
    const used = sandbox.wechat.oauthCode(app.appId);
    await exchange(used);
    const old = sandbox.wechat.oauthCode(app.appId);
    await clock.advance(6 * MINUTE);
    for (const [code, errcode] of [
      [used, 40163],
      ['made-up-code-0123456789', 40029],
      [old, 42003],
    ] as const) {
      const error = await failureOf(exchange(code));
      expect(error).toBeInstanceOf(WeChatError);
      expect(error).toMatchObject({ errcode, reason: 'reauthorize', path: EXCHANGE, retryable: false });
      expect(everythingOf(error)).not.toContain(code);
      expect(everythingOf(error)).not.toContain(app.secret);
    }
  });

  it('does not send a code twice: a lost answer is told, a busy platform is asked again', async () => {
    const { wechat } = setUp({ clock: undefined });
    const { binding } = wechat.signIn({ redirectUri: 'https://shop.example/back' });
    const exchange = () => wechat.exchange({ code: sandbox.wechat.oauthCode(app.appId), state: binding, binding });
    sandbox.fault({ kind: 'drop', endpoint: EXCHANGE });
    expect(await failureOf(exchange())).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    expect(calls(EXCHANGE)).toBe(1);
    sandbox.fault({ kind: 'busy', endpoint: EXCHANGE });
    expect(await exchange()).toMatchObject({ openid: USER });
    expect(calls(EXCHANGE)).toBe(3);
  });

  it('takes a wrong secret for what it is', async () => {
    const { wechat } = setUp({ secret: 'another-secret-0123456789' });
    const { binding } = wechat.signIn({ redirectUri: 'https://shop.example/back' });
    const error = await failureOf(wechat.exchange({ code: 'c', state: binding, binding }));
    expect(error).toMatchObject({ errcode: 40125, reason: 'refused' });
    expect(everythingOf(error)).not.toContain('another-secret');
  });
});

describe('a user’s token', () => {
  it('is renewed when it is wanted after its end, once for all callers and processes', async () => {
    const store = memoryStore({ clock });
    const worlds = [setUp({}, store), setUp({}, store)];
    await signIn(worlds[0] as World);
    await clock.advance(121 * MINUTE);
    await Promise.all(
      worlds.flatMap(({ wechat }) => Array.from({ length: 10 }, () => wechat.user(USER).get('/sns/userinfo'))),
    );
    expect(calls(REFRESH)).toBe(1);
  });

  it('is not renewed by sweeps: most who ever signed in are not there', async () => {
    const world = setUp();
    await signIn(world);
    for (let hour = 0; hour < 6; hour++) {
      await clock.advance(60 * MINUTE);
      await world.manager.refreshDue();
    }
    expect(calls(REFRESH)).toBe(0);
  });

  it('is renewed by sweeps where the account says so', async () => {
    const world = setUp({ refresh: { kinds: ['user_access_token'] } });
    await signIn(world);
    await clock.advance(100 * MINUTE);
    expect((await world.manager.refreshDue()).counts).toMatchObject({ unchanged: 1, renewed: 0 });
    expect(calls(REFRESH)).toBe(1);
    const [state] = await stored(world);
    // The platform gives the same token with a later end.
    expect(state?.expiresAt).toBe(clock.now() + 120 * MINUTE);
    expect(state?.refreshTokenExpiresAt).toBe(NOON + 30 * DAY);
  });

  it('of a new sign-in stands, though a renewal of the last one is answered later', async () => {
    const world = setUp();
    await signIn(world);
    await clock.advance(121 * MINUTE);
    sandbox.fault({ kind: 'delay', endpoint: EXCHANGE, delayMs: 300 });
    const signingIn = signIn(world);
    while (calls(EXCHANGE) < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    // The renewal is sent later than the exchange, and so its token would end later.
    await clock.advance(2_000);
    sandbox.fault({ kind: 'delay', endpoint: REFRESH, delayMs: 900 });
    const renewal = world.manager.get(world.shop.user(USER).accessToken);
    await signingIn;
    const signedIn = await stored(world);
    await renewal;
    expect((await stored(world))[0]).toMatchObject({
      generation: signedIn[0]?.generation,
      refreshTokenExpiresAt: clock.now() + 30 * DAY,
    });
  });

  it('loses nothing where the answer of a renewal was lost', async () => {
    const world = setUp();
    await signIn(world);
    await clock.advance(121 * MINUTE);
    sandbox.fault({ kind: 'drop', endpoint: REFRESH });
    const lost = (await failureOf(world.wechat.user(USER).get('/sns/userinfo'))) as { code: string; retryAt: number };
    expect(lost.code).toBe('ERR_TOKEN_TRANSPORT');
    await clock.advance(lost.retryAt - clock.now() + 1);
    expect(await world.wechat.user(USER).get('/sns/userinfo')).toMatchObject({ openid: USER });
  });

  it('keeps what the sign-in told of the user', async () => {
    const world = setUp();
    await signIn(world);
    await clock.advance(121 * MINUTE);
    const { extra } = await world.manager.get(world.shop.user(USER).accessToken);
    expect(extra).toEqual({ openid: USER, unionid: 'u-1', scope: 'snsapi_userinfo' });
  });

  it('ends with the refresh token, 30 days after the sign-in; a new sign-in brings it back', async () => {
    const world = setUp();
    await signIn(world);
    await clock.advance(29 * DAY);
    expect(await world.wechat.user(USER).check()).toBe(true);
    await clock.advance(DAY + 121 * MINUTE);
    const error = await failureOf(world.wechat.user(USER).get('/sns/userinfo'));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', platformCode: '42002', subject: USER });
    expect((await stored(world))[0]?.state).toBe('reauthorize');
    expect(await world.wechat.user(USER).check()).toBe(false);
    await signIn(world);
    expect(await world.wechat.user(USER).check()).toBe(true);
  });

  it('is dead with its refresh token once the user changed the password, and nobody else’s is', async () => {
    const world = setUp();
    await signIn(world);
    await signIn(world, 'snsapi_userinfo', 'o-user-2');
    sandbox.wechat.changePassword(app.appId, USER);
    const error = await failureOf(world.wechat.user(USER).get('/sns/userinfo'));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', platformCode: '42007' });
    expect(calls(REFRESH)).toBe(1);
    expect(await world.wechat.user(USER).check()).toBe(false);
    expect(await world.wechat.user('o-user-2').check()).toBe(true);
  });

  it('of an unknown user is a matter of signing in, without a call', async () => {
    const { wechat } = setUp();
    expect(await failureOf(wechat.user('o-nobody').get('/sns/userinfo'))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      subject: 'o-nobody',
    });
    expect(await wechat.user('o-nobody').check()).toBe(false);
    expect(calls(REFRESH)).toBe(0);
  });

  it('goes nowhere but below /sns/', async () => {
    const world = setUp();
    await signIn(world);
    const before = sandbox.calls().length;
    for (const path of ['/cgi-bin/user/get', 'sns/userinfo', '/snsx/']) {
      expect(await failureOf(world.wechat.user(USER).get(path))).toBeInstanceOf(TypeError);
    }
    expect(sandbox.calls()).toHaveLength(before);
  });

  it('is forgotten on demand', async () => {
    const world = setUp();
    await signIn(world);
    await world.wechat.user(USER).forget();
    expect(await world.wechat.user(USER).check()).toBe(false);
    await world.wechat.user('o-nobody').forget();
  });

  it('needs a store that lasts', () => {
    const shop = officialAccount({ ...app, userTokens: true });
    expect(() => new TokenManager({ accounts: [shop] })).toThrow(
      /"grantStore" must be a durable store for account "shop"/,
    );
  });

  it('has a handle that leads back to itself', () => {
    const { shop } = setUp();
    const { accessToken } = shop.user(USER);
    expect(shop.source('user_access_token', USER)?.key).toBe(accessToken.key);
    expect(accessToken).toMatchObject({ kind: 'user_access_token', subject: USER, keep: 'grant', account: 'shop' });
    expect(() => shop.user('')).toThrow(TypeError);
  });
});
