import type { TokenSource } from '@evertoken/core';
import { createSandbox, type Sandbox, type WeChatAccount } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';
import { failureOf, NOON, request } from './support.js';

const SECRET = 'sandbox-secret';
const MINUTE = 60_000;

let sandbox: Sandbox;

/** One platform account per way of answering that the documents and reports tell of. */
const ACCOUNTS: readonly WeChatAccount[] = [
  { appId: 'wxplain', secret: SECRET },
  { appId: 'wxproxied', secret: SECRET, textPlain: true, omit: ['errcode'] },
  { appId: 'wxnoend', secret: SECRET, omit: ['expires_in'] },
  { appId: 'wxlisted', secret: SECRET, ipAllowList: ['203.0.113.1'] },
  { appId: 'wxspent', secret: SECRET, dailyStableQuota: 0 },
  { appId: 'wxhasty', secret: SECRET, minuteStableQuota: 0 },
  { appId: 'wxmini', secret: SECRET, kind: 'miniProgram' },
];

beforeEach(async () => {
  sandbox = await createSandbox({ clock: { now: () => NOON }, wechat: ACCOUNTS });
});
afterEach(() => sandbox.close());

describe('against the sandbox', () => {
  it.each(['wxplain', 'wxproxied'])('%s gives a token and both tickets', async (appId) => {
    const { accessToken, jsapiTicket, cardTicket } = account(appId);
    const token = await issue(accessToken);
    expect(token.lifetimeMs).toBe(120 * MINUTE);
    const tickets = [await issue(jsapiTicket, token.value), await issue(cardTicket, token.value)];
    expect(tickets.map(({ lifetimeMs }) => lifetimeMs)).toEqual([120 * MINUTE, 120 * MINUTE]);
    expect(new Set(tickets.map(({ value }) => value)).size).toBe(2);
  });

  it('stable_token gives the same token with what is left of it, and a new one in the last five minutes', async () => {
    const { accessToken } = account('wxplain');
    const first = await issue(accessToken);
    sandbox.advance(60 * MINUTE);
    expect(await issue(accessToken)).toEqual({ value: first.value, lifetimeMs: 60 * MINUTE });
    sandbox.advance(55 * MINUTE);
    const second = await issue(accessToken);
    expect(second.value).not.toBe(first.value);
    expect(second.lifetimeMs).toBe(120 * MINUTE);
  });

  it('token gives a new one each time, and leaves the other endpoint’s alone', async () => {
    const stable = await issue(account('wxplain').accessToken);
    const legacy = account('wxplain', 'token').accessToken;
    const values = new Set([(await issue(legacy)).value, (await issue(legacy)).value, stable.value]);
    expect(values.size).toBe(3);
    expect(await issue(account('wxplain').accessToken)).toEqual(stable);
  });

  it('a mini program gives a token', async () => {
    const app = miniProgram({ name: 'app', appId: 'wxmini', secret: SECRET, baseUrl: sandbox.urls.wechat });
    expect((await issue(app.accessToken)).lifetimeMs).toBe(120 * MINUTE);
  });

  it('a dead access token fails its ticket by the parent', async () => {
    const { accessToken, jsapiTicket } = account('wxplain');
    const { value } = await issue(accessToken);
    sandbox.wechat.revoke('wxplain');
    expect(await failureOf(issue(jsapiTicket, value))).toMatchObject({ name: 'ParentRejected', value });
  });

  it.each([
    ['a wrong secret', 'wxplain', { secret: 'another' }, 'ERR_TOKEN_REFUSED', '40125', undefined],
    ['an unknown app id', 'wxnobody', {}, 'ERR_TOKEN_REFUSED', '40013', undefined],
    ['a strange address', 'wxlisted', {}, 'ERR_TOKEN_REFUSED', '40164', undefined],
    ['a used-up day', 'wxspent', {}, 'ERR_TOKEN_QUOTA', '45009', Date.UTC(2026, 10, 20, 16)],
    ['a used-up minute', 'wxhasty', {}, 'ERR_TOKEN_QUOTA', '45011', NOON + MINUTE],
  ])('%s is told apart', async (_, appId, options, code, platformCode, retryAt) => {
    const { accessToken } = officialAccount({
      name: 'shop',
      appId,
      secret: SECRET,
      baseUrl: sandbox.urls.wechat,
      ...options,
    });
    const error = await failureOf(issue(accessToken));
    expect(error).toMatchObject({ code, platformCode });
    expect(error).toMatchObject({ requestId: expect.stringMatching(/^[\w-]+$/) as string });
    expect((error as { retryAt?: number }).retryAt).toBe(retryAt);
  });

  it('a token without an end is a malformed answer', async () => {
    expect(await failureOf(issue(account('wxnoend').accessToken))).toMatchObject({ reason: 'malformed' });
  });

  it.each([
    [{ kind: 'drop' }, 'ERR_TOKEN_TRANSPORT'],
    [{ kind: 'malformed' }, 'ERR_TOKEN_TRANSPORT'],
    [{ kind: 'html' }, 'ERR_TOKEN_TRANSPORT'],
    [{ kind: 'status', status: 502 }, 'ERR_TOKEN_TRANSPORT'],
    [{ kind: 'busy' }, 'ERR_TOKEN_BUSY'],
    [{ kind: 'code', code: 89503 }, 'ERR_TOKEN_REFUSED'],
    [{ kind: 'code', code: 50007 }, 'ERR_TOKEN_SUSPENDED'],
  ] as const)('the fault %j becomes %s', async (fault, code) => {
    sandbox.fault({ platform: 'wechat', ...fault });
    expect(await failureOf(issue(account('wxplain').accessToken))).toMatchObject({ code, account: 'shop' });
  });
});

function account(appId: string, endpoint: 'stable_token' | 'token' = 'stable_token') {
  return officialAccount({ name: 'shop', appId, secret: SECRET, endpoint, baseUrl: sandbox.urls.wechat });
}

function issue(source: TokenSource, ...parents: string[]) {
  return source.issue(request(fetch, { parents, now: sandbox.now() }));
}
