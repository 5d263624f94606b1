import { describe, expect, it } from 'vitest';
import type { DingTalkAccount, Sandbox } from '../../src/index.js';
import { DAY, DINGTALK, getJson, HOUR, MINUTE, postRaw, SECOND, startSandbox } from '../support.js';
import {
  api,
  CORP_ID,
  corpToken,
  oapi,
  REFUSED,
  SUITE,
  startSuite,
  suiteToken,
  WORKS,
  works,
} from './suite-support.js';
import { accessToken, contactUser, getToken, plainUser, topUser } from './support.js';

function start(changes: Partial<DingTalkAccount> = {}): Promise<Sandbox> {
  return startSandbox({ dingtalk: [{ ...DINGTALK, ...changes }] });
}

function robotSend(sandbox: Sandbox, token: string) {
  return api(sandbox, 'POST', '/v1.0/robot/oToMessages/batchSend', { userIds: ['u1'] }, token);
}

describe('an address that calls too often', () => {
  it('is banned on both hosts for five minutes, whoever it calls for', async () => {
    const sandbox = await start();
    const { access_token: token } = await getToken(sandbox);
    sandbox.dingtalk.limit({ addressCalls: 3 });
    expect((await plainUser(sandbox, token)).errcode).toBe(0);
    expect((await contactUser(sandbox, token)).status).toBe(200);
    const banned = { status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: expect.any(String) };
    expect(await plainUser(sandbox, token)).toEqual(banned);
    expect(await (await contactUser(sandbox, token)).json()).toEqual(banned);
    expect(await getToken(sandbox)).toEqual(banned);
    sandbox.advance(5 * MINUTE - 1);
    expect(await getToken(sandbox)).toEqual(banned);
    sandbox.advance(1);
    expect((await getToken(sandbox)).errcode).toBe(0);
    expect(sandbox.calls({ outcome: '1111' })).toHaveLength(4);
  });

  it('may call 10 000 times in 20 seconds', async () => {
    const sandbox = await start();
    expect(sandbox.state().dingtalkLimits).toMatchObject({ addressCalls: 10_000, addressWindowMs: 20_000, banned: [] });
    sandbox.dingtalk.limit({ addressCalls: 2 });
    for (let i = 0; i < 3; i += 1) {
      expect((await getToken(sandbox)).errcode).toBe(0);
      expect((await getToken(sandbox)).errcode).toBe(0);
      sandbox.advance(20 * SECOND);
    }
  });

  it('gets a page where the limits say so, and is let in again by hand', async () => {
    const sandbox = await start();
    sandbox.dingtalk.limit({ banForm: 'html', banStatus: 403 });
    sandbox.dingtalk.banAddress('127.0.0.1');
    expect(sandbox.state().dingtalkLimits.banned).toEqual(['127.0.0.1']);
    const response = await fetch(`${sandbox.urls.dingtalkOapi}/gettoken`);
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toContain('text/html');
    sandbox.dingtalk.unbanAddress('127.0.0.1');
    expect((await getToken(sandbox)).errcode).toBe(0);
    sandbox.dingtalk.banAddress('127.0.0.1');
    sandbox.reset();
    expect((await getToken(sandbox)).errcode).toBe(0);
  });
});

describe('calls of a second', () => {
  it('are counted by path, in both spellings of the error', async () => {
    const sandbox = await start({ callsPerSecond: 1 });
    const { access_token: token } = await getToken(sandbox);
    expect((await topUser(sandbox, token)).errcode).toBe(0);
    expect(await topUser(sandbox, token)).toMatchObject({ errcode: 88, sub_code: '90018' });
    expect((await plainUser(sandbox, token)).errcode).toBe(0);
    expect((await plainUser(sandbox, token)).errcode).toBe(90018);
    expect((await robotSend(sandbox, token)).status).toBe(200);
    expect(await robotSend(sandbox, token)).toMatchObject({
      status: 403,
      body: { code: 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi' },
    });
    sandbox.advance(SECOND);
    expect((await topUser(sandbox, token)).errcode).toBe(0);
    expect((await getToken(sandbox)).errcode).toBe(0);
  });

  it('are counted by organisation for a suite', async () => {
    const sandbox = await startSuite({ callsPerSecond: 1, corps: [{ corpId: CORP_ID }, { corpId: 'other' }] });
    const token = (await corpToken(sandbox)).access_token;
    const other = (await corpToken(sandbox, 'other')).access_token;
    expect((await robotSend(sandbox, token)).status).toBe(200);
    expect((await robotSend(sandbox, other)).status).toBe(200);
    expect((await robotSend(sandbox, token)).body.code).toBe('Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi');
  });

  it('are limited for token endpoints, and for everybody together, where the switches say so', async () => {
    const sandbox = await start({ tokenCallsPerSecond: 1 });
    const { access_token: token } = await getToken(sandbox);
    expect((await getToken(sandbox)).errcode).toBe(90018);
    await accessToken(sandbox);
    expect((await accessToken(sandbox)).code).toBe('Forbidden.AccessDenied.QpsLimitForAppkeyAndApi');
    sandbox.dingtalk.limit({ pathCallsPerSecond: 1 });
    await topUser(sandbox, token);
    expect((await topUser(sandbox, token)).sub_code).toBe('90002');
    await contactUser(sandbox, token);
    expect(await (await contactUser(sandbox, token)).json()).toMatchObject({
      code: 'Forbidden.AccessDenied.QpsLimitForApi',
    });
  });
});

describe('calls of a month', () => {
  it('end with 90020 and ApiCountLimitForOrg, tokens, tickets and contacts excepted', async () => {
    const sandbox = await start({ monthlyCalls: 2 });
    const { access_token: token } = await getToken(sandbox);
    await getJson(`${sandbox.urls.dingtalkOapi}/get_jsapi_ticket?access_token=${token}`);
    expect((await plainUser(sandbox, token)).errcode).toBe(0);
    expect((await robotSend(sandbox, token)).status).toBe(200);
    expect((await plainUser(sandbox, token)).errcode).toBe(90020);
    expect(await topUser(sandbox, token)).toMatchObject({ errcode: 88, sub_code: '90020' });
    expect(await robotSend(sandbox, token)).toMatchObject({
      status: 403,
      body: { code: 'Forbidden.AccessDenied.ApiCountLimitForOrg' },
    });
    expect((await contactUser(sandbox, token)).status).toBe(200);
    expect(sandbox.state().dingtalk[0]?.callsThisMonth).toEqual({ [DINGTALK.corpId]: 2 });
    sandbox.advance(30 * DAY);
    expect((await plainUser(sandbox, (await getToken(sandbox)).access_token)).errcode).toBe(0);
  });

  it('can be used up by hand', async () => {
    const sandbox = await startSuite();
    const token = (await corpToken(sandbox)).access_token;
    sandbox.dingtalk.exhaustQuota(SUITE.suiteKey, CORP_ID);
    expect((await oapi(sandbox, '/user/get', { access_token: token, userid: 'u1' })).errcode).toBe(90020);
    expect((await corpToken(sandbox)).errcode).toBe(0);
    expect(sandbox.state().dingtalkSuites[0]?.callsThisMonth).toEqual({ [CORP_ID]: null });
  });
});

describe('the allow list', () => {
  it.each([
    [['127.0.0.*'], true],
    [['*.1'], true],
    [['127.0.0.10'], false],
    [['10.*', '203.0.113.1'], false],
  ])('%j lets 127.0.0.1 in: %s', async (ipAllowList, isIn) => {
    const sandbox = await start({ ipAllowList });
    const { access_token: token } = await getToken(sandbox);
    expect((await plainUser(sandbox, token)).errcode).toBe(isIn ? 0 : 60020);
  });

  it('can be set while the sandbox runs, guards suites, and token endpoints where the switch says so', async () => {
    const sandbox = await startSuite();
    const token = (await corpToken(sandbox)).access_token;
    const guarded = { ipAllowList: ['203.0.113.1'] };
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, guarded);
    expect(await works(sandbox, token)).toEqual(['60020', 60020, 'Forbidden.AccessDenied.IpNotInWhiteList']);
    expect((await suiteToken(sandbox)).errcode).toBe(0);
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { ipListGuardsTokens: true });
    expect((await suiteToken(sandbox)).errcode).toBe(60020);
    sandbox.dingtalk.configure(DINGTALK.appKey, { ...guarded, ipListGuardsTokens: true });
    expect((await accessToken(sandbox)).code).toBe('Forbidden.AccessDenied.IpNotInWhiteList');
    sandbox.reset();
    expect((await accessToken(sandbox)).accessToken).toEqual(expect.any(String));
  });
});

describe('a secret that is reset', () => {
  it.each([
    [false, WORKS],
    [true, REFUSED],
  ])('ends living tokens: %s', async (endTokens, expected) => {
    const sandbox = await startSandbox();
    const { access_token: token } = await getToken(sandbox);
    const secret = sandbox.dingtalk.resetSecret(DINGTALK.appKey, { endTokens });
    expect(await works(sandbox, token)).toEqual(expected);
    expect((await getToken(sandbox)).errcode).toBe(40096);
    expect((await getToken(sandbox, { appkey: DINGTALK.appKey, appsecret: secret })).errcode).toBe(0);
    const suiteSide = (await corpToken(sandbox)).access_token;
    sandbox.dingtalk.resetSecret(SUITE.suiteKey, { secret: 'other', endTokens });
    expect(await works(sandbox, suiteSide)).toEqual(expected);
    expect((await corpToken(sandbox)).errcode).toBe(853004);
    expect((await suiteToken(sandbox, { suite_secret: 'other' })).errcode).toBe(0);
  });
});

describe('a killed ticket', () => {
  it('is replaced by the next call, of an app and of a suite', async () => {
    const sandbox = await startSandbox();
    const fetchTicket = async (access_token: string) =>
      (await oapi(sandbox, '/get_jsapi_ticket', { access_token })).ticket;
    const app = (await getToken(sandbox)).access_token;
    const corp = (await corpToken(sandbox)).access_token;
    const before = [await fetchTicket(app), await fetchTicket(corp)];
    expect([await fetchTicket(app), await fetchTicket(corp)]).toEqual(before);
    sandbox.dingtalk.killTicket(DINGTALK.appKey);
    sandbox.dingtalkSuite.killTicket(SUITE.suiteKey, CORP_ID);
    expect(await fetchTicket(app)).not.toBe(before[0]);
    expect(await fetchTicket(corp)).not.toBe(before[1]);
    sandbox.dingtalk.configure(DINGTALK.appKey, { ticketRepeat: 'new' });
    const other = await fetchTicket(app);
    expect(await fetchTicket(app)).not.toBe(other);
  });
});

describe('faults on both hosts', () => {
  it.each([
    ['-1', { errcode: -1 }],
    ['15', { errcode: 15, sub_code: 'isp.top-remote-connection-timeout' }],
    ['88', { errcode: 88, sub_code: '' }],
    ['90018', { errcode: 88, sub_code: '90018' }],
    ['90002', { errcode: 88, sub_code: '90002' }],
    ['60011', { errcode: 88, sub_code: '60011' }],
    ['1111', { status: 1111, punish: 'deny' }],
  ])('%s through topapi', async (code, expected) => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'code', code });
    expect(await topUser(sandbox, 'any')).toMatchObject(expected);
  });

  it.each([
    ['Forbidden.AccessDenied.QpsLimitForApi', 403],
    ['Forbidden.AccessDenied.QpmLimitForAppkeyAndApi', 403],
    ['qps.exceed.limit', 400],
    ['systemBusy', 500],
    ['invalidSuiteTicket', 400],
    ['accesstoken.expired', 400],
  ])('%s through the new host', async (code, status) => {
    const sandbox = await startSandbox();
    sandbox.fault({ kind: 'code', code, platform: 'dingtalk' });
    expect(await contactUser(sandbox, 'any').then((response) => response.status)).toBe(status);
  });

  it('hit one organisation of a suite', async () => {
    const sandbox = await startSuite({ corps: [{ corpId: CORP_ID }, { corpId: 'other' }] });
    sandbox.fault({ kind: 'status', status: 504, subject: 'other', endpoint: '/service/get_corp_token' });
    expect((await corpToken(sandbox)).errcode).toBe(0);
    await expect(corpToken(sandbox, 'other')).rejects.toThrow();
    expect((await corpToken(sandbox, 'other')).errcode).toBe(0);
  });
});

it('forms are refused by every endpoint of the new host that wants a body', async () => {
  const sandbox = await startSandbox();
  for (const name of ['accessToken', 'suiteAccessToken', 'corpAccessToken', 'userAccessToken', 'ssoAccessToken']) {
    const url = `${sandbox.urls.dingtalkApi}/v1.0/oauth2/${name}`;
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
    expect([name, response.status, await response.json()]).toMatchObject([name, 400, { code: 'Missingbody' }]);
    expect((await postRaw(url, {})).status).toBe(400);
  }
});

it('lifetimes are missing or zero in every answer of a suite where the switch says so', async () => {
  const sandbox = await startSuite({ lifetimeField: 'zero' });
  expect((await corpToken(sandbox)).expires_in).toBe(0);
  expect((await suiteToken(sandbox)).expires_in).toBe(0);
  sandbox.dingtalkSuite.configure(SUITE.suiteKey, { lifetimeField: 'missing' });
  expect(await corpToken(sandbox)).not.toHaveProperty('expires_in');
  sandbox.dingtalkSuite.configure(SUITE.suiteKey, { lifetimeField: 'normal', expiresIn: 60 });
  const token = (await corpToken(sandbox)).access_token;
  sandbox.advance(HOUR);
  expect(await works(sandbox, token)).toEqual(REFUSED);
});
