import { TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DingTalkApp, dingTalkApp, jsApiSignature } from '../src/index.js';
import { failureFrom } from './support.js';

const { appKey, appSecret, corpId, corpSecret } = SANDBOX_ACCOUNTS.dingtalk;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const clock = new ManualClock();
let sandbox: Sandbox;
let manager: TokenManager;
let app: DingTalkApp;

beforeAll(async () => {
  sandbox = await createSandbox({ clock: { now: clock.now } });
});
afterAll(() => sandbox.close());

const FORMS = {
  v1: () => ({ appKey, appSecret }),
  legacy: () => ({ appKey, appSecret, api: 'legacy' as const }),
  'oldest form': () => ({ corpId, corpSecret }),
};
const TOKENS = ['/v1.0/oauth2/accessToken', '/gettoken'];
const TICKETS = ['/v1.0/oauth2/jsapiTickets', '/get_jsapi_ticket'];
const callsTo = (endpoints: string[]) => sandbox.calls().filter(({ endpoint }) => endpoints.includes(endpoint));
const ask = () => app.client(manager).api.get('/v1.0/contact/users/u1');
const askOld = () => app.client(manager).oapi.post('/topapi/v2/user/get', { userid: 'u1' });

describe.each(Object.entries(FORMS))('%s', (_form, credentials) => {
  beforeEach(() => {
    const baseUrls = { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi };
    app = dingTalkApp({ name: 'oa', ...credentials(), baseUrls });
    manager = new TokenManager({ accounts: [app], clock });
  });
  afterEach(async () => {
    await manager.close();
    sandbox.reset();
  });

  it('starts cold with one request for all callers and both hosts', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? ask() : askOld())));
    expect(callsTo(TOKENS)).toHaveLength(1);
  });

  it('lives through its lifetime, and extends the same token before its end', async () => {
    await ask();
    const { value } = await manager.get(app.accessToken);
    await clock.advance(59 * MINUTE);
    await ask();
    expect(callsTo(TOKENS)).toHaveLength(1);
    await clock.advance(40 * MINUTE);
    await ask();
    await expect.poll(() => callsTo(TOKENS).length).toBe(2);
    await clock.advance(50 * MINUTE);
    await ask();
    expect((await manager.get(app.accessToken)).value).toBe(value);
    expect(sandbox.calls({ outcome: 'ok' })).toHaveLength(sandbox.calls().length);
  });

  it('gets a new token after the end of the old one, before a call fails', async () => {
    const { value } = await manager.get(app.accessToken);
    await clock.advance(3 * HOUR);
    await ask();
    expect((await manager.get(app.accessToken)).value).not.toBe(value);
    expect(sandbox.calls({ outcome: 'ok' })).toHaveLength(sandbox.calls().length);
    expect(callsTo(TOKENS)).toHaveLength(2);
  });

  it('heals after a rejection with one platform call, for 100 callers at once', async () => {
    await ask();
    sandbox.dingtalk.revoke(appKey);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 ? ask() : askOld())));
    expect(answers).toHaveLength(100);
    expect(callsTo(TOKENS)).toHaveLength(2);
  });

  it('stops where the platform hands out the dead token again', async () => {
    await ask();
    sandbox.dingtalk.revoke(appKey, { keepReturningSame: true });
    const before = sandbox.calls().length;
    expect(await failureFrom(ask())).toMatchObject({ code: 'ERR_TOKEN_REJECTED_AGAIN', account: 'oa' });
    expect(sandbox.calls()).toHaveLength(before + 2);
  });

  it('signs pages with a ticket it asks for once', async () => {
    const url = 'https://oa.example/page?id=1';
    const configs = await Promise.all(Array.from({ length: 20 }, () => app.client(manager).jsApiConfig(url)));
    expect(callsTo(TICKETS)).toHaveLength(1);
    expect(callsTo(TOKENS)).toHaveLength(1);
    const { value: ticket } = await manager.get(app.jsapiTicket);
    for (const config of configs) expect(config.signature).toBe(jsApiSignature({ ...config, ticket, url }));
  });

  it('gets its ticket although the access token is dead', async () => {
    const { value } = await manager.get(app.accessToken);
    sandbox.dingtalk.revoke(appKey);
    await app.client(manager).jsApiConfig('https://oa.example/');
    expect((await manager.get(app.accessToken)).value).not.toBe(value);
    expect(callsTo(TOKENS)).toHaveLength(2);
    expect(callsTo(TICKETS)).toHaveLength(2);
  });

  it('never serves a ticket beyond 24 hours, however often it was extended', async () => {
    const first = await manager.get(app.jsapiTicket);
    let seen = first.value;
    let changedAt: number | undefined;
    for (let at = clock.now(), end = at + 26 * HOUR; at < end; at = clock.now()) {
      // Refreshes then fall beside the 24 hours, not on them.
      await clock.advance(11 * MINUTE);
      await manager.refreshDue();
      const ticket = await manager.get(app.jsapiTicket);
      expect(ticket.expiresAt).toBeGreaterThan(clock.now());
      if (ticket.value !== seen) changedAt = clock.now();
      seen = ticket.value;
    }
    const days = ((changedAt ?? 0) - first.issuedAt) / (24 * HOUR);
    expect(days).toBeGreaterThanOrEqual(1);
    expect(days).toBeLessThan(1.01);
    expect(callsTo(TICKETS).length).toBeLessThan(40);
    expect(sandbox.calls({ outcome: 'ok' })).toHaveLength(sandbox.calls().length);
  });

  it('rests while the address is banned', async () => {
    sandbox.fault({ kind: 'html', platform: 'dingtalk', count: 'always' });
    const started = clock.now();
    const error = await failureFrom(ask());
    expect(error).toMatchObject({ code: 'ERR_TOKEN_BUSY', reason: 'banned' });
    expect((error as { retryAt?: number }).retryAt).toBeGreaterThanOrEqual(started + 5 * MINUTE);
    sandbox.clearFaults();
    await clock.advance(4 * MINUTE);
    expect(await failureFrom(ask())).toMatchObject({ code: 'ERR_TOKEN_BUSY' });
    expect(callsTo(TOKENS)).toHaveLength(1);
    await clock.advance(2 * MINUTE);
    await ask();
  });

  it('serves the living token through an outage of the token endpoint', async () => {
    await ask();
    for (const endpoint of TOKENS) sandbox.fault({ kind: 'busy', platform: 'dingtalk', endpoint, count: 'always' });
    await clock.advance(105 * MINUTE);
    await ask();
    await askOld();
    sandbox.clearFaults();
  });
});

it('keeps two secrets of one organisation apart', async () => {
  const accounts = ['sales', 'hr'].map((name) =>
    dingTalkApp({ name, corpId: 'dingcorp', corpSecret: `${name}-secret` }),
  );
  const both = new TokenManager({ accounts, clock });
  expect([...both.accounts()]).toHaveLength(2);
  await both.close();
});

it('is refused by the manager where something is missing, with the names of option and account', () => {
  const broken = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: undefined });
  expect(() => new TokenManager({ accounts: [broken] })).toThrow(/^"appSecret" .*account "oa"/);
});
