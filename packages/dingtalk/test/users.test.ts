import { memoryStore, TokenError, type TokenManager } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { DingTalkError, dingTalkApp, type SignInBinding } from '../src/index.js';
import { everythingOf, failureFrom } from './support.js';
import { appIn, LAN, OA, visit, WEI, world } from './world.js';

const there = world();
const REDIRECT = { redirectUri: 'https://app.example/callback' } as const;
const EXCHANGE = '/v1.0/oauth2/userAccessToken';
const ME = '/v1.0/contact/users/me';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function keeping() {
  const app = appIn(there, { userTokens: true });
  const manager = there.manage(app);
  return { app, manager, client: app.client(manager) };
}

/** Signs somebody in, the whole way. */
async function signedIn(scope: 'openid' | 'openid corpid' = 'openid', unionId = LAN) {
  const set = keeping();
  const start = set.client.signIn({ ...REDIRECT, scope });
  const who = await set.client.handleCallback(await visit(start, unionId), start.binding);
  return { ...set, who, user: set.app.user(who) };
}

describe('a sign-in', () => {
  it('leads to the page, with what it has to know', () => {
    const { url, binding } = keeping().client.signIn({
      ...REDIRECT,
      scope: 'openid corpid',
      query: { org_type: 'management' },
    });
    const page = new URL(url);
    expect(page.pathname).toMatch(/\/oauth2\/auth$/);
    expect(Object.fromEntries(page.searchParams)).toEqual({
      redirect_uri: REDIRECT.redirectUri,
      response_type: 'code',
      client_id: OA.appKey,
      scope: 'openid corpid',
      state: binding,
      prompt: 'consent',
      org_type: 'management',
    });
    const mainland = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's' });
    expect(mainland.client(there.manage(mainland)).signIn(REDIRECT).url).toMatch(
      /^https:\/\/login\.dingtalk\.com\/oauth2\/auth\?/,
    );
  });

  it('tells who it is, and keeps the pair below the user', async () => {
    const { who, user, manager, app } = await signedIn();
    expect(who).toEqual({ unionId: LAN, openId: `open-${LAN}`, nick: '王兰' });
    const token = await manager.get(user.accessToken);
    expect(token).toMatchObject({ extra: { unionId: LAN, openId: `open-${LAN}` } });
    expect(token.expiresAt).toBe(there.clock.now() + 2 * HOUR);
    expect(user.accessToken.key).toBe(`et1/dingtalk/${OA.appKey}/user_access_token/${LAN}`);
    expect(await user.client(manager).me()).toMatchObject({ unionId: LAN });
    expect(await app.client(manager).user(who).me()).toMatchObject({ unionId: LAN });
    expect([there.calls(EXCHANGE), there.calls(ME)]).toEqual([1, 3]);
    expect(JSON.stringify(who)).not.toContain(token.value);
  });

  it('keeps a pair for each organisation it was for', async () => {
    const { who, user, manager } = await signedIn('openid corpid');
    expect(who.corpId).toBe(OA.corpId);
    expect(user.accessToken.key).toBe(`et1/dingtalk/${OA.appKey}/user_access_token/${LAN}/${OA.corpId}`);
    expect((await manager.get(user.accessToken)).extra).toMatchObject({ corpId: OA.corpId });
  });

  it('keeps nothing where the account keeps no users’ tokens', async () => {
    const app = appIn(there);
    const manager = there.manage(app, { allowVolatileGrants: false });
    const client = app.client(manager);
    const start = client.signIn(REDIRECT);
    expect(await client.handleCallback(await visit(start), start.binding)).toMatchObject({ unionId: LAN });
    const kept = [];
    for await (const { kind } of manager.inspect()) kept.push(kind);
    expect(kept).not.toContain('user_access_token');
    expect(() => app.user({ unionId: LAN })).toThrow(/"userTokens" must be true/);
    expect(() => client.user({ unionId: LAN })).toThrow(/"userTokens" must be true/);
  });

  it.each([
    ['without a binding', { binding: undefined }, 'unbound'],
    ['of another session', { binding: 'f'.repeat(32) as SignInBinding }, 'foreign'],
    ['whose state is another one', { state: 'x' }, 'foreign'],
    ['without a state', { state: undefined }, 'foreign'],
    ['of a user who declined', { authCode: undefined, error: 'access_denied' }, 'declined'],
    ['without a code', { authCode: undefined }, 'declined'],
  ])('refuses a callback %s, and asks nobody', async (_what, change, reason) => {
    const { client } = keeping();
    const start = client.signIn(REDIRECT);
    const { authCode, state } = await visit(start);
    const error = await failureFrom(client.exchange({ authCode, state, binding: start.binding, ...change }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason, account: 'oa' });
    expect(there.calls(EXCHANGE)).toBe(0);
  });

  it('takes repeated parameters for none', async () => {
    const { client } = keeping();
    const start = client.signIn(REDIRECT);
    const query = { ...(await visit(start)), authCode: ['a', 'b'] };
    expect(await failureFrom(client.handleCallback(query, start.binding))).toMatchObject({ reason: 'declined' });
  });

  it('refuses another user than the one of this session, and stores nothing', async () => {
    const { client, manager, app } = keeping();
    const start = client.signIn(REDIRECT);
    const callback = await visit(start, WEI);
    const error = await failureFrom(client.handleCallback(callback, start.binding, { expected: { unionId: LAN } }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'mismatch' });
    expect(await failureFrom(manager.get(app.user({ unionId: WEI }).accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    });
  });

  it('passes on that the code is spent', async () => {
    const { client } = await signedIn();
    const start = client.signIn(REDIRECT);
    const callback = await visit(start);
    await client.handleCallback(callback, start.binding);
    const error = await failureFrom(client.handleCallback(callback, start.binding));
    expect(error).toBeInstanceOf(DingTalkError);
    expect(error).toMatchObject({ code: 'invalidParameter.authCode.notFound', reason: 'reauthorize' });
    expect(everythingOf(error)).not.toContain(callback['authCode']);
  });

  it('leaves nothing in the store of a code that somebody invented', async () => {
    const { client, manager } = keeping();
    const { binding } = client.signIn(REDIRECT);
    const error = await failureFrom(client.exchange({ authCode: 'invented', state: binding, binding }));
    expect(error).toMatchObject({ reason: 'reauthorize' });
    for await (const { kind } of manager.inspect()) expect(kind).not.toMatch(/^user/);
  });

  it('asks for the user again where that answer was lost, with the pair in hand', async () => {
    const { client } = keeping();
    const start = client.signIn(REDIRECT);
    const callback = await visit(start);
    there.sandbox.fault({ kind: 'drop', endpoint: ME, count: 2 });
    expect(await client.handleCallback(callback, start.binding)).toMatchObject({ unionId: LAN });
    expect([there.calls(EXCHANGE), there.calls(ME)]).toEqual([1, 3]);
  });

  it('never asks twice with a code whose answer was lost', async () => {
    const { client } = keeping();
    const start = client.signIn(REDIRECT);
    const callback = await visit(start);
    there.sandbox.fault({ kind: 'drop', endpoint: EXCHANGE });
    expect(await failureFrom(client.handleCallback(callback, start.binding))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
    });
    expect(there.calls(EXCHANGE)).toBe(1);
  });

  it('loses no pair where the user cannot be told: the same exchange goes on from there', async () => {
    const { client, app, manager } = keeping();
    const start = client.signIn({ ...REDIRECT, scope: 'openid corpid' });
    const callback = await visit(start);
    there.sandbox.fault({ kind: 'busy', endpoint: ME, count: 'always' });
    const error = await failureFrom(client.handleCallback(callback, start.binding));
    expect(error).toMatchObject({ code: 'systemBusy', retryable: true });
    there.sandbox.clearFaults();
    await there.clock.advance(HOUR);
    const who = await client.handleCallback(callback, start.binding);
    expect(who).toMatchObject({ unionId: LAN, corpId: OA.corpId });
    const { expiresAt } = await manager.get(app.user(who).accessToken);
    // Its hour of waiting counts.
    expect(Math.abs((expiresAt ?? 0) - there.clock.now() - HOUR)).toBeLessThan(60_000);
    // The pair that was kept is the one that is renewed.
    await there.clock.advance(2 * HOUR);
    await manager.get(app.user(who).accessToken);
    expect(there.calls(EXCHANGE)).toBe(3);
    for await (const { kind, state } of manager.inspect({ kinds: ['user_sign_in'] }))
      expect([kind, state]).toEqual(['user_sign_in', 'gone']);
    // It went on once: a third time the code is spent, and nothing is kept.
    expect(await failureFrom(client.handleCallback(callback, start.binding))).toMatchObject({ reason: 'reauthorize' });
  });

  it('is for apps with an app key', () => {
    const oldest = dingTalkApp({ name: 'oldest', corpId: 'c', corpSecret: 's' });
    const client = oldest.client(there.manage(oldest));
    expect(() => client.signIn(REDIRECT)).toThrow(TokenError);
    expect(() => client.signIn(REDIRECT)).toThrow(/"appKey"/);
  });

  it.each([
    [{ redirectUri: 'callback' }, '"redirectUri"'],
    [{ ...REDIRECT, scope: 'corpid' }, '"scope"'],
  ])('refuses %j', (options, name) => {
    expect(() => keeping().client.signIn(options as never)).toThrow(name);
  });
});

describe('a user’s pair', () => {
  it('rotates when it is due, and before the access token ends', async () => {
    const { manager, user } = await signedIn();
    const first = await manager.get(user.accessToken);
    await there.clock.advance(100 * 60_000);
    expect((await manager.refreshDue()).counts.renewed).toBeGreaterThan(0);
    const second = await manager.get(user.accessToken);
    expect(second.value).not.toBe(first.value);
    expect(second.extra).toEqual(first.extra);
    expect(there.calls(EXCHANGE)).toBe(2);
  });

  it('is rotated once for 100 callers whose token is dead', async () => {
    const { manager, user } = await signedIn();
    const client = user.client(manager);
    await client.me();
    there.sandbox.dingtalk.killToken(OA.appKey, { kind: 'user' });
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.me<{ unionId: string }>()));
    expect(new Set(answers.map(({ unionId }) => unionId))).toEqual(new Set([LAN]));
    expect(there.calls(EXCHANGE)).toBe(2);
  });

  it('is rotated once for two managers on one store, whoever asks', async () => {
    const store = memoryStore({ clock: there.clock });
    const managers = Array.from({ length: 2 }, () =>
      there.manage(appIn(there, { userTokens: true }), { store, singleInstance: true }),
    );
    const app = appIn(there, { userTokens: true });
    const client = app.client(managers[0] as TokenManager);
    const start = client.signIn(REDIRECT);
    const who = await client.handleCallback(await visit(start), start.binding);
    await there.clock.advance(3 * HOUR);
    const handle = app.user(who);
    const values = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, i) => (await (managers[i % 2] as TokenManager).get(handle.accessToken)).value,
      ),
    );
    expect(new Set(values).size).toBe(1);
    expect(there.calls(EXCHANGE)).toBe(2);
  });

  it('lives on where it is renewed, and ends after 30 days without', async () => {
    const { manager, user } = await signedIn();
    for (let day = 0; day < 40; day++) {
      await there.clock.advance(DAY);
      await manager.refreshDue();
    }
    await user.client(manager).me();
    await there.clock.advance(31 * DAY);
    expect(await failureFrom(user.client(manager).me())).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: 'invalidParameter.authCode.notFound',
    });
  });

  it('asks for a sign-in only once the platform refused the stored refresh token, and ends that by one', async () => {
    const { manager, user, client } = await signedIn();
    there.sandbox.dingtalk.endUser(OA.appKey, LAN);
    await there.clock.advance(3 * HOUR);
    expect(await failureFrom(manager.get(user.accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'refused',
    });
    const calls = there.calls(EXCHANGE);
    await failureFrom(manager.get(user.accessToken));
    expect(there.calls(EXCHANGE)).toBe(calls);
    const start = client.signIn(REDIRECT);
    await client.handleCallback(await visit(start), start.binding);
    expect(await user.client(manager).me()).toMatchObject({ unionId: LAN });
  });

  it.each([
    ['busy', { kind: 'busy' }],
    ['throttled', { kind: 'code', code: 'Forbidden.AccessDenied.QpsLimitForApi' }],
    ['misconfigured', { kind: 'code', code: 'invalidClientIdOrSecret' }],
    ['banned', { kind: 'html' }],
    ['silent', { kind: 'status', status: 504 }],
    ['lost', { kind: 'late', delayMs: 60_000 }],
    ['strange', { kind: 'code', code: 'nobody.knows' }],
  ] as const)('survives a platform that is %s: nobody has to sign in', async (_what, rule) => {
    const { manager, user } = await signedIn();
    await there.clock.advance(3 * HOUR);
    there.sandbox.fault({ ...rule, endpoint: EXCHANGE });
    const error = await failureFrom(manager.get(user.accessToken));
    expect((error as TokenError).code).not.toBe('ERR_TOKEN_REAUTHORIZATION_REQUIRED');
    for await (const { state } of manager.inspect({ kinds: ['user_access_token'] }))
      expect(state).not.toBe('reauthorize');
    await there.clock.advance(20 * 60_000);
    expect(await user.client(manager).me()).toMatchObject({ unionId: LAN });
  });

  it('is doubtful where the answer of a renewal was lost, and says so in the end', async () => {
    const { manager, user } = await signedIn();
    await there.clock.advance(3 * HOUR);
    there.sandbox.fault({ kind: 'drop', endpoint: EXCHANGE });
    expect(await failureFrom(manager.get(user.accessToken))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    await there.clock.advance(20 * 60_000);
    expect(await failureFrom(manager.get(user.accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'indeterminate',
    });
  });

  it('survives the same loss where the platform is lenient', async () => {
    const { manager, user } = await signedIn();
    there.sandbox.dingtalk.configure(OA.appKey, { userRefresh: 'lenient' });
    await there.clock.advance(3 * HOUR);
    there.sandbox.fault({ kind: 'drop', endpoint: EXCHANGE });
    await failureFrom(manager.get(user.accessToken));
    await there.clock.advance(20 * 60_000);
    expect(await user.client(manager).me()).toMatchObject({ unionId: LAN });
  });

  it('reads either spelling of its lifetime', async () => {
    there.sandbox.dingtalk.configure(OA.appKey, { userLifetimeField: 'expiresIn', expiresIn: 600 });
    const { manager, user } = await signedIn();
    expect((await manager.get(user.accessToken)).expiresAt).toBe(there.clock.now() + 600_000);
  });

  it('can be forgotten', async () => {
    const { manager, user } = await signedIn();
    await user.client(manager).forget();
    expect(await failureFrom(user.client(manager).me())).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' });
  });
});

describe('a user’s handle', () => {
  const app = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', userTokens: true });

  it('is found again by the parts of its key', () => {
    for (const id of [{ unionId: 'u1' }, { unionId: 'u1', corpId: 'c1' }]) {
      const { accessToken } = app.user(id);
      expect(app.source(accessToken.kind, accessToken.subject)?.key).toBe(accessToken.key);
    }
    for (const subject of ['', 'u1/c1/x', 'u1/', '/c1', 'u 1']) {
      expect(app.source('user_access_token', subject)).toBeUndefined();
    }
    expect(app.source('user_sign_in', '0123')?.kind).toBe('user_sign_in');
  });

  it.each([{ unionId: '' }, { unionId: 'u/1' }, { unionId: 'u1', corpId: 'c/1' }, { unionId: 'u1', corpId: '' }])(
    'is refused for %j',
    (id) => {
      expect(() => app.user(id)).toThrow(TypeError);
    },
  );

  it('never hands out a refresh token', async () => {
    const { manager, user } = await signedIn();
    const token = await manager.get(user.accessToken);
    expect(Object.keys(token).sort()).toEqual(['expiresAt', 'extra', 'issuedAt', 'value']);
  });
});
