import type { RefreshOutcome } from '@evertoken/core';
import type { NextEngineAccount } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { nextEngineApp } from '../src/index.js';
import { tokenErrorOf } from './support.js';
import {
  COMPANY_INFO as COMPANY,
  clientId,
  clientSecret,
  HOUR_MS,
  USER_INFO as INFO,
  openWorld,
  type World as Platform,
  SEARCH,
  UID,
} from './world.js';

const FIELDS = { fields: 'receive_order_id', limit: 1 };

interface World extends Platform {
  state(uid?: string): Promise<string | undefined>;
}

async function world(platform: Partial<NextEngineAccount> = {}): Promise<World> {
  const opened = await openWorld({ platform });
  return {
    ...opened,
    state: async (uid = UID) => {
      for await (const status of opened.tokens.inspect({ subjects: [uid] })) return status.state;
      return undefined;
    },
  };
}

const orders = ({ client }: Pick<World, 'client'>, uid: string | undefined = UID) =>
  client.user(uid).call<{ data: unknown[] }>(SEARCH, FIELDS);

async function refreshDue({ tokens }: World): Promise<Partial<Record<RefreshOutcome, number>>> {
  const { counts } = await tokens.refreshDue();
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('signing in', () => {
  it('is one exchange and one call for the ends, and then calls work', async () => {
    const w = await world();
    expect(await w.signIn()).toMatchObject({ uid: UID, companyNeId: 'ne-company-1000', picName: '田中' });
    expect(await orders(w)).toMatchObject({ result: 'success', data: [{ receive_order_id: expect.any(String) }] });
    expect([w.count('/api_neauth'), w.count(COMPANY), w.count(INFO), w.count(SEARCH)]).toEqual([1, 1, 0, 1]);
    for await (const status of w.tokens.inspect({ kinds: ['access_token'] })) {
      expect(status).toMatchObject({
        subject: UID,
        state: 'active',
        expiresAt: w.clock.now() + 24 * HOUR_MS,
        refreshTokenExpiresAt: w.clock.now() + 72 * HOUR_MS,
      });
    }
  });

  it('serves every process on the store', async () => {
    const w = await world();
    await w.signIn();
    expect((await orders(w.another())).data).toHaveLength(1);
  });

  it('stands where the call for the ends fails, and a sweep makes up for it', async () => {
    const w = await world();
    w.sandbox.fault({ kind: 'code', code: '003002', endpoint: COMPANY });
    await w.signIn();
    expect((await orders(w)).data).toHaveLength(1);
    await w.clock.advance(15 * 60_000);
    expect(await refreshDue(w)).toEqual({ unchanged: 1 });
    for await (const status of w.tokens.inspect({ kinds: ['access_token'] })) expect(status.expiresAt).toBeDefined();
  });

  it('replaces the pair that a batch holds, everywhere', async () => {
    const w = await world();
    await w.signIn();
    const batch = w.another();
    await orders(batch);
    await w.signIn();
    expect((await orders(batch)).data).toHaveLength(1);
    expect([w.count(COMPANY), w.count(INFO)]).toEqual([2, 0]);
  });

  it.each([
    ['an expired state', 6 * 60_000, undefined],
    ['a used state', 0, 'used'],
  ])('fails with %s and leaves the stored pair alone', async (_, waitMs, used) => {
    const w = await world();
    await w.signIn();
    const { state } = w.sandbox.nextengine.signIn(clientId, UID);
    const { binding } = w.client.signIn();
    if (used) await w.client.exchange({ uid: UID, state, binding });
    await w.clock.advance(waitMs);
    const before = await w.tokens.get(nextEngineApp({ name: 'erp', clientId, clientSecret }).user(UID).accessToken);
    const error = await tokenErrorOf(w.client.exchange({ uid: UID, state, binding }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'refused' });
    expect(w.sandbox.nextengine.currentPair(clientId, UID)?.accessToken).toBe(before.value);
    expect(await w.state()).toBe('active');
    expect((await orders(w)).data).toHaveLength(1);
  });

  it('with another user’s state stores nothing', async () => {
    const w = await world();
    const { state } = w.sandbox.nextengine.signIn(clientId, 'user-suzuki');
    const { binding } = w.client.signIn();
    expect((await tokenErrorOf(w.client.exchange({ uid: UID, state, binding }))).code).toBe('ERR_TOKEN_REFUSED');
    expect((await tokenErrorOf(orders(w))).code).toBe('ERR_TOKEN_REAUTHORIZATION_REQUIRED');
  });
});

describe('nobody signed in', () => {
  it.each([undefined, UID])('uid %j: the call asks for a sign-in, and the platform is not asked', async (uid) => {
    const w = await world();
    expect((await tokenErrorOf(w.client.user(uid).call(SEARCH, FIELDS))).code).toBe(
      'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    );
    expect(w.sandbox.calls()).toEqual([]);
  });
});

describe('keeping a pair', () => {
  it('is not asked for before its end', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(23 * HOUR_MS);
    expect(await refreshDue(w)).toEqual({});
    await orders(w);
    expect(w.count(INFO)).toBe(0);
  });

  it('renews it after its end, once for 100 callers in two processes', async () => {
    const w = await world();
    await w.signIn();
    const other = w.another();
    await w.clock.advance(24 * HOUR_MS);
    const ends = await Promise.all(Array.from({ length: 100 }, (_, i) => orders(i % 2 ? w : other)));
    expect(ends.every(({ data }) => data.length === 1)).toBe(true);
    expect(w.sandbox.state().nextengine[0]?.users.find(({ uid }) => uid === UID)?.renewals).toBe(1);
    expect(w.count(INFO)).toBe(1);
  });

  it('by sweeps alone outlives months', async () => {
    const w = await world();
    await w.signIn();
    for (let day = 0; day < 60; day++) {
      await w.clock.advance(25 * HOUR_MS);
      expect(await refreshDue(w)).toEqual({ renewed: 1 });
    }
    expect((await orders(w)).data).toHaveLength(1);
    expect(w.count(INFO)).toBe(60);
  });

  it('ends after three days without any call, and says so', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(73 * HOUR_MS);
    expect(await tokenErrorOf(orders(w))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: '002004',
      subject: UID,
    });
    expect(await w.state()).toBe('reauthorize');
    await tokenErrorOf(orders(w));
    expect(w.count(INFO)).toBe(1);
    await w.signIn();
    expect((await orders(w)).data).toHaveLength(1);
  });

  it('takes the pair that comes with an error', async () => {
    const w = await world({ overload: '003002' });
    await w.signIn();
    await w.clock.advance(25 * HOUR_MS);
    expect(await refreshDue(w)).toEqual({ renewed: 1 });
    expect(await w.state()).toBe('active');
  });

  it('survives a suspension: the grant is kept, and asked for later', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(25 * HOUR_MS);
    w.sandbox.fault({ kind: 'code', code: '002003', endpoint: INFO });
    expect((await tokenErrorOf(orders(w))).code).toBe('ERR_TOKEN_SUSPENDED');
    expect(await w.state()).toBe('suspended');
    await w.clock.advance(5 * HOUR_MS);
    expect((await tokenErrorOf(orders(w))).code).toBe('ERR_TOKEN_SUSPENDED');
    expect(w.count(INFO)).toBe(1);
    await w.clock.advance(2 * HOUR_MS);
    expect((await orders(w)).data).toHaveLength(1);
  });

  it('waits half an hour and more in maintenance', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(25 * HOUR_MS);
    w.sandbox.fault({ kind: 'code', code: '002007', endpoint: INFO });
    const error = await tokenErrorOf(orders(w));
    expect(error.code).toBe('ERR_TOKEN_MAINTENANCE');
    expect(error.retryAt).toBeGreaterThanOrEqual(w.clock.now() + 30 * 60_000);
  });

  it('asks again with the same pair where an answer made no sense', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(25 * HOUR_MS);
    w.sandbox.fault({ kind: 'html', endpoint: INFO });
    expect((await tokenErrorOf(orders(w))).code).toBe('ERR_TOKEN_TRANSPORT');
    expect(await w.state()).toBe('doubtful');
    await w.clock.advance(15 * 60_000);
    expect(await refreshDue(w)).toEqual({ renewed: 1 });
    expect(await w.state()).toBe('active');
  });

  it('calls a lost pair lost only once the platform has said so', async () => {
    const w = await world();
    await w.signIn();
    await w.clock.advance(25 * HOUR_MS);
    w.sandbox.fault({ kind: 'drop', endpoint: INFO });
    await tokenErrorOf(orders(w));
    expect(await w.state()).toBe('doubtful');
    await w.clock.advance(15 * 60_000);
    expect(await refreshDue(w)).toEqual({ reauthorize: 1 });
    expect(await tokenErrorOf(orders(w))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'indeterminate',
    });
  });

  it('of one user says nothing of another', async () => {
    const w = await world();
    await w.signIn();
    await w.signIn('user-suzuki');
    w.sandbox.nextengine.issuePair(clientId, UID);
    await w.clock.advance(25 * HOUR_MS);
    expect(await refreshDue(w)).toEqual({ reauthorize: 1, renewed: 1 });
    expect((await orders(w, 'user-suzuki')).data).toHaveLength(1);
  });
});

describe('a rejected token', () => {
  it('heals with one renewal where the platform’s clock is ahead: 100 calls, one refresh', async () => {
    const w = await world();
    await w.signIn();
    // The platform is past the end while we are not.
    w.sandbox.advance(24 * HOUR_MS + 60_000);
    const ends = await Promise.all(Array.from({ length: 100 }, () => orders(w)));
    expect(ends.every(({ data }) => data.length === 1)).toBe(true);
    expect(w.count(INFO)).toBe(1);
    expect(w.sandbox.calls({ endpoint: SEARCH, outcome: 'ok' })).toHaveLength(100);
  });

  it('that another process has replaced costs no platform call but the replay', async () => {
    const w = await world();
    await w.signIn();
    const other = w.another();
    await orders(other);
    w.sandbox.advance(24 * HOUR_MS + 60_000);
    await orders(w);
    const before = w.count(INFO);
    expect((await orders(other)).data).toHaveLength(1);
    expect(w.count(INFO)).toBe(before);
  });

  it.each(['error', 'redirect'] as const)('of a superseded pair ends in a sign-in (%s)', async (authErrorResult) => {
    const w = await world({ authErrorResult });
    await w.signIn();
    w.sandbox.nextengine.issuePair(clientId, UID);
    expect(await tokenErrorOf(orders(w))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: '002002',
    });
    expect(await w.state()).toBe('reauthorize');
    expect(w.count(SEARCH)).toBe(1);
  });

  it('that the platform hands out again is not replayed', async () => {
    const w = await world();
    await w.signIn();
    w.sandbox.fault({ kind: 'code', code: '002002', endpoint: SEARCH });
    expect((await tokenErrorOf(orders(w))).code).toBe('ERR_TOKEN_REJECTED_AGAIN');
    expect(w.count(SEARCH)).toBe(1);
    expect(await w.state()).not.toBe('reauthorize');
    expect((await orders(w)).data).toHaveLength(1);
  });
});

it('a pair that comes unasked with a call is kept, for all processes', async () => {
  const w = await world({ graceMs: HOUR_MS });
  await w.signIn();
  // Within the platform's grace, a call with the superseded token is answered with the current pair.
  const pair = w.sandbox.nextengine.issuePair(clientId, UID);
  await orders(w);
  const { accessToken } = nextEngineApp({ name: 'erp', clientId, clientSecret }).user(UID);
  expect((await w.another().tokens.get(accessToken)).value).toBe(pair.accessToken);
  expect(w.count(INFO)).toBe(0);
});
