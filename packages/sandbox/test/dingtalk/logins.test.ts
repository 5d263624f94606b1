import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { DINGTALK, HOUR, MINUTE, query, startSandbox } from '../support.js';
import { api, LAN, oapi, type Reply, SUITE } from './suite-support.js';

const SSO = { corpid: DINGTALK.corpId, corpsecret: DINGTALK.ssoSecret };
const PERSONAL = { appid: DINGTALK.appKey, appsecret: DINGTALK.appSecret };

function ssoAccessToken(sandbox: Sandbox, ssoSecret: string = DINGTALK.ssoSecret): Promise<Reply> {
  return api(sandbox, 'POST', '/v1.0/oauth2/ssoAccessToken', { corpid: DINGTALK.corpId, ssoSecret });
}

describe('SSO of the admin console', () => {
  it('has one token through both hosts; only the new one tells its lifetime', async () => {
    const sandbox = await startSandbox();
    const old = await oapi(sandbox, '/sso/gettoken', SSO);
    expect(old).toEqual({ errcode: 0, errmsg: 'ok', access_token: expect.any(String) });
    expect((await ssoAccessToken(sandbox)).body).toEqual({ accessToken: old.access_token, expireIn: 3600 });
    sandbox.dingtalk.configure(DINGTALK.appKey, { ssoRepeat: 'new' });
    expect((await ssoAccessToken(sandbox)).body.accessToken).not.toBe(old.access_token);
  });

  it('exchanges a code once, on either host, and for an hour', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await oapi(sandbox, '/sso/gettoken', SSO);
    const code = sandbox.dingtalk.ssoCode(DINGTALK.appKey);
    const info = await oapi(sandbox, '/sso/getuserinfo', { access_token: token, code });
    expect(info).toMatchObject({ errcode: 0, user_info: { userid: 'lan' }, corp_info: { corpid: DINGTALK.corpId } });
    expect((await oapi(sandbox, '/sso/getuserinfo', { access_token: token, code })).errcode).toBe(40078);
    const ask = (given: string) => api(sandbox, 'GET', `/v1.0/oauth2/ssoUserInfo?code=${given}`, undefined, token);
    const answer = await ask(sandbox.dingtalk.ssoCode(DINGTALK.appKey, { unionId: 'union-wei' }));
    expect(answer.body).toMatchObject({ userId: 'wei', corpId: DINGTALK.corpId });
    expect((await ask('wrong')).body.code).toBe('invalidCode');
    sandbox.advance(HOUR);
    expect((await ask('wrong')).body.code).toBe('InvalidAuthentication');
  });

  it('is refused with a wrong secret or organisation, and an app secret is none', async () => {
    const sandbox = await startSandbox();
    expect((await oapi(sandbox, '/sso/gettoken', { ...SSO, corpsecret: DINGTALK.appSecret })).errcode).toBe(40001);
    expect((await oapi(sandbox, '/sso/gettoken', { ...SSO, corpid: 'nobody' })).errcode).toBe(40013);
    expect((await oapi(sandbox, '/sso/gettoken', { corpid: DINGTALK.corpId })).errcode).toBe(40035);
    expect(await ssoAccessToken(sandbox, 'wrong')).toMatchObject({
      status: 400,
      body: { code: 'invalidClientIdOrSecret' },
    });
  });

  it("knows the ISV's own organisation", async () => {
    const sandbox = await startSandbox();
    const answer = await oapi(sandbox, '/sso/gettoken', { corpid: SUITE.corpId, corpsecret: SUITE.ssoSecret });
    expect(answer.errcode).toBe(0);
    expect(sandbox.calls({ endpoint: '/sso/gettoken' })[0]?.account).toBe(SUITE.suiteKey);
  });
});

describe('scan logins', () => {
  it('have a token that stays the same and tells no lifetime', async () => {
    const sandbox = await startSandbox();
    const first = await oapi(sandbox, '/sns/gettoken', PERSONAL);
    expect(first).toEqual({ errcode: 0, errmsg: 'ok', access_token: expect.any(String) });
    sandbox.advance(2 * HOUR - 1);
    expect(await oapi(sandbox, '/sns/gettoken', PERSONAL)).toEqual(first);
    expect((await oapi(sandbox, '/sns/gettoken', { ...PERSONAL, appsecret: 'wrong' })).errcode).toBe(40096);
  });

  it('exchange a code once for a persistent code, and that for a token that is not renewed', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await oapi(sandbox, '/sns/gettoken', PERSONAL);
    const persist = (code: string) =>
      oapi(sandbox, '/sns/get_persistent_code', { access_token: token }, { tmp_auth_code: code });
    const code = sandbox.dingtalk.scanCode(DINGTALK.appKey);
    const { openid, persistent_code } = await persist(code);
    expect(openid).toBe(`open-${LAN}`);
    expect((await persist(code)).errcode).toBe(40078);
    expect((await persist(sandbox.dingtalk.scanCode(DINGTALK.appKey))).persistent_code).toBe(persistent_code);

    const fetchToken = () => oapi(sandbox, '/sns/get_sns_token', { access_token: token }, { openid, persistent_code });
    const first = await fetchToken();
    expect(first.expires_in).toBe(7200);
    sandbox.advance(HOUR);
    expect(await fetchToken()).toEqual({ ...first, expires_in: 3600 });
    const user = await oapi(sandbox, '/sns/getuserinfo', { sns_token: first.sns_token });
    expect(user).toMatchObject({ errcode: 0, user_info: { unionid: LAN, openid } });
    sandbox.advance(HOUR);
    expect((await oapi(sandbox, '/sns/getuserinfo', { sns_token: first.sns_token })).errcode).toBe(40014);
    expect(sandbox.calls({ subject: openid, endpoint: '/sns/getuserinfo' })).toHaveLength(2);
  });

  it('refuse a persistent code that was taken back', async () => {
    const sandbox = await startSandbox();
    const { access_token } = await oapi(sandbox, '/sns/gettoken', PERSONAL);
    const tmp_auth_code = sandbox.dingtalk.scanCode(DINGTALK.appKey);
    const { openid, persistent_code } = await oapi(
      sandbox,
      '/sns/get_persistent_code',
      { access_token },
      { tmp_auth_code },
    );
    sandbox.dingtalk.endUser(DINGTALK.appKey, LAN);
    const answer = await oapi(sandbox, '/sns/get_sns_token', { access_token }, { openid, persistent_code });
    expect(answer.errcode).toBe(40084);
  });

  it('take a signed request that needs no token', async () => {
    const sandbox = await startSandbox();
    const sign = (timestamp: string) => createHmac('sha256', DINGTALK.appSecret).update(timestamp).digest('base64');
    const ask = (changes: Record<string, string> = {}, code = sandbox.dingtalk.scanCode(DINGTALK.appKey)) => {
      const timestamp = changes['timestamp'] ?? String(sandbox.now());
      const parameters = { accessKey: DINGTALK.appKey, timestamp, signature: sign(timestamp), ...changes };
      return oapi(sandbox, '/sns/getuserinfo_bycode', parameters, { tmp_auth_code: code });
    };
    expect(await ask()).toMatchObject({ errcode: 0, user_info: { unionid: LAN } });
    expect((await ask({}, 'wrong')).errcode).toBe(40078);
    expect((await ask({ signature: 'wrong' })).errcode).toBe(853004);
    expect((await ask({ accessKey: 'nobody' })).errcode).toBe(853003);
    expect((await ask({ timestamp: String(sandbox.now() + MINUTE + 1) })).errcode).toBe(853002);
  });

  it('have a page to scan, whose redirect carries code and state', async () => {
    const sandbox = await startSandbox();
    const parameters = { appid: DINGTALK.appKey, response_type: 'code', scope: 'snsapi_login', state: 's' };
    const address = { redirect_uri: 'http://app.example/scan', unionId: LAN };
    const url = `${sandbox.urls.dingtalkOapi}/connect/qrconnect?${query({ ...parameters, ...address })}`;
    const target = new URL((await fetch(url, { redirect: 'manual' })).headers.get('location') ?? '');
    expect(target.searchParams.get('state')).toBe('s');
    const { access_token } = await oapi(sandbox, '/sns/gettoken', PERSONAL);
    const body = { tmp_auth_code: target.searchParams.get('code') };
    expect((await oapi(sandbox, '/sns/get_persistent_code', { access_token }, body)).errcode).toBe(0);
  });
});
