import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { DINGTALK, HOUR, postRaw, SECOND, startSandbox } from '../support.js';
import { startApp } from './push-support.js';
import { connect } from './stream-support.js';
import { api, CORP_ID, corpToken, LAN, OTHER_CORP_ID, oapi, SUITE, startSuite, suiteToken } from './suite-support.js';
import { getToken } from './support.js';

const { suiteKey } = SUITE;
const { appKey } = DINGTALK;

async function control(sandbox: Sandbox, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await postRaw(`${sandbox.url}/_sandbox/${path}`, body);
  return { status: response.status, ...((await response.json()) as object) };
}

/** The controls that were reached, by their outcome, so that a list of all of them can be compared. */
const CONTROLS: readonly [path: string, body: object, told: object][] = [
  ['dingtalk/switches', { appKey, expiresIn: 60 }, {}],
  ['dingtalk/kill-token', { client: appKey, kind: 'app', keepReturningSame: true }, {}],
  ['dingtalk/kill-ticket', { appKey }, {}],
  ['dingtalk/secret', { client: appKey, secret: 'other' }, { secret: 'other' }],
  ['dingtalk/exhaust-quota', { client: appKey }, {}],
  ['dingtalk/user-code', { client: appKey, unionId: LAN, corp: true }, { authCode: expect.any(String) }],
  ['dingtalk/scan-code', { client: appKey }, { code: expect.any(String) }],
  ['dingtalk/sso-code', { client: appKey }, { code: expect.any(String) }],
  ['dingtalk/end-user', { client: appKey, unionId: LAN }, {}],
  ['dingtalk/limits', { addressCalls: 5 }, {}],
  ['dingtalk/ban-address', { ip: '203.0.113.1' }, {}],
  ['dingtalk/unban-address', { ip: '203.0.113.1' }, {}],
  ['dingtalk/event', { appKey, event: { EventType: 'user_add_org' } }, {}],
  ['dingtalk/ping-streams', { client: appKey }, { echoes: 0 }],
  ['dingtalk/disconnect-streams', { client: appKey, afterMs: 1 }, {}],
  ['dingtalk/cut-streams', { client: appKey }, {}],
  ['dingtalk-suite/switches', { suiteKey, bareSuccess: true }, {}],
  ['dingtalk-suite/ticket', { suiteKey }, { ticket: expect.any(String), at: expect.any(Number) }],
  ['dingtalk-suite/push-ticket', { suiteKey, ticket: 'new' }, { ticket: expect.any(String) }],
  ['dingtalk-suite/current-ticket', { suiteKey }, { ticket: expect.any(String) }],
  ['dingtalk-suite/authorize', { suiteKey, corp: OTHER_CORP_ID, push: false }, { tmpAuthCode: expect.any(String) }],
  ['dingtalk-suite/change', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/stop', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/restore', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/remove', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/cancel', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/repeat-event', { suiteKey, event: 'cancelled' }, {}],
  ['dingtalk-suite/event', { suiteKey, event: { EventType: 'other' } }, {}],
  ['dingtalk-suite/kill-token', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/kill-ticket', { suiteKey, corpId: CORP_ID }, {}],
  ['dingtalk-suite/callback', { suiteKey, callbackUrl: 'http://127.0.0.1:9/' }, {}],
];

describe('over HTTP', () => {
  it('every control is there, and checks what it is given', async () => {
    const sandbox = await startSandbox();
    sandbox.dingtalkSuite.change(suiteKey, CORP_ID, { push: false });
    for (const [path, body, told] of CONTROLS) {
      expect([path, await control(sandbox, path, body)]).toEqual([
        path,
        expect.objectContaining({ status: 200, ...told }),
      ]);
      expect([path, await control(sandbox, path, { ...body, strange: 1 })]).toEqual([
        path,
        { status: 400, error: expect.stringContaining('"strange"') },
      ]);
    }
    const app = await startApp();
    await control(sandbox, 'dingtalk-suite/callback', { suiteKey, callbackUrl: app.url });
    expect(await control(sandbox, 'dingtalk-suite/check-url', { suiteKey })).toMatchObject({
      check: { event: 'check_url', outcome: 'success' },
    });
    await control(sandbox, 'dingtalk-suite/repeat-together', { suiteKey, count: 2 });
    const { token, encodingAESKey } = SUITE;
    const own = await startApp({ token, encodingAESKey, receiveId: appKey });
    const callback = { url: own.url, token, encodingAESKey };
    await control(sandbox, 'dingtalk/callback', { appKey, callback });
    expect(await control(sandbox, 'dingtalk/check-url', { appKey })).toMatchObject({ check: { outcome: 'success' } });
    const actions = (await (await fetch(`${sandbox.url}/_sandbox`)).json()) as { actions: string[] };
    const tried = [...CONTROLS.map(([path]) => path), 'dingtalk-suite/check-url', 'dingtalk-suite/repeat-together'];
    expect(actions.actions.filter((action) => action.includes('/dingtalk')).sort()).toEqual(
      [...tried, 'dingtalk/callback', 'dingtalk/check-url'].map((path) => `POST /_sandbox/${path}`).sort(),
    );
  });

  it.each([
    ['dingtalk/switches', { appKey, expiresIn: 0 }, '"expiresIn"'],
    ['dingtalk/switches', { appKey, userRefresh: 'never' }, '"userRefresh"'],
    ['dingtalk/switches', { appKey, ipAllowList: 'all' }, '"ipAllowList"'],
    ['dingtalk/switches', { appKey: 'nobody' }, '"appKey"'],
    ['dingtalk/user-code', { client: 'nobody' }, '"client"'],
    ['dingtalk/user-code', { client: appKey, unionId: 'nobody' }, '"unionId"'],
    ['dingtalk/kill-token', { client: appKey, kind: 'all' }, '"kind"'],
    ['dingtalk/limits', { banForm: 'xml' }, '"banForm"'],
    ['dingtalk/callback', { appKey, callback: { url: 'nowhere' } }, '"url"'],
    ['dingtalk-suite/switches', { suiteKey, pushMode: 'rds' }, '"pushMode"'],
    ['dingtalk-suite/switches', { suiteKey: 'nobody' }, '"suiteKey"'],
    ['dingtalk-suite/change', { suiteKey, corpId: 'nobody' }, '"corpId"'],
    ['dingtalk-suite/change', { suiteKey, corpId: CORP_ID, at: 'now' }, '"at"'],
    ['dingtalk-suite/push-ticket', { suiteKey, ticket: 'best' }, '"ticket"'],
    ['dingtalk-suite/authorize', { suiteKey, corp: { corpId: '' } }, '"corpId"'],
  ])('%s %j is refused', async (path, body, message) => {
    const sandbox = await startSandbox();
    const answer = await control(sandbox, path, body);
    expect(answer).toEqual({ status: 400, error: expect.stringContaining(message) });
  });
});

describe('the accounts', () => {
  it.each([
    [{ dingtalk: [{ ...DINGTALK, users: [{ unionId: '' }] }] }, '"unionId"'],
    [{ dingtalk: [{ ...DINGTALK, users: [{ unionId: 'a' }, { unionId: 'a' }] }] }, '"unionId"'],
    [{ dingtalk: [{ ...DINGTALK, strange: 1 }] }, '"strange"'],
    [{ dingtalkSuites: [{ ...SUITE, encodingAESKey: 'short' }] }, '"encodingAESKey"'],
    [{ dingtalkSuites: [{ ...SUITE, callbackUrl: 'nowhere' }] }, '"callbackUrl"'],
    [{ dingtalkSuites: [{ ...SUITE, corps: [{ corpId: 'a' }, { corpId: 'a' }] }] }, '"corps"'],
    [{ dingtalkSuites: [{ ...SUITE, suiteTicketEveryMs: -1 }] }, '"suiteTicketEveryMs"'],
    [{ dingtalkSuites: [{ ...SUITE, suiteKey: DINGTALK.appKey }] }, '"appKey"'],
  ])('%j are refused', async (options, message) => {
    await expect(startSandbox(options)).rejects.toThrow(message);
  });
});

it('nothing that is told holds a token, a ticket, a code or a secret', async () => {
  const app = await startApp();
  const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy', suiteTicketEveryMs: 5 * HOUR });
  const client = { clientId: appKey, clientSecret: DINGTALK.appSecret };
  const stream = await connect(sandbox, undefined, client);
  const { tmpAuthCode } = sandbox.dingtalkSuite.authorize(suiteKey, OTHER_CORP_ID);
  const code = sandbox.dingtalk.userCode(appKey);
  const exchanged = { ...client, grantType: 'authorization_code', code };
  const user = (await api(sandbox, 'POST', '/v1.0/oauth2/userAccessToken', exchanged)).body;
  const access = (await getToken(sandbox)).access_token;
  const corp = (await corpToken(sandbox)).access_token;
  const suite = (await suiteToken(sandbox)).suite_access_token;
  const { ticket } = await oapi(sandbox, '/get_jsapi_ticket', { access_token: corp });
  const ticketNow = sandbox.dingtalkSuite.currentTicket(suiteKey)?.ticket ?? '';
  await sandbox.pushes();
  const told = JSON.stringify([sandbox.calls(), sandbox.state(), sandbox.pushLog()]);
  expect(sandbox.pushLog().map(({ outcome }) => outcome)).toEqual(['success', 'success']);
  const secrets = [DINGTALK.appSecret, DINGTALK.ssoSecret, SUITE.suiteSecret, SUITE.token, SUITE.encodingAESKey];
  const values = [tmpAuthCode, code, user.accessToken, user.refreshToken, access, corp, suite, ticket, ticketNow];
  for (const value of [...secrets, ...values, stream.ticket]) {
    expect(value).toEqual(expect.stringMatching(/^.{8,}$/));
    expect(told).not.toContain(value);
  }
});

it('a reset brings back organisations, switches, keys, tickets and users', async () => {
  const sandbox = await startSuite({ suiteTicketEveryMs: 0 });
  const before = sandbox.state().dingtalkSuites;
  const token = (await corpToken(sandbox, CORP_ID, { suiteTicket: sandbox.dingtalkSuite.issueTicket(suiteKey).ticket }))
    .access_token;
  sandbox.dingtalkSuite.authorize(suiteKey, 'third');
  sandbox.dingtalkSuite.configure(suiteKey, { anySuiteTicket: true });
  sandbox.dingtalkSuite.setCallback(suiteKey, { token: 'other' });
  sandbox.dingtalk.resetSecret(suiteKey);
  sandbox.advance(SECOND);
  sandbox.reset();
  expect(sandbox.state().dingtalkSuites).toEqual(before);
  expect((await oapi(sandbox, '/user/get', { access_token: token, userid: 'u1' })).errcode).toBe(40014);
  expect((await suiteToken(sandbox, { suite_ticket: 'any' })).errcode).toBe(40085);
});
