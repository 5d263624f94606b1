import { describe, expect, it } from 'vitest';
import { DingTalkError } from '../src/index.js';
import { failureFrom } from './support.js';
import { appIn, OA, world } from './world.js';

/** Each trap twice: the obvious wrong code falls into it, and ours does not, against the same simulated platform. */
const there = world();
const json = { 'content-type': 'application/json' };

function setUp() {
  const app = appIn(there);
  const manager = there.manage(app);
  return { app, manager, client: app.client(manager) };
}
const answerTo = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

describe('where the token goes', () => {
  it.each([
    ['Authorization: Bearer', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['a header of the old name', (token: string) => ({ headers: { access_token: token } })],
  ])('the new host takes no %s', async (_what, init) => {
    const { app, manager, client } = setUp();
    const { value } = await manager.get(app.accessToken);
    const url = `${there.baseUrls().api}/v1.0/contact/users/u1`;
    expect(await answerTo(url, init(value))).toMatchObject({ status: 400, body: { code: expect.any(String) } });
    expect(await answerTo(`${url}?access_token=${value}`)).toMatchObject({ status: 400 });
    expect(await client.api.get('/v1.0/contact/users/u1')).toMatchObject({ unionId: 'u1' });
  });

  it('the old host takes no header, and says so with HTTP 200', async () => {
    const { app, manager, client } = setUp();
    const { value } = await manager.get(app.accessToken);
    const headers = { 'x-acs-dingtalk-access-token': value, authorization: `Bearer ${value}` };
    const naive = await answerTo(`${there.baseUrls().oapi}/user/get?userid=u1`, { headers });
    expect(naive).toMatchObject({ status: 200, body: { errcode: 41001 } });
    expect(await client.oapi.get('/user/get', { query: { userid: 'u1' } })).toMatchObject({ errcode: 0, userid: 'u1' });
  });
});

describe('where parameters go', () => {
  it('/gettoken reads nothing from a body', async () => {
    const { appKey: appkey, appSecret: appsecret } = OA;
    const url = `${there.baseUrls().oapi}/gettoken`;
    for (const init of [
      { method: 'POST', headers: json, body: JSON.stringify({ appkey, appsecret }) },
      { method: 'POST', body: new URLSearchParams({ appkey, appsecret }) },
    ]) {
      expect((await answerTo(url, init)).body).toMatchObject({ errcode: 40035 });
    }
    const app = appIn(there, { api: 'legacy' });
    expect((await there.manage(app).get(app.accessToken)).value).not.toBe('');
  });

  it('the new host reads no form', async () => {
    const { appKey, appSecret } = OA;
    const body = new URLSearchParams({ appKey, appSecret });
    const naive = await answerTo(`${there.baseUrls().api}/v1.0/oauth2/accessToken`, { method: 'POST', body });
    expect(naive).toMatchObject({ status: 400, body: { code: 'Missingbody' } });
    const { app, manager } = setUp();
    expect((await manager.get(app.accessToken)).value).not.toBe('');
  });
});

describe('what an answer means', () => {
  it('HTTP 200 is no success', async () => {
    const { client } = setUp();
    for (const [work, code] of [
      [client.oapi.get('/nothing/here'), '22'],
      [client.api.get('/v1.0/nothing/here'), '404'],
    ] as const) {
      const error = await failureFrom(work);
      expect(error).toBeInstanceOf(DingTalkError);
      expect(error).toMatchObject({ code, httpStatus: 200, reason: 'refused' });
    }
  });

  it('is told by the code, whatever the words say', async () => {
    const { client } = setUp();
    const dead = '不合法的access_token';
    for (const [code, reason] of [
      ['60011', 'refused'],
      ['90018', 'throttled'],
      ['60020', 'refused'],
    ] as const) {
      there.sandbox.fault({ kind: 'code', code, message: dead, endpoint: '/user/get', count: 'always' });
      expect(await failureFrom(client.oapi.get('/user/get'))).toMatchObject({ code, reason });
      there.sandbox.clearFaults();
    }
    expect(there.calls('/v1.0/oauth2/accessToken')).toBe(1);
    there.sandbox.fault({
      kind: 'code',
      code: 'InvalidAuthentication',
      message: 'ok',
      endpoint: '/v1.0/contact/users/{unionId}',
    });
    // Dead by its code; the refetch brings the same token, so that is the end of it.
    expect(await failureFrom(client.api.get('/v1.0/contact/users/u1'))).toMatchObject({
      code: 'ERR_TOKEN_REJECTED_AGAIN',
    });
  });

  it('88 says nothing by itself: its sub_code does', async () => {
    const { client } = setUp();
    const path = '/topapi/v2/user/get';
    there.sandbox.fault({ kind: 'code', code: '60011', endpoint: path });
    expect(await failureFrom(client.oapi.post(path, { userid: 'u1' }))).toMatchObject({
      code: '60011',
      reason: 'refused',
    });
    expect(there.calls(path)).toBe(1);
    there.sandbox.fault({ kind: 'code', code: '88', endpoint: path });
    expect(await client.oapi.post(path, { userid: 'u1' })).toMatchObject({ result: { userid: 'u1' } });
    expect(there.calls(path)).toBe(3);
    expect(there.calls('/v1.0/oauth2/accessToken')).toBe(1);
  });

  it('403 is four things', async () => {
    const { client } = setUp();
    const endpoint = '/v1.0/contact/users/{unionId}';
    for (const [code, reason, calls] of [
      ['Forbidden.AccessDenied.AccessTokenPermissionDenied', 'refused', 1],
      ['Forbidden.AccessDenied.IpNotInWhiteList', 'refused', 1],
      ['Forbidden.AccessDenied.QpsLimitForApi', 'throttled', 4],
      ['Forbidden.AccessDenied.ApiCountLimitForOrg', 'quota', 1],
    ] as const) {
      const before = there.calls(endpoint);
      there.sandbox.fault({ kind: 'code', code, endpoint, count: 'always' });
      expect(await failureFrom(client.api.get('/v1.0/contact/users/u1'))).toMatchObject({ httpStatus: 403, reason });
      expect(there.calls(endpoint) - before).toBe(calls);
      there.sandbox.clearFaults();
    }
  });

  it('a lifetime that is missing or zero is not "expired now"', async () => {
    for (const lifetimeField of ['missing', 'zero'] as const) {
      there.sandbox.dingtalk.configure(OA.appKey, { lifetimeField });
      const { client } = setUp();
      for (let i = 0; i < 10; i++) {
        await client.api.get('/v1.0/contact/users/u1');
        await there.clock.advance(60_000);
      }
    }
    expect(there.calls('/v1.0/oauth2/accessToken')).toBe(2);
  });
});

describe('the unified token', () => {
  const path = `/v1.0/oauth2/{corpId}/token`;

  it('has a key of its own, and is what the client uses where the account says so', async () => {
    const app = appIn(there, { api: 'unified' });
    const manager = there.manage(app);
    const client = app.client(manager);
    await client.api.get('/v1.0/contact/users/u1');
    await client.oapi.get('/user/get', { query: { userid: 'u1' } });
    expect(await client.jsApiConfig('https://app.example/')).toMatchObject({ corpId: OA.corpId });
    expect(app.accessToken.key).toBe(`et1/dingtalk/${OA.appKey}/unified_access_token/${OA.corpId}`);
    expect([there.calls(path), there.calls('/v1.0/oauth2/accessToken')]).toEqual([1, 0]);
    there.sandbox.dingtalk.revoke(OA.appKey);
    await client.api.get('/v1.0/contact/users/u1');
    expect(there.calls(path)).toBe(2);
  });

  it('stands beside the app’s own, each found again by its key', async () => {
    const { app, manager } = setUp();
    const own = await manager.get(app.accessToken);
    const unified = await manager.get(app.unifiedAccessToken());
    expect(unified.value).not.toBe(own.value);
    expect(app.source('unified_access_token', OA.corpId)).toBe(app.unifiedAccessToken());
    expect(app.source('unified_access_token', 'dingother')?.key).toBe(app.unifiedAccessToken('dingother').key);
    expect(unified.expiresAt).toBe(there.clock.now() + 7_200_000);
  });

  it.each([['an organisation it is not of', OA.corpId.replace('corp', 'nobody'), 'ERR_TOKEN_BUSY', 'unknownError']])(
    'of %s is asked for with distance, not in a loop',
    async (_what, corpId, code, platformCode) => {
      const { app, manager } = setUp();
      const error = await failureFrom(manager.get(app.unifiedAccessToken(corpId)));
      expect(error).toMatchObject({ code, platformCode, subject: corpId });
      await Promise.all(Array.from({ length: 50 }, () => failureFrom(manager.get(app.unifiedAccessToken(corpId)))));
      expect(there.calls(path)).toBe(1);
    },
  );

  it('needs an organisation and an app key', () => {
    expect(() => appIn(there, { corpId: undefined }).unifiedAccessToken()).toThrow(/"corpId" must name/);
  });
});
