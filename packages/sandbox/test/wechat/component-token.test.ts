import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, START, startSandbox, WECHAT } from '../support.js';
import {
  COMPONENT,
  Component,
  componentToken,
  PLATFORM,
  post,
  startComponent,
  startPlatform,
} from './open-platform-support.js';
import { legacy, stable } from './support.js';

describe('api_component_token', () => {
  it('issues a token for a verify ticket', async () => {
    const sandbox = await startPlatform();
    const answer = await componentToken(sandbox);
    expect(Object.keys(answer)).toEqual(['component_access_token', 'expires_in']);
    expect(answer.expires_in).toBe(7200);
    expect(sandbox.calls()).toMatchObject([{ endpoint: '/cgi-bin/component/api_component_token', account: COMPONENT }]);
  });

  it('takes a ticket for twelve hours, a newer one notwithstanding, then answers 61005', async () => {
    const sandbox = await startPlatform();
    const ticket = sandbox.openPlatform.issueTicket(COMPONENT);
    sandbox.openPlatform.issueTicket(COMPONENT);
    sandbox.advance(12 * HOUR - 1);
    expect((await componentToken(sandbox, { component_verify_ticket: ticket })).errcode).toBeUndefined();
    sandbox.advance(1);
    expect((await componentToken(sandbox, { component_verify_ticket: ticket })).errcode).toBe(61005);
  });

  it('makes another token for every call, and the one before it works for five minutes', async () => {
    const sandbox = await startPlatform();
    const [first, second] = [await componentToken(sandbox), await componentToken(sandbox)];
    const component = new Component(sandbox, first.component_access_token);
    expect(second.component_access_token).not.toBe(first.component_access_token);
    sandbox.advance(5 * MINUTE - 1);
    expect((await component.list()).errcode).toBeUndefined();
    sandbox.advance(1);
    expect((await component.list()).errcode).toBe(40001);
  });

  it('repeats the token with its remaining seconds where the switch says so', async () => {
    const sandbox = await startPlatform({ componentTokens: 'same' });
    const first = await componentToken(sandbox);
    sandbox.advance(HOUR);
    expect(await componentToken(sandbox)).toEqual({ ...first, expires_in: 3600 });
  });

  it.each([
    [{ component_verify_ticket: 'none' }, 61006],
    [{ component_appsecret: 'wrong' }, 40125],
    [{ component_appsecret: WECHAT.secret }, 40001],
    [{ component_appsecret: '' }, 41004],
    [{ component_appid: '' }, 41018],
    [{ component_appid: 'wx-nobody' }, 40013],
    [{ component_appid: WECHAT.appId }, 61011],
  ])('answers %o with %i', async (fields, errcode) => {
    const sandbox = await startPlatform();
    const answer = await componentToken(sandbox, fields);
    expect(answer.errcode).toBe(errcode);
    expect(answer.errmsg).toMatch(/ rid: /);
  });

  it('answers 47001 to a body that is no JSON, and 43002 to GET', async () => {
    const sandbox = await startPlatform();
    const url = `${sandbox.urls.wechat}/cgi-bin/component/api_component_token`;
    expect(await (await fetch(url, { method: 'POST', body: 'a=b' })).json()).toMatchObject({ errcode: 47001 });
    expect(await (await fetch(url)).json()).toMatchObject({ errcode: 43002 });
  });

  it('answers 61004 to an address that is not on the list, or was blocked', async () => {
    const sandbox = await startPlatform({ ipAllowList: ['203.0.113.1'] });
    expect((await componentToken(sandbox)).errcode).toBe(61004);
    sandbox.openPlatform.configure(COMPONENT, { ipAllowList: [] });
    expect((await componentToken(sandbox)).errcode).toBeUndefined();
    sandbox.openPlatform.blockIp(COMPONENT, '127.0.0.1');
    expect((await componentToken(sandbox)).errcode).toBe(61004);
    sandbox.openPlatform.unblockIp(COMPONENT, '127.0.0.1');
    expect((await componentToken(sandbox)).errcode).toBeUndefined();
  });

  it('answers 45009 once the day is used up, 48001 without permission, and any code it is told', async () => {
    const path = '/cgi-bin/component/api_component_token';
    const sandbox = await startPlatform({ dailyQuotas: { [path]: 1 } });
    await componentToken(sandbox);
    expect((await componentToken(sandbox)).errcode).toBe(45009);
    sandbox.openPlatform.configure(COMPONENT, { dailyQuotas: {}, unauthorizedPaths: [path] });
    expect((await componentToken(sandbox)).errcode).toBe(48001);
    sandbox.openPlatform.configure(COMPONENT, { unauthorizedPaths: [], tokenRefusal: 50004 });
    expect((await componentToken(sandbox)).errcode).toBe(50004);
    sandbox.openPlatform.configure(COMPONENT, { tokenRefusal: false });
    sandbox.openPlatform.exhaustQuota(COMPONENT, path);
    expect((await componentToken(sandbox)).errcode).toBe(45009);
  });

  it('takes another secret after a reset, and the token lives on', async () => {
    const component = await startComponent();
    component.sandbox.openPlatform.resetSecret(COMPONENT, 'another');
    expect((await componentToken(component.sandbox)).errcode).toBe(40125);
    expect((await componentToken(component.sandbox, { component_appsecret: 'another' })).errcode).toBeUndefined();
    expect((await component.list()).errcode).toBeUndefined();
  });
});

describe('a component token', () => {
  it('is taken as component_access_token and as access_token', async () => {
    const component = await startComponent();
    for (const param of ['component_access_token', 'access_token']) {
      expect((await component.call('api_create_preauthcode', {}, param)).pre_auth_code).toBeTypeOf('string');
    }
  });

  it('expires with 42001, or 42006 where the switch says so, and is refused with 40001 when it was killed', async () => {
    const component = await startComponent();
    component.sandbox.advance(2 * HOUR);
    expect((await component.list()).errcode).toBe(42001);
    component.sandbox.openPlatform.configure(COMPONENT, { expiredCode: 42006 });
    expect((await component.list()).errcode).toBe(42006);
    component.token = (await componentToken(component.sandbox)).component_access_token;
    component.sandbox.openPlatform.killToken(COMPONENT);
    expect((await component.list()).errcode).toBe(40001);
  });

  it('is missing with 41021, malformed with 40014, and needs the component’s app id in the body', async () => {
    const component = await startComponent();
    const path = 'api_create_preauthcode';
    expect((await post(component.sandbox, path, { component_appid: COMPONENT })).errcode).toBe(41021);
    expect((await post(component.sandbox, `${path}?access_token=x`, {})).errcode).toBe(40014);
    expect((await component.call(path, { component_appid: undefined })).errcode).toBe(41018);
    expect((await component.call(path, { component_appid: 'wx-other' })).errcode).toBe(40013);
    expect((await post(component.sandbox, `${path}?access_token=${component.token}`, [])).errcode).toBe(47001);
  });

  it('does not open another component', async () => {
    const other = { ...PLATFORM, appId: 'wx-other-platform', secret: 'other-secret', authorizers: [] };
    const sandbox = await startSandbox({ openPlatforms: [PLATFORM, other] });
    const component = new Component(sandbox, (await componentToken(sandbox)).component_access_token);
    expect((await component.call('api_create_preauthcode', { component_appid: other.appId })).errcode).toBe(40013);
    expect((await componentToken(sandbox, { component_appsecret: other.secret })).errcode).toBe(40001);
    const ticket = sandbox.openPlatform.issueTicket(other.appId);
    expect((await componentToken(sandbox, { component_verify_ticket: ticket })).errcode).toBe(61006);
  });

  it('is told from other kinds: 61014, 61015, 61024', async () => {
    const component = await startComponent();
    const { sandbox } = component;
    const { access_token: account } = await stable(sandbox);
    expect((await post(sandbox, `api_create_preauthcode?access_token=${account}`, {})).errcode).toBe(61014);
    const url = `${sandbox.urls.wechat}/cgi-bin/user/get?access_token=${component.token}`;
    expect(await (await fetch(url)).json()).toMatchObject({ errcode: 61015 });
    expect((await legacy(sandbox, { appid: COMPONENT, secret: PLATFORM.secret })).errcode).toBe(61024);
    expect((await stable(sandbox, { appid: COMPONENT, secret: PLATFORM.secret })).errcode).toBe(61024);
  });

  it('opens the address lists', async () => {
    const { sandbox, token } = await startComponent();
    for (const path of ['get_api_domain_ip', 'getcallbackip']) {
      const url = `${sandbox.urls.wechat}/cgi-bin/${path}?access_token=${token}`;
      expect(await (await fetch(url)).json()).toHaveProperty('ip_list');
    }
    expect(sandbox.calls({ endpoint: '/cgi-bin/getcallbackip' })).toMatchObject([{ account: COMPONENT, at: START }]);
  });
});
