import { describe, expect, it } from 'vitest';
import type { DingTalkAccount, Sandbox } from '../../src/index.js';
import { DAY, DINGTALK, HOUR, MINUTE, query, startSandbox } from '../support.js';
import { api, type Fields, LAN, type Reply, SUITE } from './suite-support.js';
import { accessToken } from './support.js';

const CALLBACK = 'http://app.example/callback';

function start(changes: Partial<DingTalkAccount> = {}): Promise<Sandbox> {
  return startSandbox({ dingtalk: [{ ...DINGTALK, ...changes }] });
}

function exchange(sandbox: Sandbox, changes: Record<string, string>): Promise<Reply> {
  const fields = { clientId: DINGTALK.appKey, clientSecret: DINGTALK.appSecret, grantType: 'authorization_code' };
  return api(sandbox, 'POST', '/v1.0/oauth2/userAccessToken', { ...fields, ...changes });
}

async function signIn(sandbox: Sandbox, options = {}): Promise<Fields> {
  return (await exchange(sandbox, { code: sandbox.dingtalk.userCode(DINGTALK.appKey, options) })).body;
}

function refresh(sandbox: Sandbox, refreshToken: string): Promise<Reply> {
  return exchange(sandbox, { grantType: 'refresh_token', refreshToken });
}

function me(sandbox: Sandbox, token: string): Promise<Reply> {
  return api(sandbox, 'GET', '/v1.0/contact/users/me', undefined, token);
}

function visit(sandbox: Sandbox, changes: Record<string, string> = {}): Promise<Response> {
  const parameters = { redirect_uri: CALLBACK, response_type: 'code', client_id: DINGTALK.appKey, scope: 'openid' };
  const url = `${sandbox.urls.dingtalkApi}/oauth2/auth?${query({ ...parameters, prompt: 'consent', ...changes })}`;
  return fetch(url, { redirect: 'manual' });
}

describe('the login page', () => {
  it('offers the users, and redirects with authCode and state', async () => {
    const sandbox = await start();
    const page = await (await visit(sandbox, { state: 'a&b' })).text();
    expect(page).toContain('王兰');
    const link = /href="(\?[^"]*unionId=union-lan[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const response = await fetch(`${sandbox.urls.dingtalkApi}/oauth2/auth${link}`, { redirect: 'manual' });
    const target = new URL(response.headers.get('location') ?? '');
    expect(target.origin + target.pathname).toBe(CALLBACK);
    expect(target.searchParams.get('state')).toBe('a&b');
    const { body } = await exchange(sandbox, { code: target.searchParams.get('authCode') ?? '' });
    expect((await me(sandbox, body.accessToken)).body).toMatchObject({ unionId: LAN, nick: '王兰' });
    expect(sandbox.calls({ subject: LAN }).map(({ endpoint }) => endpoint)).toContain('/v1.0/contact/users/me');
  });

  it('redirects with an error where the user refuses', async () => {
    const sandbox = await start();
    const { headers } = await visit(sandbox, { error: 'access_denied', state: 's' });
    expect(headers.get('location')).toBe(`${CALLBACK}?error=access_denied&state=s`);
  });

  it.each([
    [{ client_id: 'nobody' }, 404],
    [{ redirect_uri: 'javascript:alert(1)' }, 400],
    [{ response_type: 'token' }, 400],
    [{ scope: 'corpid' }, 400],
    [{ unionId: 'nobody' }, 400],
  ])('refuses %o', async (changes, status) => {
    const sandbox = await start();
    expect((await visit(sandbox, changes)).status).toBe(status);
  });

  it('serves suites and the users of an account', async () => {
    const users = [{ unionId: 'u<1>', nick: 'A & B' }];
    const sandbox = await startSandbox({ dingtalkSuites: [{ ...SUITE, users }] });
    const page = await (await visit(sandbox, { client_id: SUITE.suiteKey })).text();
    expect(page).toContain('A &amp; B u&lt;1&gt;');
    const code = sandbox.dingtalk.userCode(SUITE.suiteKey, { corp: true });
    const { body } = await exchange(sandbox, { clientId: SUITE.suiteKey, clientSecret: SUITE.suiteSecret, code });
    expect(body.corpId).toBe(SUITE.corpId);
  });
});

describe('POST /v1.0/oauth2/userAccessToken', () => {
  it('exchanges a code once', async () => {
    const sandbox = await start();
    const code = sandbox.dingtalk.userCode(DINGTALK.appKey);
    expect((await exchange(sandbox, { code })).body).toEqual({
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      expireIn: 7200,
    });
    const again = { status: 400, body: { code: 'invalidParameter.authCode.notFound' } };
    expect(await exchange(sandbox, { code })).toMatchObject(again);
  });

  it('refuses a code after five minutes, and one of a scan', async () => {
    const sandbox = await start({ userRefusedCode: 'invalidCode' });
    const code = sandbox.dingtalk.userCode(DINGTALK.appKey);
    sandbox.advance(5 * MINUTE);
    expect((await exchange(sandbox, { code })).body.code).toBe('invalidCode');
    const scanned = sandbox.dingtalk.scanCode(DINGTALK.appKey);
    expect((await exchange(sandbox, { code: scanned })).body.code).toBe('invalidCode');
  });

  it('tells the organisation only where the scope asked for it', async () => {
    const sandbox = await start();
    expect(await signIn(sandbox)).not.toHaveProperty('corpId');
    expect((await signIn(sandbox, { corp: true })).corpId).toBe(DINGTALK.corpId);
    const { headers } = await visit(sandbox, { scope: 'openid corpid', unionId: LAN });
    const code = new URL(headers.get('location') ?? '').searchParams.get('authCode') ?? '';
    expect((await exchange(sandbox, { code })).body.corpId).toBe(DINGTALK.corpId);
  });

  it.each([
    [{ clientSecret: 'wrong', code: 'x' }, 'invalidClientIdOrSecret'],
    [{ grantType: 'password' }, 'unsupported.grant.type'],
    [{ code: '' }, 'invalidParameter.authCode.notFound'],
    [{ grantType: 'refresh_token', refreshToken: 'none' }, 'invalidParameter.authCode.notFound'],
  ])('answers 400 to %o', async (changes, code) => {
    const sandbox = await start();
    expect(await exchange(sandbox, changes)).toMatchObject({ status: 400, body: { code } });
  });

  it.each([
    [{ userLifetimeField: 'expiresIn' }, { expiresIn: 7200 }],
    [{ lifetimeField: 'missing' }, {}],
    [{ lifetimeField: 'zero' }, { expireIn: 0 }],
  ] as const)('spells the lifetime as %o', async (changes, expected) => {
    const sandbox = await start(changes);
    const { accessToken: _, refreshToken: __, ...rest } = await signIn(sandbox);
    expect(rest).toEqual(expected);
  });
});

describe('a refresh token', () => {
  it('works once, and brings its successor and a new access token beside the old one', async () => {
    const sandbox = await start();
    const first = await signIn(sandbox);
    const { body: second } = await refresh(sandbox, first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(second.accessToken).not.toBe(first.accessToken);
    for (const { accessToken: token } of [first, second]) expect((await me(sandbox, token)).status).toBe(200);
    expect((await refresh(sandbox, first.refreshToken)).status).toBe(400);
    expect((await refresh(sandbox, second.refreshToken)).status).toBe(200);
    expect(sandbox.calls({ endpoint: '/v1.0/oauth2/userAccessToken', subject: LAN })).toHaveLength(4);
  });

  it('works again where the switch says so', async () => {
    const sandbox = await start({ userRefresh: 'lenient' });
    const first = await signIn(sandbox);
    expect((await refresh(sandbox, first.refreshToken)).status).toBe(200);
    expect((await refresh(sandbox, first.refreshToken)).status).toBe(200);
  });

  it('keeps the access token, or ends the one before, where the switches say so', async () => {
    const sandbox = await start({ userTokenRepeat: 'same' });
    const first = await signIn(sandbox);
    const { body: second } = await refresh(sandbox, first.refreshToken);
    expect(second.accessToken).toBe(first.accessToken);
    sandbox.dingtalk.configure(DINGTALK.appKey, { userTokenRepeat: 'new', supersededUserTokens: 'dead' });
    await refresh(sandbox, second.refreshToken);
    expect((await me(sandbox, first.accessToken)).body.code).toBe('InvalidAuthentication');
  });

  it.each([
    [true, 200],
    [false, 400],
  ])('ends after 30 days, counted anew with each refresh: %s', async (userRefreshRestarts, status) => {
    const sandbox = await start({ userRefreshRestarts });
    const { refreshToken } = await signIn(sandbox);
    sandbox.advance(30 * DAY - 1);
    const { body } = await refresh(sandbox, refreshToken);
    sandbox.advance(1);
    expect((await refresh(sandbox, body.refreshToken)).status).toBe(status);
  });
});

describe("a user's access token", () => {
  it.each(['accesstoken.expired', 'InvalidAuthentication'] as const)('gets %s after two hours', async (code) => {
    const sandbox = await start({ userExpiredCode: code });
    const { accessToken: token } = await signIn(sandbox);
    sandbox.advance(2 * HOUR);
    expect(await me(sandbox, token)).toMatchObject({ status: 400, body: { code } });
  });

  it('is no token of an app, nor the other way round', async () => {
    const sandbox = await start();
    const { accessToken: token } = await signIn(sandbox);
    expect((await api(sandbox, 'GET', '/v1.0/contact/users/u1', undefined, token)).status).toBe(400);
    const app = (await accessToken(sandbox)).accessToken;
    expect((await me(sandbox, app)).body.code).toBe('InvalidAuthentication');
  });

  it('can be killed for one user, and the user sent away', async () => {
    const sandbox = await start();
    const [lan, wei] = [await signIn(sandbox), await signIn(sandbox, { unionId: 'union-wei' })];
    sandbox.dingtalk.killToken(DINGTALK.appKey, { kind: 'user', subject: LAN });
    expect((await me(sandbox, lan.accessToken)).status).toBe(400);
    expect((await me(sandbox, wei.accessToken)).status).toBe(200);
    expect((await refresh(sandbox, lan.refreshToken)).status).toBe(200);
    sandbox.dingtalk.endUser(DINGTALK.appKey, 'union-wei');
    expect((await refresh(sandbox, wei.refreshToken)).body.code).toBe('invalidParameter.authCode.notFound');
    expect((await me(sandbox, wei.accessToken)).status).toBe(400);
  });

  it('comes back dead where the control says so', async () => {
    const sandbox = await start();
    const first = await signIn(sandbox);
    sandbox.dingtalk.killToken(DINGTALK.appKey, { kind: 'user', keepReturningSame: true });
    const { body } = await refresh(sandbox, first.refreshToken);
    expect(body.accessToken).toBe(first.accessToken);
    expect((await me(sandbox, body.accessToken)).status).toBe(400);
  });
});
