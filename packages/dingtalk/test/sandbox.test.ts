import { ParentRejected, parseTokenKey } from '@evertoken/core';
import {
  createSandbox,
  type DingTalkAccount,
  type FaultRule,
  SANDBOX_ACCOUNTS,
  type Sandbox,
} from '@evertoken/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DingTalkError, dingTalkApp } from '../src/index.js';
import { failureFrom, fakeTokens, issueRequest, NOW } from './support.js';

const { appKey, appSecret, corpId, corpSecret } = SANDBOX_ACCOUNTS.dingtalk;
const without = (field: Pick<DingTalkAccount, 'lifetimeField'>, name: string) => ({
  appKey: name,
  appSecret: 's',
  ...field,
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({
    dingtalk: [
      SANDBOX_ACCOUNTS.dingtalk,
      without({ lifetimeField: 'missing' }, 'dingmissing'),
      without({ lifetimeField: 'zero' }, 'dingzero'),
      { appKey: 'dingstrict', appSecret: 's', ipAllowList: ['192.0.2.1'] },
    ],
  });
});
afterEach(() => sandbox.reset());
afterAll(() => sandbox.close());

function baseUrls() {
  return { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi };
}

const FORMS = {
  'the new API': () => dingTalkApp({ name: 'oa', appKey, appSecret, baseUrls: baseUrls() }),
  'the old API': () => dingTalkApp({ name: 'oa', appKey, appSecret, api: 'legacy', baseUrls: baseUrls() }),
  'the oldest form': () => dingTalkApp({ name: 'oa', corpId, corpSecret, baseUrls: baseUrls() }),
};
const request = (...parents: string[]) => issueRequest(fetch, parents);

describe.each(Object.entries(FORMS))('%s', (form, make) => {
  it('gives a token that works on both hosts, the same again when asked again', async () => {
    const app = make();
    const { value, lifetimeMs } = await app.accessToken.issue(request());
    expect(lifetimeMs).toBe(7_200_000);
    expect((await app.accessToken.issue(request())).value).toBe(value);
    const client = app.client(fakeTokens(value));
    await expect(client.api.get('/v1.0/contact/users/u1')).resolves.toMatchObject({ unionId: 'u1' });
    await expect(client.oapi.get('/user/get', { query: { userid: 'u1' } })).resolves.toMatchObject({ userid: 'u1' });
    await expect(client.oapi.post('/topapi/v2/user/get', { userid: 'u1' })).resolves.toMatchObject({
      result: { userid: 'u1' },
    });
  });

  it('gives a ticket for a living token, and says so where the token is dead', async () => {
    const app = make();
    const { value } = await app.accessToken.issue(request());
    const ticket = await app.jsapiTicket.issue(request(value));
    expect(ticket).toEqual({ value: expect.any(String), lifetimeMs: 7_200_000 });
    expect((await app.jsapiTicket.issue(request(value))).value).toBe(ticket.value);
    sandbox.dingtalk.revoke(appKey);
    const error = await failureFrom(app.jsapiTicket.issue(request(value)));
    expect(error).toBeInstanceOf(ParentRejected);
    expect(error).toMatchObject({ value, platformCode: form === 'the new API' ? 'InvalidAuthentication' : '40014' });
  });

  it.each<[FaultRule, object]>([
    [{ kind: 'busy' }, { code: 'ERR_TOKEN_BUSY', retryAt: NOW + 1500 }],
    [{ kind: 'maintenance' }, { code: 'ERR_TOKEN_BUSY' }],
    [{ kind: 'html' }, { code: 'ERR_TOKEN_BUSY', reason: 'banned', retryAt: NOW + 300_000 }],
    [
      { kind: 'code', code: 1111 },
      { code: 'ERR_TOKEN_BUSY', reason: 'banned', platformCode: '1111' },
    ],
    [
      { kind: 'html', status: 503 },
      { code: 'ERR_TOKEN_BUSY', retryAt: NOW + 1500 },
    ],
    [{ kind: 'status', status: 504 }, { code: 'ERR_TOKEN_BUSY' }],
    [{ kind: 'malformed' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' }],
    [{ kind: 'drop' }, { code: 'ERR_TOKEN_TRANSPORT', reason: 'network' }],
  ])('survives %j', async (rule, expected) => {
    const app = make();
    sandbox.fault({ ...rule, platform: 'dingtalk' });
    expect(await failureFrom(app.accessToken.issue(request()))).toMatchObject({
      account: 'oa',
      kind: 'access_token',
      retryable: true,
      ...expected,
    });
    // A ban is over by then.
    const later = { ...request(), now: () => NOW + 300_000 };
    await expect(app.accessToken.issue(later)).resolves.toMatchObject({ lifetimeMs: 7_200_000 });
  });
});

it.each([
  [{ appKey, appSecret: 'wrong' }, 'invalidClientIdOrSecret'],
  [{ appKey: 'nobody', appSecret }, 'invalidClientIdOrSecret'],
  [{ appKey, appSecret: 'wrong', api: 'legacy' as const }, '40096'],
  [{ corpId: 'nobody', corpSecret }, '40013'],
  [{ corpId, corpSecret: 'wrong' }, '40001'],
])('is refused with credentials the platform does not know (%j)', async (credentials, platformCode) => {
  const app = dingTalkApp({ name: 'oa', ...credentials, baseUrls: baseUrls() });
  const error = await failureFrom(app.accessToken.issue(request()));
  expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', retryable: false, platformCode });
});

it.each(['dingmissing', 'dingzero'])(
  'takes two hours for the lifetime where the answer names none (%s)',
  async (key) => {
    for (const api of ['v1', 'legacy'] as const) {
      const app = dingTalkApp({ name: 'oa', appKey: key, appSecret: 's', api, baseUrls: baseUrls() });
      expect(await app.accessToken.issue(request())).toMatchObject({ lifetimeMs: 7_200_000 });
    }
  },
);

it('tells an address that is not on the list from a dead token', async () => {
  const app = dingTalkApp({ name: 'strict', appKey: 'dingstrict', appSecret: 's', baseUrls: baseUrls() });
  const { value } = await app.accessToken.issue(request());
  const tokens = fakeTokens(value);
  for (const [call, code] of [
    [app.client(tokens).api.get('/v1.0/contact/users/u1'), 'Forbidden.AccessDenied.IpNotInWhiteList'],
    [app.client(tokens).oapi.post('/topapi/v2/user/get', { userid: 'u1' }), '60020'],
  ] as const) {
    const error = await failureFrom(call);
    expect(error).toBeInstanceOf(DingTalkError);
    expect(error).toMatchObject({ code, retryable: false });
  }
  expect(tokens.rejections).toEqual([]);
  expect(await failureFrom(app.jsapiTicket.issue(request(value)))).toMatchObject({ code: 'ERR_TOKEN_REFUSED' });
});

it('tells a path that does not exist from a success, on both hosts', async () => {
  const app = FORMS['the new API']();
  const client = app.client(fakeTokens((await app.accessToken.issue(request())).value));
  expect(await failureFrom(client.api.get('/v1.0/nothing'))).toMatchObject({ code: '404', httpStatus: 200 });
  expect(await failureFrom(client.oapi.get('/nothing'))).toMatchObject({ code: '22', httpStatus: 200 });
});

it('keys its tokens by what the platform tells apart', () => {
  expect(parseTokenKey(FORMS['the old API']().accessToken.key)).toEqual({
    platform: 'dingtalk',
    id: appKey,
    kind: 'access_token',
  });
  expect(parseTokenKey(FORMS['the oldest form']().accessToken.key).id).toMatch(
    new RegExp(`^${corpId}\\.[0-9a-f]{16}$`),
  );
});
