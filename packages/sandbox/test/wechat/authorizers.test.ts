import { describe, expect, it } from 'vitest';
import { open, type Received, startReceiver } from '../receiver.js';
import { HOUR, MINUTE, START } from '../support.js';
import {
  COMPONENT,
  type Component,
  field,
  MINI,
  OFFICIAL,
  PUSH_KEYS,
  startComponent,
} from './open-platform-support.js';
import { ticket, use } from './support.js';

describe('api_query_auth', () => {
  it('exchanges a code for both tokens', async () => {
    const component = await startComponent();
    const info = await component.authorize();
    expect(info).toMatchObject({ authorizer_appid: OFFICIAL, expires_in: 7200 });
    expect(info.func_info).toEqual([1, 2, 3, 4].map((id) => ({ funcscope_category: { id } })));
    expect(await use(component.sandbox, info.authorizer_access_token)).toBe(0);
    expect((await component.refresh(OFFICIAL, info.authorizer_refresh_token)).errcode).toBeUndefined();
  });

  it('takes a code once, or answers the same again where the switch says so', async () => {
    const component = await startComponent();
    const { authorizationCode } = component.sandbox.openPlatform.authorize(COMPONENT, OFFICIAL);
    const first = await component.exchange(authorizationCode);
    expect((await component.exchange(authorizationCode)).errcode).toBe(61009);
    component.sandbox.openPlatform.configure(COMPONENT, { codeReuse: 'sameAnswer' });
    expect(await component.exchange(authorizationCode)).toEqual(first);
    expect((await component.exchange('queryauthcode@@@none')).errcode).toBe(61009);
  });

  it('takes a code for an hour, then answers 61010', async () => {
    const component = await startComponent();
    const { authorizationCode, expiresIn } = component.sandbox.openPlatform.authorize(COMPONENT, OFFICIAL);
    expect(expiresIn).toBe(3600);
    component.sandbox.advance(HOUR);
    expect((await component.exchange(authorizationCode)).errcode).toBe(61010);
  });

  it('brings no tokens from an account that grants no permission', async () => {
    const component = await startComponent();
    const { authorizationCode } = component.sandbox.openPlatform.authorize(COMPONENT, OFFICIAL, { permissions: [] });
    expect((await component.exchange(authorizationCode)).authorization_info).toEqual({
      authorizer_appid: OFFICIAL,
      func_info: [],
    });
  });
});

describe('api_authorizer_token', () => {
  it('makes another access token, the one before works for five minutes, and the refresh token stays', async () => {
    const component = await startComponent();
    const { authorizer_refresh_token: refreshToken, authorizer_access_token: old } = await component.authorize();
    const answer = await component.refresh(OFFICIAL, refreshToken);
    expect(answer).toEqual({
      authorizer_access_token: expect.any(String),
      expires_in: 7200,
      authorizer_refresh_token: refreshToken,
    });
    component.sandbox.advance(5 * MINUTE - 1);
    expect(await use(component.sandbox, old)).toBe(0);
    component.sandbox.advance(1);
    expect(await use(component.sandbox, old)).toBe(40001);
    expect(await use(component.sandbox, answer.authorizer_access_token)).toBe(0);
  });

  it('repeats the access token, or leaves the refresh token out, where the switches say so', async () => {
    const component = await startComponent({ authorizerTokens: 'same', refreshTokenField: 'empty' });
    const info = await component.authorize();
    component.sandbox.advance(HOUR);
    expect(await component.refresh(OFFICIAL, info.authorizer_refresh_token)).toEqual({
      authorizer_access_token: info.authorizer_access_token,
      expires_in: 3600,
      authorizer_refresh_token: '',
    });
    component.sandbox.openPlatform.configure(COMPONENT, { refreshTokenField: 'missing' });
    expect(await component.refresh(OFFICIAL, info.authorizer_refresh_token)).not.toHaveProperty(
      'authorizer_refresh_token',
    );
  });

  it('replaces the refresh token where the switch says so: the old one gets 61023', async () => {
    const component = await startComponent({ rotateRefreshToken: true });
    const { authorizer_refresh_token: first } = await component.authorize();
    const { authorizer_refresh_token: second } = await component.refresh(OFFICIAL, first);
    expect(second).not.toBe(first);
    expect((await component.refresh(OFFICIAL, first)).errcode).toBe(61023);
    expect((await component.refresh(OFFICIAL, second)).errcode).toBeUndefined();
  });

  it('answers 61023 to a replaced refresh token, and the list has the new one', async () => {
    const component = await startComponent();
    const { authorizer_refresh_token: lost } = await component.authorize();
    component.sandbox.openPlatform.replaceRefreshToken(COMPONENT, OFFICIAL);
    expect((await component.refresh(OFFICIAL, lost)).errcode).toBe(61023);
    const found = (await component.list()).list[0]?.refresh_token ?? '';
    expect((await component.refresh(OFFICIAL, found)).errcode).toBeUndefined();
  });

  it('answers 61003 to an account that has not authorized the component', async () => {
    const component = await startComponent();
    expect((await component.refresh(OFFICIAL, 'any')).errcode).toBe(61003);
    expect((await component.refresh('wx-nobody', 'any')).errcode).toBe(61003);
  });
});

describe('an authorization', () => {
  it('is pushed with its code, whose end is an absolute time', async () => {
    const { url, received } = await startReceiver();
    const component = await startComponent({ callbackUrl: url, ticketEveryMs: 0 });
    component.sandbox.openPlatform.authorize(COMPONENT, OFFICIAL, { preAuthCode: 'pre' });
    await component.sandbox.pushes();
    expect(field(received[0], 'InfoType')).toBe('authorized');
    expect(field(received[0], 'AuthorizerAppid')).toBe(OFFICIAL);
    expect(field(received[0], 'AuthorizationCodeExpiredTime')).toBe(String(START / 1000 + 3600));
    expect(field(received[0], 'PreAuthCode')).toBe('pre');
    const code = field(received[0], 'AuthorizationCode') ?? '';
    expect((await component.exchange(code)).authorization_info.authorizer_appid).toBe(OFFICIAL);
    expect(component.sandbox.pushLog()).toMatchObject([{ account: COMPONENT, subject: OFFICIAL, event: 'authorized' }]);
  });

  it('made again kills both tokens and the code before, and is pushed as an update', async () => {
    const { url, received } = await startReceiver();
    const component = await startComponent({ callbackUrl: url, ticketEveryMs: 0 });
    const old = await component.authorize();
    const { authorizationCode: unused } = component.sandbox.openPlatform.authorize(COMPONENT, OFFICIAL, {
      push: false,
    });
    expect(await use(component.sandbox, old.authorizer_access_token)).toBe(40001);
    expect((await component.refresh(OFFICIAL, old.authorizer_refresh_token)).errcode).toBe(61023);
    const fresh = await component.authorize();
    expect((await component.exchange(unused)).errcode).toBe(61009);
    expect(await use(component.sandbox, fresh.authorizer_access_token)).toBe(0);
    await component.sandbox.pushes();
    expect(received.map((push) => field(push, 'InfoType'))).toEqual(['authorized', 'updateauthorized']);
  });

  it('withdrawn kills everything with 61003, and is pushed', async () => {
    const { url, received } = await startReceiver();
    const component = await startComponent({ callbackUrl: url, ticketEveryMs: 0 });
    const { authorizer_access_token: token, authorizer_refresh_token: refresh } = await component.authorize();
    component.sandbox.openPlatform.cancel(COMPONENT, OFFICIAL);
    expect(await use(component.sandbox, token)).toBe(61003);
    expect((await component.refresh(OFFICIAL, refresh)).errcode).toBe(61003);
    expect((await component.call('api_get_authorizer_info', { authorizer_appid: OFFICIAL })).errcode).toBe(61003);
    expect(await component.list()).toEqual({ total_count: 0, list: [] });
    await component.sandbox.pushes();
    expect(field(received[1], 'InfoType')).toBe('unauthorized');
    expect(field(received[1], 'AuthorizerAppid')).toBe(OFFICIAL);
  });

  it('can be there from the start, and by accounts that were added', async () => {
    const component = await startComponent({
      authorizers: [{ appId: 'wx-old', authorized: true }],
    });
    component.sandbox.openPlatform.addAuthorizer(COMPONENT, { appId: 'wx-new', kind: 'miniProgram' });
    await component.authorize('wx-new');
    const { list } = await component.list();
    expect(list.map(({ authorizer_appid: appId }) => appId)).toEqual(['wx-old', 'wx-new']);
    for (const { authorizer_appid: appId, refresh_token: token } of list)
      expect((await component.refresh(appId, token)).errcode).toBeUndefined();
  });
});

describe('the list and the information', () => {
  async function many(): Promise<Component> {
    const authorizers = Array.from({ length: 7 }, (_, i) => ({ appId: `wx${i}`, authorized: true }));
    return startComponent({ authorizers });
  }

  it('come in pages of up to 500', async () => {
    const component = await many();
    const page = await component.list({ offset: 5, count: 3 });
    expect(page.total_count).toBe(7);
    expect(page.list).toMatchObject([
      { authorizer_appid: 'wx5', auth_time: START / 1000 },
      { authorizer_appid: 'wx6' },
    ]);
    expect((await component.list({ offset: 0, count: 501 })).errcode).toBe(40097);
    expect((await component.list({ offset: 0 })).errcode).toBe(40097);
    expect((await component.list({ offset: 7, count: 500 })).list).toEqual([]);
  });

  it('have an empty refresh token where the code was never exchanged', async () => {
    const component = await startComponent();
    component.sandbox.openPlatform.authorize(COMPONENT, MINI);
    expect((await component.list()).list[0]?.refresh_token).toBe('');
    const { authorization_info: info } = await component.call('api_get_authorizer_info', { authorizer_appid: MINI });
    expect(info.authorizer_refresh_token).toBe('');
    expect((await component.refresh(MINI, '')).errcode).toBe(61023);
  });

  it('tell a mini program by MiniProgramInfo', async () => {
    const component = await startComponent();
    const [mini, official] = [await component.authorize(MINI), await component.authorize(OFFICIAL)];
    const info = (appId: string) => component.call('api_get_authorizer_info', { authorizer_appid: appId });
    expect((await info(MINI)).authorizer_info).toHaveProperty('MiniProgramInfo');
    expect((await info(OFFICIAL)).authorizer_info).not.toHaveProperty('MiniProgramInfo');
    expect((await info(MINI)).authorization_info.authorizer_refresh_token).toBe(mini.authorizer_refresh_token);
    expect(official.authorizer_appid).toBe(OFFICIAL);
  });
});

describe('an authorizer’s token', () => {
  it('opens business calls and tickets, counted for the account and named in the log', async () => {
    const component = await startComponent();
    const { authorizer_access_token: token } = await component.authorize();
    expect((await ticket(component.sandbox, token)).ticket).toBeTypeOf('string');
    expect((await ticket(component.sandbox, token, 'wx_card')).errcode).toBe(0);
    expect((await ticket(component.sandbox, (await component.authorize(MINI)).authorizer_access_token)).errcode).toBe(
      48001,
    );
    const endpoint = '/cgi-bin/ticket/getticket';
    expect(component.sandbox.calls({ account: COMPONENT, subject: OFFICIAL, endpoint })).toHaveLength(2);
    expect(component.sandbox.calls({ account: COMPONENT, subject: MINI })).toMatchObject([
      { endpoint: '/cgi-bin/component/api_query_auth', outcome: 'ok' },
      { endpoint, outcome: '48001' },
    ]);
    expect(component.sandbox.state().openPlatforms[0]?.authorizers[0]).toMatchObject({
      appId: OFFICIAL,
      authorized: true,
      exchanged: true,
      callsToday: { [endpoint]: 2 },
    });
  });

  it('is killed before its time, and is then replaced by a refresh', async () => {
    const component = await startComponent();
    const info = await component.authorize();
    component.sandbox.openPlatform.killToken(COMPONENT, OFFICIAL);
    expect(await use(component.sandbox, info.authorizer_access_token)).toBe(40001);
    const { authorizer_access_token: fresh } = await component.refresh(OFFICIAL, info.authorizer_refresh_token);
    expect(await use(component.sandbox, fresh)).toBe(0);
  });

  it('gets 61007 for what the component was not granted, and 61014 at the component’s own API', async () => {
    const component = await startComponent({ notGranted: ['/cgi-bin/user/get'] });
    const { authorizer_access_token: token } = await component.authorize();
    expect(await use(component.sandbox, token)).toBe(61007);
    component.token = token;
    expect((await component.list()).errcode).toBe(61014);
  });

  it('shares tickets and counters with the account’s own token where the account is configured', async () => {
    const component = await startComponent({ authorizers: [{ appId: 'wx0000000000sandbox' }] });
    const { authorizer_access_token: token } = await component.authorize('wx0000000000sandbox');
    await use(component.sandbox, token);
    expect(component.sandbox.state().wechat[0]?.callsToday).toEqual({ '/cgi-bin/user/get': 1 });
  });
});

describe('events', () => {
  async function start(account: Parameters<typeof startComponent>[0] = {}) {
    const { url, received } = await startReceiver();
    const component = await startComponent({ callbackUrl: url, ticketEveryMs: 0, ...account });
    return { component, received, steer: component.sandbox.openPlatform };
  }

  it('come twice, and out of order', async () => {
    const { component, received, steer } = await start();
    await expect(steer.repeatEvent(COMPONENT, OFFICIAL)).rejects.toThrow('"authorizerAppId"');
    steer.authorize(COMPONENT, OFFICIAL);
    await steer.repeatEvent(COMPONENT, OFFICIAL);
    steer.cancel(COMPONENT, OFFICIAL, { push: false, createTime: START / 1000 - 60 });
    await steer.repeatEvent(COMPONENT, OFFICIAL);
    await component.sandbox.pushes();
    const told = received.map((push) => [
      field(push, 'InfoType'),
      field(push, 'AuthorizationCode'),
      Number(field(push, 'CreateTime')) - START / 1000,
    ]);
    expect(told[0]?.[1]).toBeTypeOf('string');
    expect(told).toEqual([told[0], told[0], ['unauthorized', undefined, -60]]);
  });

  it('can be of a kind that nobody knows', async () => {
    const { received, steer } = await start({ envelopeField: 'ToUserName' });
    await steer.pushEvent(COMPONENT, { InfoType: 'notify_third_fasteregister', info: { name: 'x' } });
    expect(field(received[0], 'name')).toBe('x');
    expect(received[0]?.body).toContain('<ToUserName>');
    await expect(steer.pushEvent(COMPONENT, {})).rejects.toThrow('"InfoType"');
  });

  it('leave out an update that changes no permission, where the switch says so', async () => {
    const { component, received, steer } = await start({ updateEvents: 'onChange' });
    for (const permissions of [[1], [1], [1, 2]]) steer.authorize(COMPONENT, OFFICIAL, { permissions });
    await component.sandbox.pushes();
    expect(received.map((push) => field(push, 'InfoType'))).toEqual(['authorized', 'updateauthorized']);
  });

  it('are signed and encrypted with new keys once those are set', async () => {
    const { received, steer } = await start();
    const keys = { token: 'another', encodingAESKey: 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C' };
    steer.setKeys(COMPONENT, { token: keys.token });
    await steer.pushTicket(COMPONENT);
    steer.setKeys(COMPONENT, { encodingAESKey: keys.encodingAESKey });
    await steer.pushTicket(COMPONENT);
    const [first, second] = received as [Received, Received];
    expect(open(first, { ...PUSH_KEYS, token: keys.token })).toBeDefined();
    expect(open(second, PUSH_KEYS)).toBeUndefined();
    expect(open(second, { ...keys, receiveId: COMPONENT })).toBeDefined();
    expect(() => steer.setKeys(COMPONENT, { encodingAESKey: 'short' })).toThrow('"encodingAESKey"');
  });

  it('lack expires_in in the exchange too where the switch says so', async () => {
    const { component } = await start({ omit: ['expires_in'] });
    expect(await component.authorize()).not.toHaveProperty('expires_in');
  });
});
