import { RECORD_VERSION, type TokenRecord } from '../store/record.js';
import type { Lease, StoreTraits, TokenStore } from '../store/store.js';
import type { ManualClock } from './manual-clock.js';
import { commitsCases } from './store-contract-commits.js';
import { indexCases } from './store-contract-index.js';
import { leasesCases } from './store-contract-leases.js';
import { KEY, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** What the suites need of a test runner: Vitest, Jest and node:test fit (with an `expect`). */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void> | void): void;
  expect(actual: unknown): {
    toBe(expected: unknown): void;
    toEqual(expected: unknown): void;
    toMatchObject(expected: object): void;
    toBeUndefined(): void;
    toBeGreaterThan(expected: number): void;
    toBeGreaterThanOrEqual(expected: number): void;
  };
}

/** How stores may differ: each difference is named here, none is a skip. */
export interface StoreContractOptions {
  readonly name: string;
  /** A new, empty store on the given clock. It is closed after each test. */
  readonly create: (clock: ManualClock) => Promise<TokenStore> | TokenStore;
  /** Another connection to the same data: what a second process has. Default: the same object. */
  readonly reconnect?: (store: TokenStore, clock: ManualClock) => Promise<TokenStore> | TokenStore;
  readonly traits: StoreTraits;
  /** Rounds of each race. Default 200. */
  readonly rounds?: number;
  /** Writes a record as another version of this library would. Needed for the tests of unknown fields and formats. */
  readonly plant?: (store: TokenStore, record: TokenRecord) => Promise<void>;
}

/** Everything a `TokenStore` owes, as tests. */
export function storeContract(
  { describe, it, expect }: TestRunner,
  newClock: () => ManualClock,
  options: StoreContractOptions,
): void {
  const rounds = options.rounds ?? 200;
  const test = (name: string, body: (store: TokenStore, clock: ManualClock, other: TokenStore) => Promise<void>) =>
    it(name, async () => {
      const clock = newClock();
      const store = await options.create(clock);
      await store.open();
      const other = (await options.reconnect?.(store, clock)) ?? store;
      if (other !== store) await other.open();
      try {
        await body(store, clock, other);
      } finally {
        if (other !== store) await other.close();
        await store.close();
      }
    });

  describe(`${options.name} keeps the contract of TokenStore`, () => {
    it('says what it promises', async () => {
      const store = await options.create(newClock());
      expect(await store.open()).toEqual(options.traits);
      expect(await store.open()).toEqual(options.traits);
      await store.close();
    });

    const cases: StoreCases = { test, expect, rounds };
    commitsCases(cases);
    leasesCases(cases);
    indexCases(cases);

    const { plant } = options;
    if (plant) {
      test('keeps fields it does not know', async (store, clock) => {
        const part = token('a', clock);
        await plant(store, {
          v: RECORD_VERSION,
          key: KEY,
          generation: 7,
          token: part,
          later: { x: 1 },
          attempt: { epoch: 3, state: 'active', failures: 0, more: 2 },
        } as TokenRecord);
        const lease = (await store.claim({ key: KEY, generation: 7, epoch: 3 }, 'p1', TTL)) as Lease;
        expect(await store.commit(KEY, token('b', clock), { predecessor: 7, lease, release: true })).toBe('accepted');
        expect((await store.read(KEY)).record).toMatchObject({
          generation: 8,
          later: { x: 1 },
          attempt: { epoch: 4, more: 2 },
        });
      });

      test('serves a record of a higher format and changes nothing in it', async (store, clock) => {
        const record: TokenRecord = {
          v: RECORD_VERSION + 1,
          key: KEY,
          generation: 7,
          token: token('a', clock),
          attempt: { epoch: 3, state: 'active', failures: 0 },
        };
        await plant(store, record);
        expect((await store.read(KEY)).record).toEqual(record);
        expect(await store.claim({ key: KEY, generation: 7, epoch: 3 }, 'p1', TTL)).toEqual(record);
        expect(await store.commit(KEY, token('b', clock), { predecessor: 7 })).toEqual(record);
        expect(await store.remove(KEY, 7)).toBe(false);
        expect((await store.read(KEY)).record).toEqual(record);
      });
    }

    if (options.reconnect) {
      test('keeps what it acknowledged for the next process', async (store, clock, other) => {
        await seed(store, clock, 'a');
        expect((await other.read(KEY)).record?.token?.value).toBe('token of a');
      });
    }
  });
}
