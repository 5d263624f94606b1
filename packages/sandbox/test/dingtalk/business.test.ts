import { describe, expect, it } from 'vitest';
import { DINGTALK, getJson, HOUR, postForm, postJson, postRaw, startSandbox } from '../support.js';
import { accessToken, contactUser, getToken, plainUser, topUser } from './support.js';

describe('the old API', () => {
  it('wraps errors of topapi paths in 88, with a string for a code', async () => {
    const sandbox = await startSandbox();
    const body = await topUser(sandbox, 'garbage');
    expect(body).toMatchObject({ errcode: 88, sub_code: '40014', request_id: expect.any(String) });
    expect(body.errmsg).toContain('subcode=40014');
    expect((await topUser(sandbox, '')).sub_code).toBe('40000');
  });

  it('puts errors of other paths into errcode', async () => {
    const sandbox = await startSandbox();
    expect((await plainUser(sandbox, 'garbage')).errcode).toBe(40014);
    expect((await plainUser(sandbox, '')).errcode).toBe(41001);
  });

  it('answers HTTP 200 with errcode 22 to an unknown path', async () => {
    const sandbox = await startSandbox();
    const response = await fetch(`${sandbox.urls.dingtalkOapi}/nothing`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ errcode: 22 });
  });

  it('reads the token from the query or a form, and ignores the header', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    const url = `${sandbox.urls.dingtalkOapi}/topapi/v2/user/get`;
    expect((await postForm(url, { access_token: token, userid: 'u1' })).errcode).toBe(0);
    const headers = { 'x-acs-dingtalk-access-token': token };
    expect((await postJson(url, { userid: 'u1' }, headers)).sub_code).toBe('40000');
  });

  it('answers 42001 to an expired token where the switch says so', async () => {
    const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, expiredCode: 42001 }] });
    const { access_token: token } = await getToken(sandbox);
    sandbox.advance(2 * HOUR);
    expect((await topUser(sandbox, token)).sub_code).toBe('42001');
  });
});

describe('the new API', () => {
  it('refuses a token in the query or as a bearer: only its own header counts', async () => {
    const sandbox = await startSandbox();
    const { accessToken: token } = await accessToken(sandbox);
    const url = `${sandbox.urls.dingtalkApi}/v1.0/contact/users/u1`;
    for (const response of [
      await fetch(`${url}?access_token=${token}`),
      await fetch(url, { headers: { authorization: `Bearer ${token}` } }),
    ]) {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'AuthenticationFailed.MissingParameter' });
    }
    expect(await (await contactUser(sandbox, token)).json()).toMatchObject({ unionId: 'u1' });
  });

  it('answers an expired token with 400 InvalidAuthentication', async () => {
    const sandbox = await startSandbox();
    const { accessToken: token } = await accessToken(sandbox);
    sandbox.advance(2 * HOUR);
    const response = await contactUser(sandbox, token);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'InvalidAuthentication' });
  });

  it('wants JSON on business calls too', async () => {
    const sandbox = await startSandbox();
    const headers = { 'x-acs-dingtalk-access-token': (await accessToken(sandbox)).accessToken };
    const url = `${sandbox.urls.dingtalkApi}/v1.0/robot/oToMessages/batchSend`;
    expect((await postRaw(url, { userIds: ['u1'] }, headers)).status).toBe(200);
    const form = await fetch(url, { method: 'POST', headers, body: new URLSearchParams({ userIds: 'u1' }) });
    expect(await form.json()).toMatchObject({ code: 'Missingbody' });
  });

  it('answers an unknown path with HTTP 200 and an old-style 404', async () => {
    const sandbox = await startSandbox();
    const response = await fetch(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/accessToken`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ errcode: 404, errmsg: '请求的URI地址不存在' });
  });
});

describe('the allow list', () => {
  it('guards business calls of both hosts, and not the fetching of tokens', async () => {
    const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, ipAllowList: ['203.0.113.1'] }] });
    const { access_token: token } = await getToken(sandbox);
    expect((await plainUser(sandbox, token)).errcode).toBe(60020);
    expect((await topUser(sandbox, token)).sub_code).toBe('60020');
    const response = await contactUser(sandbox, token);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'Forbidden.AccessDenied.IpNotInWhiteList' });
  });
});

describe('the jsapi ticket', () => {
  it('is one through both hosts', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    const old = await getJson(`${sandbox.urls.dingtalkOapi}/get_jsapi_ticket?access_token=${token}`);
    expect(old).toMatchObject({ errcode: 0, expires_in: 7200 });
    const url = `${sandbox.urls.dingtalkApi}/v1.0/oauth2/jsapiTickets`;
    const body = await (await fetch(url, { method: 'POST', headers: { 'x-acs-dingtalk-access-token': token } })).json();
    expect(body).toEqual({ jsapiTicket: old.ticket, expireIn: 7200 });
    const wrongMethod = await getJson(url, { 'x-acs-dingtalk-access-token': token });
    expect(wrongMethod.errcode).toBe(404);
  });

  it.each([
    ['constant', 7200],
    ['remaining', 3600],
  ] as const)(
    'is renewed for two hours by every fetch, but ends 24 hours after its creation (%s)',
    async (ticketExpiresIn, last) => {
      const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, ticketExpiresIn }] });
      const fetchTicket = async () => {
        const { access_token: token } = await getToken(sandbox);
        return getJson(`${sandbox.urls.dingtalkOapi}/get_jsapi_ticket?access_token=${token}`);
      };
      const first = await fetchTicket();
      for (let hour = 1; hour < 24; hour += 1) {
        sandbox.advance(HOUR);
        expect((await fetchTicket()).ticket).toBe(first.ticket);
      }
      expect((await fetchTicket()).expires_in).toBe(last);
      sandbox.advance(HOUR);
      expect((await fetchTicket()).ticket).not.toBe(first.ticket);
    },
  );

  it('is a new one after two hours without a fetch', async () => {
    const sandbox = await startSandbox();
    const fetchTicket = async () => {
      const { access_token: token } = await getToken(sandbox);
      return getJson(`${sandbox.urls.dingtalkOapi}/get_jsapi_ticket?access_token=${token}`);
    };
    const first = await fetchTicket();
    sandbox.advance(2 * HOUR);
    expect((await fetchTicket()).ticket).not.toBe(first.ticket);
  });
});
