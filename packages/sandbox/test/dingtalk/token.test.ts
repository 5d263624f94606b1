import { describe, expect, it } from 'vitest';
import { DINGTALK, HOUR, postJson, postRaw, startSandbox } from '../support.js';
import { APP, accessToken, CORP, contactUser, getToken, plainUser, topUser } from './support.js';

describe('the token of an app', () => {
  it('stays the same and is renewed to two hours by every fetch', async () => {
    const sandbox = await startSandbox();
    const first = await getToken(sandbox);
    expect(first).toEqual({ errcode: 0, errmsg: 'ok', access_token: expect.any(String), expires_in: 7200 });
    for (let i = 0; i < 4; i += 1) {
      sandbox.advance(2 * HOUR - 1);
      expect(await getToken(sandbox)).toEqual(first);
    }
    expect((await contactUser(sandbox, first.access_token)).status).toBe(200);
  });

  it('is a new one after two hours without a fetch', async () => {
    const sandbox = await startSandbox();
    const { access_token: old } = await getToken(sandbox);
    sandbox.advance(2 * HOUR);
    expect((await plainUser(sandbox, old)).errcode).toBe(40014);
    expect((await getToken(sandbox)).access_token).not.toBe(old);
    expect((await plainUser(sandbox, old)).errcode).toBe(40014);
  });

  it('is one and the same through both hosts, and works on both', async () => {
    const sandbox = await startSandbox();
    const { accessToken: token, expireIn } = await accessToken(sandbox);
    expect(expireIn).toBe(7200);
    expect((await getToken(sandbox)).access_token).toBe(token);
    expect((await topUser(sandbox, token)).errcode).toBe(0);
    expect((await contactUser(sandbox, token)).status).toBe(200);
  });

  it('is another one for corp id and corp secret', async () => {
    const sandbox = await startSandbox();
    const [app, corp] = [await getToken(sandbox), await getToken(sandbox, CORP)];
    expect(corp.access_token).not.toBe(app.access_token);
    expect((await plainUser(sandbox, corp.access_token)).errcode).toBe(0);
  });
});

describe('GET /gettoken', () => {
  it.each([
    [{}, 40035],
    [{ appkey: APP.appkey }, 40035],
    [{ ...APP, appsecret: 'wrong' }, 40096],
    [{ ...APP, appkey: 'nobody' }, 40096],
    [{ ...CORP, corpid: 'nobody' }, 40013],
    [{ ...CORP, corpsecret: 'wrong' }, 40001],
  ])('answers %o with errcode %i, not wrapped', async (fields, errcode) => {
    const sandbox = await startSandbox();
    const body = await getToken(sandbox, fields);
    expect(Object.keys(body)).toEqual(['errcode', 'errmsg']);
    expect(body.errcode).toBe(errcode);
  });

  it('answers 40089 to the corp secret of another organisation', async () => {
    const other = { appKey: 'other', appSecret: 'other', corpId: 'othercorp', corpSecret: 'other-corp-secret' };
    const sandbox = await startSandbox({ dingtalk: [DINGTALK, other] });
    expect((await getToken(sandbox, { ...CORP, corpsecret: other.corpSecret })).errcode).toBe(40089);
  });

  it('does not see the fields of a body', async () => {
    const sandbox = await startSandbox();
    expect((await postJson(`${sandbox.urls.dingtalkOapi}/gettoken`, APP)).errcode).toBe(40035);
  });

  it.each([
    ['missing', undefined],
    ['zero', 0],
  ] as const)('sends a lifetime that is %s where the switch says so', async (lifetimeField, expected) => {
    const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, lifetimeField }] });
    expect((await getToken(sandbox)).expires_in).toBe(expected);
  });
});

describe('POST /v1.0/oauth2/accessToken', () => {
  it('answers HTTP 400 invalidClientIdOrSecret to a wrong secret', async () => {
    const sandbox = await startSandbox();
    const body = { appKey: DINGTALK.appKey, appSecret: 'wrong' };
    const response = await postRaw(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/accessToken`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalidClientIdOrSecret', requestid: expect.any(String) });
  });

  it('answers HTTP 400 Missingbody to a form', async () => {
    const sandbox = await startSandbox();
    const body = new URLSearchParams({ appKey: DINGTALK.appKey, appSecret: DINGTALK.appSecret });
    const response = await fetch(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/accessToken`, { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'Missingbody' });
  });
});

describe('POST /v1.0/oauth2/{corpId}/token', () => {
  const fields = {
    client_id: DINGTALK.appKey,
    client_secret: DINGTALK.appSecret,
    grant_type: 'client_credentials',
  };

  it('has a token of its own, in snake case, that works on both hosts', async () => {
    const sandbox = await startSandbox();
    const body = await postJson(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/${DINGTALK.corpId}/token`, fields);
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 7200 });
    expect((await getToken(sandbox)).access_token).not.toBe(body.access_token);
    expect((await topUser(sandbox, body.access_token)).errcode).toBe(0);
    expect(sandbox.calls({ endpoint: '/v1.0/oauth2/{corpId}/token' })).toHaveLength(1);
  });

  it('shares the token of the app where the switch says so', async () => {
    const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, unifiedToken: 'shared' }] });
    const body = await postJson(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/${DINGTALK.corpId}/token`, fields);
    expect((await getToken(sandbox)).access_token).toBe(body.access_token);
  });

  it.each([
    ['an unknown organisation', 'nobody', {}, 500, 'unknownError'],
    ['a wrong secret', DINGTALK.corpId, { client_secret: 'wrong' }, 400, 'invalid.client'],
    ['another grant type', DINGTALK.corpId, { grant_type: 'password' }, 400, 'unsupported.grant.type'],
    ['an organisation without the app', 'othercorp', {}, 401, 'unauthorized.client'],
  ])('answers %s', async (_name, corpId, changed, status, code) => {
    const other = { appKey: 'other', appSecret: 'other', corpId: 'othercorp' };
    const sandbox = await startSandbox({ dingtalk: [DINGTALK, other] });
    const url = `${sandbox.urls.dingtalkApi}/v1.0/oauth2/${corpId}/token`;
    const response = await postRaw(url, { ...fields, ...changed });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
  });
});

describe('revoking', () => {
  it('makes every kind of call refuse the token in its own way, and the next fetch new', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    sandbox.dingtalk.revoke(DINGTALK.appKey);
    expect(await topUser(sandbox, token)).toMatchObject({ errcode: 88, sub_code: '40014' });
    expect((await plainUser(sandbox, token)).errcode).toBe(40014);
    const response = await contactUser(sandbox, token);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'InvalidAuthentication' });
    const { access_token: fresh } = await getToken(sandbox);
    expect(fresh).not.toBe(token);
    expect((await plainUser(sandbox, fresh)).errcode).toBe(0);
  });

  it('can keep handing out the dead token', async () => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    sandbox.dingtalk.revoke(DINGTALK.appKey, { keepReturningSame: true });
    expect((await getToken(sandbox)).access_token).toBe(token);
    expect((await accessToken(sandbox)).accessToken).toBe(token);
    expect((await plainUser(sandbox, token)).errcode).toBe(40014);
  });
});
