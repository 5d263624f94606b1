import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Account,
  memoryStore,
  type RefreshResult,
  type SweepOptions,
  TokenManager,
  type TokenManagerOptions,
  type TokenSource,
  type TokenStore,
  tokenKeyOf,
} from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';
import { warmUp } from './warm-up.js';

const MINUTE = 60_000;
const LEASE_MS = 30_000;
const KEYS = 250;

let clock: ManualClock;
let store: TokenStore;
let queries: number;

// Hours of a manual clock are seconds of a machine, and minutes of a busy one.
vi.setConfig({ testTimeout: 120_000 });
beforeAll(warmUp);

beforeEach(() => {
  clock = new ManualClock();
  store = memoryStore({ clock });
  const due = store.due.bind(store);
  queries = 0;
  store.due = (query) => {
    queries++;
    return due(query);
  };
});

function manage(options: TokenManagerOptions): TokenManager {
  return new TokenManager({ clock, store, random: () => 0.5, fetch: network, ...options });
}

interface Population extends Account {
  readonly platform: string;
  readonly all: readonly TokenSource[];
  readonly model: ModelPlatform;
}

/** An account with many subjects. */
function population(name: string, count = KEYS, facts: Partial<TokenSource> = {}): Population {
  const model = new ModelPlatform(clock, facts.issuance);
  const subjects = Array.from({ length: count }, (_, i) => `u${i}`);
  const account = modelAccount(model, { name, id: name, subjects, ...facts });
  const all = subjects.map((subject) => ({
    ...(account.source('access_token', subject) as TokenSource),
    key: tokenKeyOf({ platform: 'model', id: name, kind: 'access_token', subject: [subject] }),
  }));
  const bySubject = new Map(all.map((source) => [source.subject, source]));
  return { ...account, source: (_kind, subject) => bySubject.get(subject), all, model };
}

/** Stores a living token that is due, the first ones longest. */
async function makeDue({ all, model }: Population, agoMs = MINUTE, of: TokenStore = store): Promise<void> {
  const now = clock.now();
  for (const [i, source] of all.entries()) {
    const token = {
      value: `old${i}`,
      ...(model.issuance === 'rotating' && { refreshToken: 'R0' }),
      issuedAt: now - 100 * MINUTE,
      firstSeenAt: now - 100 * MINUTE,
      expiresAt: now + 20 * MINUTE,
      seen: [],
      lineage: { cause: 'issue', actor: 'test', at: now, durationMs: 1 },
    } as const;
    await of.commit(source.key, token, { predecessor: 0, refreshAt: now - agoMs + i });
  }
}

/** A sweep under way: what it has said so far, and its end. */
function sweeping(start: (options: SweepOptions) => Promise<unknown>, options: SweepOptions = {}) {
  const results: RefreshResult[] = [];
  const progress = { results, over: false, of: (account: string) => results.filter((r) => r.account === account) };
  const ended = start({ ...options, onProgress: (result) => results.push(result) }).finally(() => {
    progress.over = true;
  });
  return Object.assign(progress, { ended });
}

/** Lets everything go on that needs no time to pass, until it is so. */
async function soon(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000 && !condition(); turn++) await clock.advance(0);
  expect(condition()).toBe(true);
}

/** Moves time on until it is so; how long that took, to a second. */
async function passing(condition: () => boolean): Promise<number> {
  const from = clock.now();
  while (!condition() && clock.now() - from < 60 * MINUTE) {
    await clock.advance(1_000);
    for (let turn = 0; turn < 20 && !condition(); turn++) await clock.advance(0);
  }
  return clock.now() - from;
}

const counted = (results: readonly RefreshResult[], outcome: RefreshResult['outcome']) =>
  results.filter((result) => result.outcome === outcome).length;

describe('an account whose platform hangs, beside a healthy one', () => {
  for (const concurrency of [undefined, 10, 2]) {
    it(`costs only itself${concurrency ? `, ${concurrency} keys at a time` : ''} (S9)`, async () => {
      const [slow, healthy] = [population('slow'), population('healthy')];
      const open = slow.model.hold();
      await makeDue(slow, 10 * MINUTE);
      await makeDue(healthy);
      const manager = manage({ accounts: [slow, healthy] });
      const sweep = sweeping((o) => manager.refreshDue(o), concurrency ? { concurrency } : {});
      await soon(() => counted(sweep.of('healthy'), 'renewed') === KEYS);
      expect(sweep.of('slow')).toEqual([]);
      expect(queries).toBeLessThanOrEqual(2);
      expect(slow.model.calls).toBeLessThanOrEqual(10);
      expect(await passing(() => sweep.over)).toBeLessThanOrEqual(concurrency === 2 ? 6 * LEASE_MS : LEASE_MS);
      open();
    });
  }

  it('is left for the next sweep once as many keys as it may ask for have gone unanswered, and is not forgotten', async () => {
    const slow = population('slow');
    const open = slow.model.hold();
    await makeDue(slow, 10 * MINUTE);
    const manager = manage({ accounts: [slow] });
    const first = sweeping((o) => manager.refreshDue(o));
    expect(await passing(() => first.over)).toBeLessThanOrEqual(LEASE_MS);
    expect(first.results.length).toBeGreaterThanOrEqual(10);
    expect(first.results.length).toBeLessThan(30);
    const asked = slow.model.calls;
    open();
    const second = sweeping((o) => manager.refreshDue(o));
    await soon(() => second.over);
    expect(counted(second.results, 'renewed')).toBe(KEYS - asked);
  });

  it('does not keep the subjects behind the ones that hang from being refreshed by the next sweep (S9)', async () => {
    const slow = population('slow', 40);
    const never = new Promise<never>(() => {});
    const hangs = new Set(slow.all.slice(0, 20).map(({ key }) => key));
    const poisoned = slow.all.map((source) => ({
      ...source,
      issue: async (request: Parameters<TokenSource['issue']>[0]) => {
        if (hangs.has(source.key)) return never;
        return slow.model.answer(request);
      },
    }));
    const bySubject = new Map(poisoned.map((source) => [source.subject, source]));
    await makeDue(slow);
    const manager = manage({ accounts: [{ ...slow, source: (_kind, subject) => bySubject.get(subject) }] });
    let renewed = 0;
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      const sweep = sweeping((o) => manager.refreshDue(o));
      await passing(() => sweep.over);
      renewed += counted(sweep.results, 'renewed');
    }
    expect(renewed).toBe(20);
  });

  it('is waited for about a lease where its requests are never aborted; they go on, and what they bring is kept', async () => {
    const slow = population('slow', 5, { issuance: 'rotating', keep: 'grant' });
    slow.model.mint = ({ current }) => ({ value: `${current?.value}+`, refreshToken: 'R1', lifetimeMs: 120 * MINUTE });
    const healthy = population('healthy');
    const open = slow.model.hold();
    await makeDue(slow);
    await makeDue(healthy);
    const manager = manage({ accounts: [slow, healthy], allowVolatileGrants: true });
    const sweep = sweeping((o) => manager.refreshDue(o));
    expect(await passing(() => sweep.over)).toBeLessThanOrEqual(LEASE_MS);
    expect(counted(sweep.of('healthy'), 'renewed')).toBe(KEYS);
    expect(counted(sweep.of('slow'), 'held')).toBe(5);
    await clock.advance(3 * MINUTE);
    const next = await manager.refreshDue();
    expect(next.results).toEqual([]);
    open();
    await soon(() => store.peek?.(slow.all[4]?.key as never)?.token?.value === 'old4+');
    expect(slow.model.calls).toBe(5);
  });

  it('keeps the next sweep from beginning no longer than about a lease', async () => {
    const [slow, healthy] = [population('slow'), population('healthy', 1)];
    slow.model.hold();
    await makeDue(slow);
    const manager = manage({ accounts: [slow, healthy] });
    const stop = manager.refreshEvery(MINUTE);
    await passing(() => slow.model.calls > 0);
    await makeDue(healthy);
    expect(await passing(() => healthy.model.calls > 0)).toBeLessThan(LEASE_MS + 2 * MINUTE);
    stop();
  });

  it('costs only itself where nothing is stored yet', async () => {
    const [slow, healthy] = [population('slow'), population('healthy')];
    slow.model.hold();
    const accounts = [slow, healthy].map((account) => ({ ...account, sources: () => account.all }));
    const manager = manage({ accounts });
    const sweep = sweeping((o) => manager.refreshDue(o));
    await soon(() => counted(sweep.of('healthy'), 'renewed') === KEYS);
    expect(sweep.of('slow')).toEqual([]);
    expect(await passing(() => sweep.over)).toBeLessThanOrEqual(LEASE_MS);
  });

  it('costs only itself where all keys are asked for now, and each of them is reported', async () => {
    // Its keys come first in the store's order.
    const [slow, healthy] = [population('a', 60), population('healthy')];
    slow.model.hold();
    await makeDue(slow);
    await makeDue(healthy);
    const manager = manage({ accounts: [slow, healthy] });
    const sweep = sweeping((o) => manager.refreshAll({}, o));
    await soon(() => counted(sweep.of('healthy'), 'renewed') === KEYS);
    expect(sweep.of('a')).toEqual([]);
    await passing(() => sweep.over);
    expect(sweep.of('a').length).toBe(60);
  });
});

describe('due keys', () => {
  it('of 1,000 accounts with one each are asked for in one or two queries', async () => {
    const accounts = Array.from({ length: 1_000 }, (_, i) => population(`a${i}`, 1));
    accounts[0]?.model.hold();
    for (const account of accounts) await makeDue(account);
    const sweep = sweeping((o) => manage({ accounts }).refreshDue(o));
    await soon(() => sweep.results.length === 999);
    expect(queries).toBeLessThanOrEqual(2);
    expect(await passing(() => sweep.over)).toBeLessThanOrEqual(LEASE_MS);
  });

  it('of one account are found although those of another pile up before them, and few of the pile are taken', async () => {
    const [slow, healthy] = [population('slow', 5_000), population('healthy')];
    slow.model.hold();
    await makeDue(slow, 10 * MINUTE);
    await makeDue(healthy);
    let taken = 0;
    const due = store.due;
    store.due = async (query) => {
      const page = await due(query);
      taken += page.keys.length;
      return page;
    };
    const sweep = sweeping((o) => manage({ accounts: [slow, healthy] }).refreshDue(o));
    await soon(() => counted(sweep.of('healthy'), 'renewed') === KEYS);
    expect(sweep.of('slow')).toEqual([]);
    expect(queries).toBeLessThanOrEqual(4);
    expect(taken).toBeLessThan(3_500);
    expect(await passing(() => sweep.over)).toBeLessThanOrEqual(LEASE_MS);
  });

  it('that pile up are all refreshed in one sweep where the platform answers, each once', async () => {
    const [many, few] = [population('many', 3_000), population('few', 30)];
    await makeDue(many, 10 * MINUTE);
    await makeDue(few);
    const sweep = sweeping((o) => manage({ accounts: [many, few] }).refreshDue(o));
    await soon(() => sweep.over);
    expect(counted(sweep.results, 'renewed')).toBe(3_030);
    expect(many.model.calls).toBe(3_000);
    expect(queries).toBeLessThan(20);
  });

  it('of an account are refreshed most urgent first, shuffled among the nearly equal', async () => {
    const one = population('one', 300);
    await makeDue(one);
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const sweep = sweeping((o) => manage({ accounts: [one], concurrencyPerAccount: 1, random }).refreshDue(o));
    await soon(() => sweep.over);
    const order = sweep.results.map(({ subject }) => Number(subject?.slice(1)));
    for (const piece of [0, 100, 200]) {
      const part = order.slice(piece, piece + 100);
      expect([Math.min(...part), Math.max(...part)]).toEqual([piece, piece + 99]);
    }
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });

  it('are refreshed after their parents, although both are due and one key is asked for at a time or many', async () => {
    for (const concurrency of [1, 50]) {
      store = memoryStore({ clock });
      const one = population('one', 40);
      const root = one.all[39] as TokenSource;
      // Each hangs on the next one, and the last one is the least urgent.
      const chained: TokenSource[] = [];
      for (const source of [...one.all].reverse())
        chained.unshift(source === root ? root : { ...source, dependsOn: [chained[0] ?? root] });
      const bySubject = new Map(chained.map((source) => [source.subject, source]));
      await makeDue({ ...one, all: chained });
      const account = { ...one, source: (_kind: string, subject?: string) => bySubject.get(subject) };
      const sweep = sweeping((o) => manage({ accounts: [account] }).refreshDue({ ...o, concurrency }));
      await soon(() => sweep.over);
      expect(sweep.results.map(({ subject }) => subject)).toEqual(one.all.map(({ subject }) => subject).reverse());
      expect(counted(sweep.results, 'renewed')).toBe(40);
    }
  });

  it('ask the platform no more often at a time than they may, and do not let it wait for a store', async () => {
    const one = population('one', 60);
    await makeDue(one);
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let [asking, most] = [0, 0];
    const slow: typeof fetch = async (...args) => {
      most = Math.max(most, ++asking);
      await opened;
      asking--;
      return network(...args);
    };
    const claims: string[] = [];
    const claim = store.claim.bind(store);
    store.claim = (seen, ...rest) => {
      claims.push(seen.key);
      return claim(seen, ...rest);
    };
    const manager = manage({ accounts: [one], concurrencyPerAccount: 15, fetch: slow });
    const sweep = sweeping((o) => manager.refreshAll({}, o), { concurrency: 10 });
    await soon(() => asking === 10 && claims.length === 15);
    for (let turn = 0; turn < 100; turn++) await clock.advance(0);
    expect([asking, claims.length]).toEqual([10, 15]);
    open();
    await soon(() => sweep.over);
    expect(most).toBe(10);
    expect(counted(sweep.results, 'renewed')).toBe(60);
    expect(one.model.calls).toBe(60);
  });

  it('that wait for their turn are not given up before they were asked for', async () => {
    const pair = { issuance: 'rotating', keep: 'grant' } as const;
    const hanging = [population('a', 1, pair), population('b', 1, pair)];
    const last = population('c', 1, { issuance: 'superseding' });
    for (const { model } of hanging) model.hold();
    for (const [i, account] of [...hanging, last].entries()) await makeDue(account, (9 - i) * MINUTE);
    const accounts = [...hanging, last];
    const manager = manage({ accounts, allowVolatileGrants: true, singleInstance: true });
    const failures: string[] = [];
    manager.on('failure', ({ account }) => failures.push(account));
    const sweep = sweeping((o) => manager.refreshDue(o), { concurrency: 2 });
    await passing(() => sweep.over);
    await passing(() => last.model.calls > 0);
    expect([failures, last.model.calls]).toEqual([[], 1]);
    expect(store.peek?.(last.all[0]?.key as never)).toMatchObject({
      token: { value: 'T1' },
      attempt: { state: 'active' },
    });
  });

  it('are not asked for with a bound that lets nothing through', async () => {
    const manager = manage({ accounts: [population('one')] });
    for (const concurrency of [0, -1, Number.NaN]) {
      await expect(manager.refreshDue({ concurrency })).rejects.toThrow(
        /^"concurrency" must be a number of at least 1/,
      );
      await expect(manager.refreshAll({}, { concurrency })).rejects.toThrow(/^"concurrency"/);
    }
  });

  it('asked for all together come in order of urgency: what ends first, by its refresh token where it has one', async () => {
    const one = population('one', 5, { issuance: 'rotating', keep: 'grant' });
    const manager = manage({ accounts: [one], concurrencyPerAccount: 1, allowVolatileGrants: true });
    const now = clock.now();
    for (const [i, hours] of [5, 1, 4, 2, 3].entries()) {
      const ends = { expiresAt: now + (9 - hours) * MINUTE, refreshTokenExpiresAt: now + hours * 60 * MINUTE };
      const source = one.all[i] as TokenSource;
      await manager.adopt(source, { value: `T${i}`, refreshToken: 'R0', ...ends }, { grant: true });
    }
    one.model.twists = Array(5).fill('ERR_TOKEN_BUSY');
    await clock.advance(10 * MINUTE);
    const { results } = await manager.refreshAll();
    expect(results.map(({ subject }) => subject)).toEqual(['u1', 'u3', 'u4', 'u2', 'u0']);
  });

  it('are left alone once the caller gives up; what is in flight is finished', async () => {
    const one = population('one');
    const open = one.model.hold();
    await makeDue(one);
    const stop = new AbortController();
    const sweep = sweeping((o) => manage({ accounts: [one] }).refreshDue(o), { signal: stop.signal });
    await soon(() => one.model.calls === 10);
    stop.abort();
    open();
    await soon(() => sweep.over);
    expect(counted(sweep.results, 'renewed')).toBe(10);
    expect(one.model.calls).toBe(10);
  });

  it('of one store are refreshed at once while the other one does not answer, and the sweep says that it does not', async () => {
    const [shop, users] = [population('shop'), population('users', KEYS, { keep: 'grant' })];
    const grantStore = memoryStore({ clock });
    await makeDue(shop);
    await makeDue(users, MINUTE, grantStore);
    const manager = manage({ accounts: [shop, users], grantStore, allowVolatileGrants: true });
    await manager.start();
    store.due = () => new Promise(() => {});
    const sweep = sweeping((o) => manager.refreshDue(o));
    const failed = expect(sweep.ended).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'timeout' });
    await soon(() => counted(sweep.of('users'), 'renewed') === KEYS);
    expect(await passing(() => sweep.over)).toBeLessThanOrEqual(3_000);
    await failed;
  });

  it('are shared fairly by accounts under a common bound, however many of them hang', async () => {
    const slow = Array.from({ length: 4 }, (_, i) => population(`slow${i}`, 50));
    for (const { model } of slow) model.hold();
    const healthy = population('healthy', 50);
    for (const account of [...slow, healthy]) await makeDue(account);
    const sweep = sweeping((o) => manage({ accounts: [...slow, healthy] }).refreshDue(o), { concurrency: 10 });
    await soon(() => counted(sweep.of('healthy'), 'renewed') === 50);
    // As many as it had of the bound while it had keys left, and what it gave up at its end.
    expect(Math.max(...slow.map(({ model }) => model.calls))).toBeLessThanOrEqual(4);
  });
});
