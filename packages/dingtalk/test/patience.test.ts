import { ManualClock } from '@evertoken/core/testing';
import { describe, expect, it } from 'vitest';
import { Circuit } from '../src/circuit.js';
import { DingTalkError, dingTalkApp } from '../src/index.js';
import { failureFrom, fakeFetch, fakeTokens, hastyClock, NOW } from './support.js';
import { appIn, LAN, OA, visit, world } from './world.js';

const there = world();
const USER = '/v1.0/contact/users/{unionId}';
const MINUTE = 60_000;
const OK = { json: { errcode: 0, result: {} } };

function set(...answers: Parameters<typeof fakeFetch>) {
  const [fetch, clock] = [fakeFetch(...answers), hastyClock()];
  const app = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', fetch, clock, random: () => 0.5 });
  return { client: app.client(fakeTokens('T1')), fetch, clock };
}

describe('a ban', () => {
  it.each(['json', 'html'] as const)(
    '(%s) is waited out by all callers of the account: 1 call reaches the platform',
    async (banForm) => {
      const app = appIn(there);
      const manager = there.manage(app);
      const client = app.client(manager);
      await client.api.get('/v1.0/contact/users/u1');
      const before = there.sandbox.calls().length;
      there.sandbox.dingtalk.limit({ banForm, banStatus: banForm === 'html' ? 403 : 200 });
      there.sandbox.dingtalk.banAddress('127.0.0.1');
      const banned = await failureFrom(client.api.get('/v1.0/contact/users/u1'));
      expect(banned).toBeInstanceOf(DingTalkError);
      expect(banned).toMatchObject({ reason: 'banned', retryable: true, retryAt: there.clock.now() + 5 * MINUTE });
      // Other clients of the account, both hosts, reads and writes.
      const others = await Promise.all(
        Array.from({ length: 60 }, (_, i) => {
          const other = app.client(manager);
          return failureFrom(
            i % 2 ? other.oapi.post('/topapi/v2/user/get', {}) : other.api.get('/v1.0/contact/users/u1'),
          );
        }),
      );
      for (const error of others)
        expect(error).toMatchObject({ reason: 'banned', retryAt: there.clock.now() + 5 * MINUTE });
      expect((others[0] as Error).message).toMatch(/this call was not sent/);
      await there.clock.advance(4 * MINUTE);
      await failureFrom(client.api.get('/v1.0/contact/users/u1'));
      expect(there.sandbox.calls()).toHaveLength(before + 1);
      await there.clock.advance(MINUTE + 1);
      await client.api.get('/v1.0/contact/users/u1');
      expect(there.sandbox.calls()).toHaveLength(before + 2);
    },
  );

  it('that a request for a token met keeps calls and other tokens from asking, too', async () => {
    const app = appIn(there, { userTokens: true });
    const manager = there.manage(app);
    const client = app.client(manager);
    const start = client.signIn({ redirectUri: 'https://app.example/' });
    await client.handleCallback(await visit(start), start.binding);
    await manager.get(app.accessToken);
    await there.clock.advance(3 * 60 * MINUTE);
    const before = there.sandbox.calls().length;
    there.sandbox.dingtalk.banAddress('127.0.0.1');
    const keys = [app.accessToken, app.user({ unionId: LAN }).accessToken, app.unifiedAccessToken()];
    for (const key of keys) {
      expect(await failureFrom(manager.get(key))).toMatchObject({ code: 'ERR_TOKEN_BUSY', reason: 'banned' });
    }
    expect(
      await failureFrom(client.exchange({ authCode: 'c', state: start.binding, binding: start.binding })),
    ).toMatchObject({ reason: 'banned' });
    expect(there.sandbox.calls()).toHaveLength(before + 1);
    await there.clock.advance(5 * MINUTE + 1_000);
    // Nobody's grant was lost by it.
    expect(await client.user({ unionId: LAN }).me()).toMatchObject({ unionId: LAN });
  });

  it('is of one account: another one finds out by itself', async () => {
    const [one, other] = [set({ json: { punish: 'deny', status: 1111 } }), set(OK)];
    await failureFrom(one.client.oapi.get('/x'));
    await other.client.oapi.get('/x');
    await failureFrom(one.client.oapi.get('/x'));
    expect(one.fetch.seen).toHaveLength(1);
  });

  it('does not last for ever where a clock was set back', () => {
    const circuit = new Circuit();
    circuit.ban({ httpStatus: 200, banned: true }, NOW);
    expect(circuit.bannedAt(NOW + 1)).toBeDefined();
    expect(circuit.bannedAt(NOW - 60 * MINUTE)).toBeUndefined();
    expect(circuit.bannedAt(NOW + 5 * MINUTE)).toBeUndefined();
  });

  it('is never met by the page of a broken gateway', async () => {
    const page = { status: 503, text: '<html>bad gateway</html>', headers: { 'content-type': 'text/html' } };
    const { client, fetch } = set(page, OK);
    await client.oapi.get('/x');
    expect(fetch.seen).toHaveLength(2);
  });
});

describe('throttling', () => {
  it('is backed off by a second and more, doubling, with jitter, four tries in all', async () => {
    const { client, clock, fetch } = set({
      status: 403,
      json: { code: 'Forbidden.AccessDenied.QpsLimitForApi', message: '', requestid: 'R' },
    });
    const error = await failureFrom(client.api.get('/v1.0/x'));
    expect(error).toMatchObject({ reason: 'throttled', retryable: true });
    expect(clock.waits).toEqual([1_500, 3_000, 6_000]);
    expect(fetch.seen).toHaveLength(4);
  });

  it('gives up before a caller with little time has waited long', async () => {
    const { client, clock } = set({ json: { errcode: 90018 } });
    await failureFrom(client.oapi.get('/x', { timeoutMs: 1_000 }));
    expect(clock.waits).toEqual([1_500]);
  });

  it('keeps the account’s other callers from that path for as long, and from no other', async () => {
    const clock = new ManualClock();
    const fetch = fakeFetch({ json: { errcode: 90018 } }, OK);
    const app = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', fetch, clock, random: () => 0.5 });
    const client = app.client(fakeTokens('T1'));
    const paths = () => fetch.seen.map(({ url }) => url.pathname);
    const first = client.oapi.get('/hot');
    // What comes of the answer has come by the next turn of the loop.
    await expect.poll(paths).toEqual(['/hot']);
    await new Promise(setImmediate);
    const second = client.oapi.get('/hot');
    await client.oapi.get('/cold');
    await new Promise(setImmediate);
    expect(paths()).toEqual(['/hot', '/cold']);
    await clock.advance(1_000);
    expect(paths()).toEqual(['/hot', '/cold']);
    await clock.advance(1_000);
    await Promise.all([first, second]);
    expect(paths()).toEqual(['/hot', '/cold', '/hot', '/hot']);
  });

  it('by the sandbox’s own count of a second ends well for 20 callers', async () => {
    const app = appIn(there);
    const client = app.client(there.manage(app));
    there.sandbox.dingtalk.configure(OA.appKey, { callsPerSecond: 20 });
    const work = Promise.all(Array.from({ length: 20 }, () => client.api.get('/v1.0/contact/users/u1')));
    expect(await work).toHaveLength(20);
    const error = await failureFrom(client.api.get('/v1.0/contact/users/u1'));
    expect(error).toMatchObject({ code: expect.stringMatching(/QpsLimit/), reason: 'throttled' });
    await there.clock.advance(1_000);
    await client.api.get('/v1.0/contact/users/u1');
  });

  it('forgets paths, however many there are', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 5_000; i++) circuit.slowDown(`/users/${i}`, 1_000, 0);
    expect(circuit.slowMs('/users/4999', 1)).toBe(0);
    expect(circuit.slowMs('/users/1', 1)).toBe(999);
    circuit.slowDown('/users/4999', 1_000, 5_000);
    expect(circuit.slowMs('/users/4999', 5_000)).toBe(1_000);
  });
});

describe('a lost answer', () => {
  it('is asked for again where the call only reads', async () => {
    const app = appIn(there);
    const client = app.client(there.manage(app));
    there.sandbox.fault({ kind: 'drop', endpoint: USER, count: 3 });
    expect(await client.api.get('/v1.0/contact/users/u1')).toMatchObject({ unionId: 'u1' });
    expect(there.calls(USER)).toBe(4);
  });

  it('of a write is told, and not asked for again, unless the caller says that it does no harm', async () => {
    const app = appIn(there);
    const client = app.client(there.manage(app));
    const path = '/topapi/v2/user/get';
    there.sandbox.fault({ kind: 'drop', endpoint: path });
    expect(await failureFrom(client.oapi.post(path, { userid: 'u1' }))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      uncertain: true,
    });
    expect(there.calls(path)).toBe(1);
    there.sandbox.fault({ kind: 'drop', endpoint: path });
    await client.oapi.post(path, { userid: 'u1' }, { repeatable: true });
    expect(there.calls(path)).toBe(3);
  });

  it('of a write is asked for again where it never left', async () => {
    const refused = Object.assign(new TypeError('fetch failed'), {
      cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    });
    const { client, fetch } = set(refused, refused, OK);
    await client.oapi.post('/x', {});
    expect(fetch.seen).toHaveLength(3);
  });

  it('of a gateway that timed out counts as one', async () => {
    const { client, fetch } = set({ status: 504 });
    expect(await failureFrom(client.api.post('/v1.0/x', {}))).toMatchObject({ code: 'HTTP_504', reason: 'busy' });
    expect(fetch.seen).toHaveLength(1);
    await failureFrom(client.api.get('/v1.0/x'));
    expect(fetch.seen).toHaveLength(5);
  });
});

it('waits no longer than its caller', async () => {
  const fetch = fakeFetch({ json: { errcode: -1 } });
  const never = { now: () => NOW, monotonic: () => 0, after: () => () => {} };
  const app = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', fetch, clock: never });
  const controller = new AbortController();
  const work = failureFrom(app.client(fakeTokens('T1')).oapi.get('/x', { signal: controller.signal }));
  await expect.poll(() => fetch.seen.length).toBe(1);
  controller.abort();
  expect(await work).toMatchObject({ code: 'ERR_TOKEN_ABORTED', account: 'oa' });
});
