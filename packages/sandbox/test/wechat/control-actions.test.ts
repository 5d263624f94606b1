import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { startReceiver } from '../receiver.js';
import { startSandbox, WECHAT } from '../support.js';
import {
  COMPONENT,
  Component,
  componentToken,
  field,
  OFFICIAL,
  PLATFORM,
  startComponent,
} from './open-platform-support.js';
import { legacy, stable, ticket, use } from './support.js';

const { appId } = WECHAT;

async function act(sandbox: Sandbox, path: string, fields: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${sandbox.url}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(fields) });
  return { status: response.status, ...((await response.json()) as object) };
}

describe('accounts, steered over HTTP', () => {
  it('change switches, secrets, addresses and quotas', async () => {
    const sandbox = await startSandbox();
    const code = async () => (await legacy(sandbox)).errcode;
    await act(sandbox, 'wechat/switches', { appId, tokenRefusal: 50007 });
    expect(await code()).toBe(50007);
    await act(sandbox, 'wechat/switches', { appId, tokenRefusal: false, riskConfirmation: true });
    expect(await code()).toBe(89503);
    await act(sandbox, 'wechat/risk', { appId, answer: 'confirmed' });
    expect(await code()).toBeUndefined();
    await act(sandbox, 'wechat/block-ip', { appId, ip: '127.0.0.1' });
    expect(await code()).toBe(40164);
    await act(sandbox, 'wechat/unblock-ip', { appId, ip: '127.0.0.1' });
    await act(sandbox, 'wechat/exhaust-quota', { appId, path: '/cgi-bin/token' });
    expect(await code()).toBe(45009);
    await act(sandbox, 'wechat/secret', { appId, secret: 'other', endTokens: true });
    expect(await code()).toBe(40125);
    expect(await act(sandbox, 'wechat/switches', { appId, colour: 'red' })).toMatchObject({ status: 400 });
    expect(await act(sandbox, 'wechat/switches', { appId: 'wx-no' })).toMatchObject({ status: 400 });
    expect(await act(sandbox, 'wechat/switches', {})).toMatchObject({ status: 400 });
  });

  it('end tokens and tickets, and hand out codes', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await stable(sandbox);
    const { ticket: first } = await ticket(sandbox, token);
    await act(sandbox, 'wechat/end-ticket', { appId, type: 'jsapi' });
    expect((await ticket(sandbox, token)).ticket).not.toBe(first);
    await act(sandbox, 'wechat/kill-token', { appId, kind: 'legacy' });
    expect(await use(sandbox, token)).toBe(0);
    await act(sandbox, 'wechat/kill-token', { appId });
    expect(await use(sandbox, token)).toBe(40001);
    const { code } = await act(sandbox, 'wechat/oauth-code', { appId, scope: 'snsapi_base' });
    const url = `${sandbox.urls.wechat}/sns/oauth2/access_token?appid=${appId}&secret=${WECHAT.secret}&code=${code}&grant_type=authorization_code`;
    const { openid } = (await (await fetch(url)).json()) as { openid: string };
    expect(await act(sandbox, 'wechat/password', { appId, openid })).toMatchObject({ grants: 1 });
    expect((await act(sandbox, 'wechat/login-code', { appId }))['code']).toBeTypeOf('string');
  });

  it('push, and wait for the answer', async () => {
    const { url } = await startReceiver(({ query }) => ({ body: query.get('echostr') ?? 'success' }));
    const push = { token: 't', encodingAESKey: PLATFORM.encodingAESKey, url };
    const sandbox = await startSandbox({ wechat: [{ ...WECHAT, push }] });
    expect(await act(sandbox, 'wechat/verify-url', { appId })).toMatchObject({ outcome: 'verified' });
    expect(await act(sandbox, 'wechat/push', { appId, message: { MsgType: 'text' } })).toMatchObject({ event: 'text' });
    expect(await act(sandbox, 'wechat/push', { appId })).toMatchObject({ status: 400 });
    expect((await act(sandbox, 'pushes', {}))['pushes']).toHaveLength(2);
    expect(await (await fetch(`${sandbox.url}/_sandbox/pushes`)).json()).toEqual({ pushes: sandbox.pushLog() });
  });
});

describe('Open Platforms, steered over HTTP', () => {
  it('push tickets, authorize, cancel and say what was answered', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startSandbox();
    const on = (path: string, fields: object = {}) =>
      act(sandbox, `open-platform/${path}`, { appId: COMPONENT, ...fields });
    await on('switches', { callbackUrl: url, messageUrl: `${url}/$APPID$`, ticketEveryMs: 0 });
    expect(await on('push-ticket', { ticket: 'new' })).toMatchObject({ outcome: 'success' });
    expect(await on('push-ticket', { ticket: 'best' })).toMatchObject({ status: 400 });
    const { ticket: value } = await on('ticket');
    const token = (await componentToken(sandbox, { component_verify_ticket: value })).component_access_token;
    const component = new Component(sandbox, token);
    await on('authorizer', { authorizer: { appId: 'wx-http' } });
    const { authorizationCode } = await on('authorize', { authorizerAppId: 'wx-http', permissions: [1] });
    const { authorization_info: info } = await component.exchange(String(authorizationCode));
    expect(info.authorizer_appid).toBe('wx-http');
    expect(await on('message', { authorizerAppId: 'wx-http', message: { MsgType: 'text' } })).toMatchObject({
      subject: 'wx-http',
      url: `${url}/wx-http`,
    });
    await on('kill-token', { authorizerAppId: 'wx-http' });
    expect(await use(sandbox, info.authorizer_access_token)).toBe(40001);
    await on('replace-refresh-token', { authorizerAppId: 'wx-http' });
    expect((await component.refresh('wx-http', info.authorizer_refresh_token)).errcode).toBe(61023);
    await on('cancel', { authorizerAppId: 'wx-http' });
    await sandbox.pushes();
    expect(received.map((push) => field(push, 'InfoType') ?? field(push, 'MsgType'))).toEqual([
      'component_verify_ticket',
      'authorized',
      'text',
      'unauthorized',
    ]);
    expect(await on('authorize', { authorizerAppId: 'wx-no' })).toMatchObject({ status: 400 });
    expect(await on('authorize', { authorizerAppId: OFFICIAL, colour: 1 })).toMatchObject({ status: 400 });
    expect(await on('switches', { colour: 1 })).toMatchObject({ status: 400 });
  });

  it('lose tokens, addresses, quotas and secrets', async () => {
    const component = await startComponent();
    const { sandbox } = component;
    const on = (path: string, fields: object = {}) =>
      act(sandbox, `open-platform/${path}`, { appId: COMPONENT, ...fields });
    await on('kill-token');
    expect((await component.list()).errcode).toBe(40001);
    await on('block-ip', { ip: '127.0.0.1' });
    expect((await componentToken(sandbox)).errcode).toBe(61004);
    await on('unblock-ip', { ip: '127.0.0.1' });
    await on('exhaust-quota', { path: '/cgi-bin/component/api_component_token' });
    expect((await componentToken(sandbox)).errcode).toBe(45009);
    await on('secret', { secret: 'other' });
    expect((await componentToken(sandbox)).errcode).toBe(40125);
  });
});

describe('what is told of an Open Platform', () => {
  it('holds no secret, ticket, code or token', async () => {
    const { url, received } = await startReceiver();
    const component = await startComponent({ callbackUrl: `${url}?key=in-the-query` });
    const { sandbox } = component;
    const { pre_auth_code: preAuthCode } = await component.call('api_create_preauthcode');
    const { authorizationCode } = sandbox.openPlatform.authorize(COMPONENT, OFFICIAL, { preAuthCode });
    const { authorization_info: info } = await component.exchange(authorizationCode);
    await sandbox.pushes();
    const told = JSON.stringify([sandbox.calls(), sandbox.state(), sandbox.pushLog()]);
    const values = [component.token, preAuthCode, authorizationCode, info.authorizer_access_token];
    const secrets = [PLATFORM.secret, PLATFORM.token, PLATFORM.encodingAESKey, info.authorizer_refresh_token];
    const tickets = received.flatMap((push) => field(push, 'ComponentVerifyTicket') ?? []);
    expect(tickets).toHaveLength(1);
    for (const value of [...values, ...secrets, ...tickets, 'in-the-query']) expect(told).not.toContain(value);
    expect(JSON.parse(JSON.stringify(sandbox.state()))).toEqual(sandbox.state());
  });
});
