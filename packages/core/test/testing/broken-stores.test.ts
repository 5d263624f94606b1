import { describe, expect, it } from 'vitest';
import type { StoreContractOptions } from '../../src/testing/index.js';
import { BROKEN_COMMITS } from './broken/commits.js';
import { BROKEN_INDEX } from './broken/due.js';
import { BROKEN_KEYS } from './broken/keys.js';
import { BROKEN_LEASES } from './broken/leases.js';
import { BROKEN_RECORDS } from './broken/records.js';
import { BROKEN_SURROUNDINGS } from './broken/surroundings.js';
import { outcomesOf } from './collecting-runner.js';
import { type Data, SoundStore } from './sound-store.js';

const BROKEN = [
  ...BROKEN_LEASES,
  ...BROKEN_COMMITS,
  ...BROKEN_RECORDS,
  ...BROKEN_KEYS,
  ...BROKEN_INDEX,
  ...BROKEN_SURROUNDINGS,
];

type StoreClass = new (clock: { now(): number } | undefined, data?: Data) => SoundStore;

/** Few rounds and keys: what is broken on purpose is broken at once. */
function contractOf(Store: StoreClass, more: Partial<StoreContractOptions> = {}): StoreContractOptions {
  let cuts = 0;
  return {
    name: 'a store',
    ownClock: true,
    create: (clock) => new Store(clock),
    reconnect: (store, clock) => new Store(clock, (store as SoundStore).data),
    traits: { durable: false, scope: 'process' },
    plant: async (store, record) => (store as SoundStore).plant(record),
    sever: (store) => (store as SoundStore).cut(cuts++ % 2 === 1),
    ...more,
  } as StoreContractOptions;
}

describe('a store that keeps every promise', () => {
  it('fails no case, and leaves none out', async () => {
    const outcomes = await outcomesOf(contractOf(SoundStore, { rounds: 100 }));
    expect([...outcomes].filter(([, outcome]) => outcome !== 'kept')).toEqual([]);
    expect(outcomes.size).toBeGreaterThan(80);
  });
});

describe('the contract of TokenStore fails a store that', () => {
  it.each(BROKEN.map((broken) => [broken.mistake, broken] as const))('%s', async (_mistake, { store, breaks }) => {
    const outcomes = await outcomesOf(contractOf(store, { rounds: 20, keys: 1_000, patienceMs: 60, seed: 1 }));
    const broken = [...outcomes].filter(([, outcome]) => outcome !== 'kept');
    for (const promise of breaks) {
      const found = broken.filter(([name]) => name.includes(promise));
      expect(
        found.map(([name]) => name),
        `to break: ${promise}`,
      ).not.toEqual([]);
      // Broken, not crashed: an expectation failed, or the suite says what the store did not do.
      for (const [, error] of found) expect((error as Error).name).toMatch(/^(AssertionError|TokenError)$/);
    }
    expect(broken.length).toBeLessThan(outcomes.size / 2);
  });
});
