import { describe, expect, it } from 'vitest';
import type { Sandbox, WeChatAccount } from '../../src/index.js';
import { DAY, getJson, HOUR, MINUTE, query, startSandbox, WECHAT } from '../support.js';
import { COMPONENT, MINI, OFFICIAL, startComponent } from './open-platform-support.js';
import { stable, use } from './support.js';

const ALICE = { openid: 'o-alice', unionid: 'u-alice', nickname: 'Alice' };
const BOB = { openid: 'o-bob', nickname: 'Bob <b>' };

interface Answer {
  readonly errcode?: number;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly openid: string;
  readonly session_key: string;
}

function start(account: Partial<WeChatAccount> = {}): Promise<Sandbox> {
  return startSandbox({ wechat: [{ ...WECHAT, users: [ALICE, BOB], ...account }] });
}

async function sns(sandbox: Sandbox, path: string, fields: Record<string, string>): Promise<Answer> {
  return (await getJson(`${sandbox.urls.wechat}/sns/${path}?${query(fields)}`)) as unknown as Answer;
}

function exchange(sandbox: Sandbox, code: string, fields: Record<string, string> = {}): Promise<Answer> {
  const credentials = { appid: WECHAT.appId, secret: WECHAT.secret };
  return sns(sandbox, 'oauth2/access_token', { ...credentials, code, grant_type: 'authorization_code', ...fields });
}

function refresh(sandbox: Sandbox, token: string, fields: Record<string, string> = {}): Promise<Answer> {
  const asked = { appid: WECHAT.appId, grant_type: 'refresh_token', refresh_token: token };
  return sns(sandbox, 'oauth2/refresh_token', { ...asked, ...fields });
}

async function signIn(sandbox: Sandbox, openid = ALICE.openid, scope = 'snsapi_userinfo'): Promise<Answer> {
  return exchange(sandbox, sandbox.wechat.oauthCode(WECHAT.appId, { openid, scope }));
}

async function check(sandbox: Sandbox, token: string, openid = ALICE.openid): Promise<number | undefined> {
  return (await sns(sandbox, 'auth', { access_token: token, openid })).errcode;
}

describe('web OAuth', () => {
  it('exchanges a code for a user’s tokens', async () => {
    const sandbox = await start();
    const answer = await signIn(sandbox);
    expect(answer).toEqual({
      access_token: expect.any(String),
      expires_in: 7200,
      refresh_token: expect.any(String),
      openid: 'o-alice',
      scope: 'snsapi_userinfo',
      unionid: 'u-alice',
    });
    expect(await check(sandbox, answer.access_token)).toBe(0);
    expect(sandbox.calls()).toMatchObject([
      { endpoint: '/sns/oauth2/access_token', account: WECHAT.appId, subject: 'o-alice' },
      { endpoint: '/sns/auth', account: WECHAT.appId, subject: 'o-alice' },
    ]);
  });

  it('takes a code once and for five minutes: 40163, 42003, 40029', async () => {
    const sandbox = await start();
    const code = sandbox.wechat.oauthCode(WECHAT.appId);
    await exchange(sandbox, code);
    expect((await exchange(sandbox, code)).errcode).toBe(40163);
    const late = sandbox.wechat.oauthCode(WECHAT.appId);
    sandbox.advance(5 * MINUTE);
    expect((await exchange(sandbox, late)).errcode).toBe(42003);
    expect((await exchange(sandbox, 'none')).errcode).toBe(40029);
  });

  it.each([
    [{ code: '' }, 41008],
    [{ grant_type: 'code' }, 40002],
    [{ appid: '' }, 41002],
    [{ secret: 'wrong' }, 40125],
  ])('answers %o with %i', async (fields, errcode) => {
    const sandbox = await start();
    expect((await exchange(sandbox, sandbox.wechat.oauthCode(WECHAT.appId), fields)).errcode).toBe(errcode);
  });

  it('extends a living access token, and makes a new one once it has expired', async () => {
    const sandbox = await start();
    const first = await signIn(sandbox);
    sandbox.advance(2 * HOUR - 1);
    expect(await refresh(sandbox, first.refresh_token)).toEqual(first);
    sandbox.advance(2 * HOUR - 1);
    expect(await check(sandbox, first.access_token)).toBe(0);
    sandbox.advance(1);
    expect(await check(sandbox, first.access_token)).toBe(42001);
    const second = await refresh(sandbox, first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.refresh_token).toBe(first.refresh_token);
    expect([await check(sandbox, first.access_token), await check(sandbox, second.access_token)]).toEqual([40001, 0]);
  });

  it('makes a new access token every time where the switch says so', async () => {
    const sandbox = await start({ userTokenRefresh: 'new' });
    const first = await signIn(sandbox);
    expect((await refresh(sandbox, first.refresh_token)).access_token).not.toBe(first.access_token);
    expect(await check(sandbox, first.access_token)).toBe(40001);
  });

  it('keeps a refresh token for 30 days: 42002, 40030, 41003', async () => {
    const sandbox = await start();
    const { refresh_token: token } = await signIn(sandbox);
    sandbox.advance(30 * DAY - 1);
    expect((await refresh(sandbox, token)).errcode).toBeUndefined();
    sandbox.advance(1);
    expect((await refresh(sandbox, token)).errcode).toBe(42002);
    expect((await refresh(sandbox, 'none')).errcode).toBe(40030);
    expect((await refresh(sandbox, '')).errcode).toBe(41003);
    expect((await refresh(sandbox, token, { appid: 'wx-no' })).errcode).toBe(40013);
    expect((await refresh(sandbox, token, { grant_type: 'x' })).errcode).toBe(40002);
  });

  it('ends both tokens with 42007 when the user changes the password, and nobody else’s', async () => {
    const sandbox = await start();
    const [alice, bob] = [await signIn(sandbox), await signIn(sandbox, BOB.openid)];
    expect(sandbox.wechat.changePassword(WECHAT.appId, ALICE.openid)).toBe(1);
    expect(await check(sandbox, alice.access_token)).toBe(42007);
    expect((await refresh(sandbox, alice.refresh_token)).errcode).toBe(42007);
    expect(await check(sandbox, bob.access_token, BOB.openid)).toBe(0);
    expect(await check(sandbox, (await signIn(sandbox)).access_token)).toBe(0);
  });

  it('tells about the user, but not to the base scope', async () => {
    const sandbox = await start();
    const info = async ({ access_token: token, openid }: Answer) =>
      sns(sandbox, 'userinfo', { access_token: token, openid });
    expect(await info(await signIn(sandbox))).toMatchObject({
      openid: 'o-alice',
      nickname: 'Alice',
      unionid: 'u-alice',
    });
    expect((await info(await signIn(sandbox, BOB.openid, 'snsapi_base'))).errcode).toBe(48001);
  });

  it('wants the right openid, and has nothing to do with the account’s own tokens', async () => {
    const sandbox = await start();
    const { access_token: token } = await signIn(sandbox);
    expect(await check(sandbox, token, BOB.openid)).toBe(40003);
    expect(await check(sandbox, '')).toBe(41001);
    expect(await use(sandbox, token)).toBe(40001);
    expect(await check(sandbox, (await stable(sandbox)).access_token)).toBe(40001);
  });

  it('answers 45011 above the minute quota of refreshing', async () => {
    const sandbox = await start({ minuteQuotas: { '/sns/oauth2/refresh_token': 1 } });
    const { refresh_token: token } = await signIn(sandbox);
    await refresh(sandbox, token);
    expect((await refresh(sandbox, token)).errcode).toBe(45011);
    sandbox.advance(MINUTE);
    expect((await refresh(sandbox, token)).errcode).toBeUndefined();
  });
});

describe('the page of web OAuth', () => {
  const REDIRECT = 'https://app.example/back?x=1';
  const FIELDS = {
    appid: WECHAT.appId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'snsapi_base',
    state: 's&1',
  };

  async function visit(sandbox: Sandbox, fields: Record<string, string>, path = '/connect/oauth2/authorize') {
    const url = `${sandbox.urls.wechat}${path}?${query({ ...FIELDS, ...fields })}`;
    const response = await fetch(url, { redirect: 'manual' });
    return { url, status: response.status, page: await response.text(), location: response.headers.get('location') };
  }

  it('lists the users as links, and redirects with code and state', async () => {
    const sandbox = await start();
    const { page, url } = await visit(sandbox, {});
    expect(page).toContain('Bob &lt;b&gt;');
    const link = /href="([^"]+o-bob[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const response = await fetch(new URL(link, url), { redirect: 'manual' });
    const target = new URL(response.headers.get('location') ?? '');
    expect(target.searchParams.get('x')).toBe('1');
    expect(target.searchParams.get('state')).toBe('s&1');
    expect((await exchange(sandbox, target.searchParams.get('code') ?? '')).openid).toBe('o-bob');
  });

  it('redirects at once with an openid, the QR code page too', async () => {
    const sandbox = await start();
    const { status } = await visit(sandbox, { openid: 'o-alice', scope: 'snsapi_login' }, '/connect/qrconnect');
    expect(status).toBe(302);
  });

  it.each([
    [{ appid: 'wx-no' }, 'appid'],
    [{ redirect_uri: 'ftp://x' }, 'redirect_uri'],
    [{ response_type: 'token' }, 'response_type'],
    [{ scope: 'all' }, 'scope'],
    [{ openid: 'o-nobody' }, 'unknown_user'],
  ])('refuses %o', async (fields, outcome) => {
    const sandbox = await start();
    expect((await visit(sandbox, fields)).status).toBe(400);
    expect(sandbox.calls()).toMatchObject([{ outcome }]);
  });
});

describe('through a component', () => {
  it('users sign in to an authorizer, and only with the component’s token', async () => {
    const component = await startComponent();
    await component.authorize();
    const { sandbox, token } = component;
    const url = `${sandbox.urls.wechat}/connect/oauth2/authorize?${query({
      appid: OFFICIAL,
      redirect_uri: 'https://app.example/',
      response_type: 'code',
      scope: 'snsapi_userinfo',
      component_appid: COMPONENT,
      openid: `o-${OFFICIAL}-1`,
    })}`;
    const target = new URL((await fetch(url, { redirect: 'manual' })).headers.get('location') ?? '');
    expect(target.searchParams.get('appid')).toBe(OFFICIAL);
    const ids = { appid: OFFICIAL, component_appid: COMPONENT, component_access_token: token };
    const code = { code: target.searchParams.get('code') ?? '', grant_type: 'authorization_code' };
    const asked = await sns(sandbox, 'oauth2/component/access_token', { ...ids, ...code, component_access_token: '' });
    expect(asked.errcode).toBe(41021);
    const answer = await sns(sandbox, 'oauth2/component/access_token', { ...ids, ...code });
    expect(answer.openid).toBe(`o-${OFFICIAL}-1`);
    const again = { ...ids, grant_type: 'refresh_token', refresh_token: answer.refresh_token };
    expect(await sns(sandbox, 'oauth2/component/refresh_token', again)).toEqual(answer);
    expect((await sns(sandbox, 'oauth2/component/refresh_token', { ...again, component_appid: '' })).errcode).toBe(
      41018,
    );
    expect((await sns(sandbox, 'oauth2/component/refresh_token', { ...again, appid: MINI })).errcode).toBe(61003);
    expect(
      sandbox.calls({ account: COMPONENT, subject: OFFICIAL, endpoint: '/sns/oauth2/component/access_token' }),
    ).toHaveLength(2);
  });

  it('hands out codes and tokens that are not the account’s own, and the other way round', async () => {
    const component = await startComponent({ authorizers: [{ appId: WECHAT.appId }] });
    await component.authorize(WECHAT.appId);
    const { sandbox, token } = component;
    const ids = { appid: WECHAT.appId, component_appid: COMPONENT, component_access_token: token };
    const through = (path: string, fields: Record<string, string>) =>
      sns(sandbox, `oauth2/component/${path}`, { ...ids, ...fields });
    const grant = { grant_type: 'authorization_code' };
    const code = sandbox.wechat.oauthCode(WECHAT.appId, { componentAppId: COMPONENT });
    expect((await exchange(sandbox, code)).errcode).toBe(40029);
    const { refresh_token: theirs } = await through('access_token', { code, ...grant });
    expect((await refresh(sandbox, theirs)).errcode).toBe(40030);

    const own = sandbox.wechat.oauthCode(WECHAT.appId);
    expect((await through('access_token', { code: own, ...grant })).errcode).toBe(40029);
    const { refresh_token: ours } = await exchange(sandbox, own);
    const asked = { grant_type: 'refresh_token', refresh_token: ours };
    expect((await through('refresh_token', asked)).errcode).toBe(40030);
  });

  it('mini programs sign in', async () => {
    const component = await startComponent();
    await component.authorize(MINI);
    const { sandbox, token } = component;
    const fields = {
      appid: MINI,
      js_code: sandbox.wechat.loginCode(MINI, { componentAppId: COMPONENT }),
      grant_type: 'authorization_code',
      component_appid: COMPONENT,
      component_access_token: token,
    };
    expect((await sns(sandbox, 'component/jscode2session', fields)).session_key).toBeTypeOf('string');
  });
});

describe('a mini program’s login', () => {
  const login = (sandbox: Sandbox, code: string) =>
    sns(sandbox, 'jscode2session', {
      appid: WECHAT.appId,
      secret: WECHAT.secret,
      js_code: code,
      grant_type: 'authorization_code',
    });

  it('exchanges a code once: 40163, 40029', async () => {
    const sandbox = await start({ kind: 'miniProgram' });
    const code = sandbox.wechat.loginCode(WECHAT.appId);
    const session = await login(sandbox, code);
    expect(session).toMatchObject({ openid: 'o-alice', unionid: 'u-alice' });
    expect(Buffer.from(session.session_key, 'base64')).toHaveLength(16);
    expect((await login(sandbox, code)).errcode).toBe(40163);
    expect((await login(sandbox, 'none')).errcode).toBe(40029);
    expect((await login(sandbox, sandbox.wechat.oauthCode(WECHAT.appId))).errcode).toBe(40029);
  });

  it('answers 45011 above the minute quota, and 48001 to an official account', async () => {
    const sandbox = await start({ kind: 'miniProgram', minuteQuotas: { '/sns/jscode2session': 0 } });
    expect((await login(sandbox, sandbox.wechat.loginCode(WECHAT.appId))).errcode).toBe(45011);
    const official = await start();
    expect((await login(official, official.wechat.loginCode(WECHAT.appId))).errcode).toBe(48001);
  });
});

describe('users', () => {
  it('are two without being named, and are those of the follower list', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    const { data } = (await getJson(`${sandbox.urls.wechat}/cgi-bin/user/get?access_token=${token}`)) as unknown as {
      data: { openid: string[] };
    };
    expect(data.openid).toEqual(sandbox.state().wechat[0]?.users.map(({ openid }) => openid));
    expect(data.openid).toHaveLength(2);
  });

  it('are told with their grants, without a token', async () => {
    const sandbox = await start();
    const answer = await signIn(sandbox);
    const told = JSON.stringify([sandbox.state(), sandbox.calls()]);
    expect(sandbox.state().wechat[0]?.users[0]?.grants).toMatchObject([{ scope: 'snsapi_userinfo', dead: false }]);
    for (const secret of [answer.access_token, answer.refresh_token]) expect(told).not.toContain(secret);
  });
});
