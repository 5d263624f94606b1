import { TokenError } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { monthOf } from '../src/usage.js';
import {
  aTurn,
  clientId,
  HOUR_MS,
  openWorld,
  type Process,
  SEARCH,
  UID,
  USER_INFO,
  type World,
  warningsOf,
} from './world.js';

const FIELDS = { fields: 'receive_order_id' };

/** Several calls, and what they have set going behind them. */
async function calls({ client }: Pick<Process, 'client'>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await client.user(UID).call(SEARCH, FIELDS);
  for (let turn = 0; turn < 20; turn++) await aTurn();
}

const kept = async ({ tokens }: Pick<Process, 'tokens'>) => {
  for await (const status of tokens.inspect({ kinds: ['api_calls'] })) return status;
  return undefined;
};

it.each([
  ['2026-01-31T14:59:59Z', '2026-01'],
  ['2026-01-31T15:00:00Z', '2026-02'],
  ['2025-12-31T15:00:00Z', '2026-01'],
])('%s is in month %s of Japan', (time, month) => {
  expect(monthOf(Date.parse(time))).toBe(month);
});

describe('the count of calls', () => {
  it('holds business calls, renewals, exchanges and the list of companies', async () => {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 3);
    expect((await w.client.usage()).calls).toBe(w.sandbox.calls({ platform: 'nextengine' }).length);
    await w.clock.advance(26 * HOUR_MS);
    await w.tokens.refreshDue();
    const { length } = w.sandbox.calls({ platform: 'nextengine' });
    expect(length).toBe(7);
    expect(await w.client.usage()).toEqual({ month: '2026-01', calls: 7, freeCalls: 1_000, share: 0.007 });
  });

  it('is kept with the account, at most every 25 calls or 5 minutes', async () => {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 20);
    expect(await kept(w)).toBeUndefined();
    await calls(w, 3);
    expect(await kept(w)).toMatchObject({ account: 'erp', state: 'active', extra: { month: '2026-01', calls: 25 } });
    await w.clock.advance(301_000);
    await calls(w, 1);
    expect((await kept(w))?.extra).toEqual({ month: '2026-01', calls: 26 });
  });

  it('is one for all processes', async () => {
    const w = await openWorld();
    const other = w.another();
    await w.signIn();
    await calls(w, 23);
    await calls(other, 25);
    expect((await kept(w))?.extra).toEqual({ month: '2026-01', calls: 50 });
    await calls(w, 2);
    expect((await other.client.usage()).calls).toBe(50);
    expect((await w.client.usage()).calls).toBe(52);
  });

  it('never falls: of two sums that are stored at one time the higher stands', async () => {
    const w = await openWorld();
    const other = w.another();
    await w.signIn();
    const { adopt } = w.tokens;
    let letThrough = () => {};
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    w.tokens.adopt = (...given) => held.then(() => adopt.apply(w.tokens, given));
    await calls(w, 7);
    await w.clock.advance(301_000);
    await calls(w, 1);
    await calls(other, 51);
    expect((await kept(w))?.extra).toMatchObject({ calls: 51 });
    letThrough();
    for (let turn = 0; turn < 20; turn++) await aTurn();
    expect((await kept(w))?.extra).toMatchObject({ calls: 51 });
  });

  it('begins at nothing with each month', async () => {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 30);
    await w.clock.advance(31 * 24 * HOUR_MS);
    expect(await w.client.usage()).toMatchObject({ month: '2026-02', calls: 0 });
    await w.signIn();
    for (let turn = 0; turn < 20; turn++) await aTurn();
    expect((await kept(w))?.extra).toMatchObject({ month: '2026-02' });
  });

  it('survives the process', async () => {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 23);
    expect((await w.another().client.usage()).calls).toBe(25);
  });

  it('never makes a call fail or wait, and goes on once the store is back', async () => {
    const w = await openWorld();
    await w.signIn();
    const { adopt } = w.tokens;
    let tried = 0;
    w.tokens.adopt = async () => {
      tried++;
      throw new TokenError('ERR_TOKEN_STORE', 'the store is away');
    };
    await calls(w, 100);
    // Once at the 25th, and then not at each of the others.
    expect(tried).toBe(1);
    w.tokens.adopt = adopt;
    await w.clock.advance(301_000);
    await calls(w, 1);
    expect((await kept(w))?.extra).toMatchObject({ calls: 103 });
  });

  it('tells its own where the store cannot be asked', async () => {
    const w = await openWorld();
    await w.signIn();
    w.tokens.refresh = () => Promise.reject(new TokenError('ERR_TOKEN_STORE', 'the store is away'));
    expect(await w.client.usage()).toMatchObject({ calls: 2 });
  });
});

describe('the record of the count', () => {
  async function counted() {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 30);
    expect(await kept(w)).toBeDefined();
    return w;
  }
  const names = (results: readonly { kind: string }[]) => [...new Set(results.map(({ kind }) => kind))];

  it('is none of the account’s tokens', async () => {
    const { app } = await counted();
    expect(app.kinds.map(({ kind }) => kind)).toEqual(['access_token']);
    expect(app.source('api_calls')).toBeUndefined();
    expect([...app.sources()]).toEqual([]);
  });

  it('is in no sweep and in no report', async () => {
    const w = await counted();
    await w.clock.advance(26 * HOUR_MS);
    expect(names((await w.tokens.refreshDue()).results)).toEqual(['access_token']);
    expect(names((await w.tokens.refreshAll()).results)).toEqual(['access_token']);
    const status = await kept(w);
    expect(status).toMatchObject({ state: 'active', failures: 0 });
    expect(status).not.toHaveProperty('refreshAt');
    expect(status).not.toHaveProperty('expiresAt');
  });

  it('is nobody to sign in for', async () => {
    const w = await counted();
    const told: string[] = [];
    w.tokens.on('reauthorize', ({ kind }) => told.push(kind));
    await w.clock.advance(80 * HOUR_MS);
    await w.tokens.refreshDue();
    await calls(w, 1).catch(() => {});
    expect(told).toEqual(['access_token']);
  });
});

describe('the free allowance', () => {
  const quota = { freeCallsPerMonth: 20, warnAtShare: 0.5 };

  it('is warned of once a month, with the account and its figures', async () => {
    const warnings = warningsOf('NextEngineQuota');
    const w = await openWorld({ app: { quota } });
    await w.signIn();
    await calls(w, 7);
    expect(warnings).toEqual([]);
    await calls(w, 20);
    expect(warnings).toEqual(['account "erp" has made about 10 calls in 2026-01, 50 % of the 20 that are free']);
    expect((await w.client.usage()).share).toBeGreaterThan(1);
    await nextMonth(w);
    await calls(w, 9);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain('in 2026-02');
  });

  it('counts what other processes have made', async () => {
    const w = await openWorld();
    await w.signIn();
    await calls(w, 30);
    const warnings = warningsOf('NextEngineQuota');
    const other = w.another({ quota: { freeCallsPerMonth: 30, warnAtShare: 0.9 } });
    await w.clock.advance(301_000);
    await calls(other, 2);
    expect(warnings).toHaveLength(1);
  });

  async function nextMonth(w: World): Promise<void> {
    await w.clock.advance(31 * 24 * HOUR_MS);
    const { state } = w.sandbox.nextengine.signIn(clientId, UID);
    await w.client.exchange({ uid: UID, state, binding: w.client.signIn().binding });
    expect(w.count(USER_INFO)).toBe(0);
  }
});
