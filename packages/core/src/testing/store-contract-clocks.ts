import type { TokenStore } from '../store/store.js';
import {
  ACCOUNT,
  allDue,
  claimed,
  comesTrue,
  KEY,
  opened,
  recordOf,
  type StoreCases,
  seed,
  TTL,
  token,
} from './store-contract-support.js';

const TEN_MINUTES = 600_000;
const SHIFTS = [TEN_MINUTES, -TEN_MINUTES] as const;
const BOTH_WAYS = [
  [TEN_MINUTES, -TEN_MINUTES],
  [-TEN_MINUTES, TEN_MINUTES],
] as const;
/** How far two readings of one clock may lie apart within a case, however slow the machine. */
const CASE_MS = 120_000;

/** Whose time it is: the store's, for every process, whatever their own clocks say. */
export function clocksCases({ test, it, expect, options, patienceMs }: StoreCases): void {
  test('answers with its own time and takes leases and first generations from it, whatever the host’s clock says', async (store, clock, other) => {
    for (const shift of SHIFTS) {
      await clock.advance(1_000);
      const lease = await hostOffBy(shift, () => claimed(store, 'p1'));
      expect(lease.until).toBe(clock.now() + TTL);
      expect(await hostOffBy(shift, () => nowsOf(other))).toEqual([clock.now(), clock.now(), clock.now()]);
      expect(await store.note(lease, {}, { release: true })).toBe(true);
    }
    expect(await hostOffBy(TEN_MINUTES, () => seed(store, clock, 'a', 1))).toBe(Math.floor(clock.now()));
    expect(await hostOffBy(-TEN_MINUTES, () => allDue(other))).toEqual([KEY]);
  });

  if (!options.ownClock) return;

  const onOwnClock = (name: string, body: (store: TokenStore, other: TokenStore) => Promise<void>) =>
    it(name, () => opened(options, undefined, body), CASE_MS);

  onOwnClock('has a clock of its own, which does not follow the host’s', async (store, other) => {
    const [now = 0] = await nowsOf(store);
    for (const shift of SHIFTS)
      for (const connection of [store, other])
        for (const shifted of await hostOffBy(shift, () => nowsOf(connection)))
          expect(CASE_MS).toBeGreaterThan(Math.abs(shifted - now));
  });

  onOwnClock('judges the lease of another process by its own clock, however wrong theirs are', async (store, other) => {
    for (const [mine, theirs] of BOTH_WAYS) {
      const { now } = await store.read(KEY);
      const lease = await hostOffBy(mine, () => claimed(store, 'p1', { ttlMs: CASE_MS }));
      expect(CASE_MS).toBeGreaterThan(Math.abs(lease.until - now - CASE_MS));
      const seen = { key: KEY, generation: 0, epoch: lease.epoch };
      const answer = await hostOffBy(theirs, () => other.claim(seen, 'p2', TTL));
      expect(answer).toMatchObject({ attempt: { epoch: lease.epoch, lease: { holder: 'p1' } } });
      expect(await hostOffBy(theirs, () => other.renew(lease, CASE_MS))).toMatchObject({ holder: 'p1' });
      expect(await store.note(lease, {}, { release: true })).toBe(true);
    }
  });

  onOwnClock('names no key under a lease and every key without one, by its own clock', async (store, other) => {
    const { now } = await store.read(KEY);
    await seed(store, { now: () => now }, 'a', now);
    const lease = await claimed(store, 'p1', { ttlMs: CASE_MS });
    expect(await hostOffBy(TEN_MINUTES, () => allDue(other))).toEqual([]);
    await store.note(lease, { refreshAt: now + TEN_MINUTES / 2 }, { release: true });
    expect(await hostOffBy(TEN_MINUTES, () => allDue(other))).toEqual([]);
    await store.note(lease, { refreshAt: now }, { release: true });
    expect(await hostOffBy(-TEN_MINUTES, () => allDue(other))).toEqual([KEY]);
  });

  onOwnClock('ends a lease by its own clock, though its holder’s runs ahead', async (store, other) => {
    const lease = await hostOffBy(TEN_MINUTES, () => claimed(store, 'p1', { ttlMs: 20 }));
    const seen = { key: KEY, generation: 0, epoch: lease.epoch };
    expect(await comesTrue(async () => 'kind' in (await other.claim(seen, 'p2', TTL)), patienceMs)).toBe(true);
  });

  onOwnClock('begins generations and sets tombstones by its own clock', async (store) => {
    const { now } = await store.read(KEY);
    await hostOffBy(-TEN_MINUTES, () => store.commit(KEY, token('a', { now: () => now }), { predecessor: 0 }));
    const { generation } = await recordOf(store);
    expect(generation).toBeGreaterThanOrEqual(Math.floor(now));
    expect(CASE_MS).toBeGreaterThan(generation - now);
    await hostOffBy(TEN_MINUTES, () => store.remove(KEY, generation));
    expect(CASE_MS).toBeGreaterThan(Math.abs(((await recordOf(store)).goneAt ?? 0) - now));
  });
}

/** The time in each kind of answer. */
async function nowsOf(store: TokenStore): Promise<number[]> {
  return [
    (await store.read(KEY)).now,
    (await store.due({ limit: 1, accounts: [ACCOUNT] })).now,
    (await store.list({}, { limit: 1 })).now,
  ];
}

/** What `body` brings while this process takes the time for another one. */
async function hostOffBy<Value>(ms: number, body: () => Promise<Value>): Promise<Value> {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    return await body();
  } finally {
    Date.now = now;
  }
}
