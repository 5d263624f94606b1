import type { TokenRecord } from '../store/record.js';
import type { StoreTraits, TokenStore } from '../store/store.js';
import type { ManualClock } from './manual-clock.js';
import { clocksCases } from './store-contract-clocks.js';
import { commitsCases } from './store-contract-commits.js';
import { indexCases } from './store-contract-index.js';
import { leasesCases } from './store-contract-leases.js';
import { manyCases } from './store-contract-many.js';
import { openingCases } from './store-contract-opening.js';
import { racesCases } from './store-contract-races.js';
import { referenceCases } from './store-contract-reference.js';
import { sealingCases } from './store-contract-sealing.js';
import { severCases } from './store-contract-sever.js';
import { type CaseBody, opened, type StoreCases } from './store-contract-support.js';
import { tombstonesCases } from './store-contract-tombstones.js';
import { valuesCases } from './store-contract-values.js';
import { versionsCases } from './store-contract-versions.js';
import { watchCases } from './store-contract-watch.js';

/**
 * What the suites need of a test runner. Vitest and Jest fit as they are: `{ describe, it, expect }`. So do `describe` and
 * `it` of node:test, which has no `expect`: bring one, of the package `expect` or your own with the six matchers below.
 */
export interface TestRunner {
  /** Groups tests. */
  describe(name: string, body: () => void): void;
  /** `timeoutMs`: how long a slow case may take, where the runner has a limit of its own. node:test has none and ignores it. */
  it(name: string, body: () => Promise<void> | void, timeoutMs?: number): void;
  /** Compares. */
  expect(actual: unknown): {
    /** `Object.is`. */
    toBe(expected: unknown): void;
    /** The same structure; a property that is `undefined` counts as absent. */
    toEqual(expected: unknown): void;
    /** At least these properties, at every depth; arrays as a whole. */
    toMatchObject(expected: object): void;
    toBeUndefined(): void;
    toBeGreaterThan(expected: number): void;
    toBeGreaterThanOrEqual(expected: number): void;
  };
}

/** What a store may do without. */
export type OptionalOperation = 'reseal' | 'watch';

/** How stores may differ: each difference is named here, none is a skip. What is left out shows in the suite's title. */
export interface StoreContractSettings {
  readonly name: string;
  readonly traits: StoreTraits;
  /** Optional operations the store does not have. Default: none, it has them all. */
  readonly lacks?: readonly OptionalOperation[];
  /** Rounds of each race of two. Races of more take fewer. Default 1,000. */
  readonly rounds?: number;
  /** How many keys the store holds where the suite pages through what is due. Default 10,000; fewer for a store that is slow to fill. */
  readonly keys?: number;
  /** Puts records into an empty store, faster than commits would. Default: commits, 100 at a time. */
  readonly fill?: (store: TokenStore, records: readonly TokenRecord[]) => Promise<void>;
  /** Writes a record as another version of this library would. Without it unknown fields and higher formats stay untested. */
  readonly plant?: (store: TokenStore, record: TokenRecord) => Promise<void>;
  /**
   * Cuts this connection as a failing network would, while the server and the connections of others go on. Without it the
   * store counts as one that has no connection to lose.
   */
  readonly sever?: (store: TokenStore) => Promise<void>;
  /** How long the suite waits for what has to come by itself: an operation to settle, a watcher to be told. Default 10,000 ms. */
  readonly patienceMs?: number;
  /** Starts the random sequence of operations. Default: another one each time; a failure says which. */
  readonly seed?: number;
}

/** A store that takes its time from the clock it is given. */
export interface GivenClock {
  readonly ownClock?: never;
  /** A new, empty store on the given clock. It is closed after each test. */
  readonly create: (clock: ManualClock) => Promise<TokenStore> | TokenStore;
  /** Another connection to the same data: what a second process has. Default: the same object. */
  readonly reconnect?: (store: TokenStore, clock: ManualClock) => Promise<TokenStore> | TokenStore;
}

/** A store that has a clock of its own, a server's, which the suite replaces for most of its cases. */
export interface OwnClock {
  /** Leases are judged by the store's own clock, whatever this process takes for the time. */
  readonly ownClock: true;
  /** A new, empty store: on the given clock, or, where there is none, on its own. It is closed after each test. */
  readonly create: (clock: ManualClock | undefined) => Promise<TokenStore> | TokenStore;
  /** Another connection to the same data, on the same clock. Default: the same object. */
  readonly reconnect?: (store: TokenStore, clock: ManualClock | undefined) => Promise<TokenStore> | TokenStore;
}

/** Options of `storeContract`. */
export type StoreContractOptions = StoreContractSettings & (GivenClock | OwnClock);

/** Limits for cases with many steps; a slow, busy machine needs them, a healthy one does not come near. */
const CASE_MS = 60_000;

/**
 * Everything a `TokenStore` owes, as tests.
 *
 * @example With Vitest.
 * ```ts
 * import { ManualClock, storeContract } from '@evertoken/core/testing';
 * import { describe, expect, it } from 'vitest';
 *
 * storeContract({ describe, it, expect }, () => new ManualClock(), {
 *   name: 'myStore',
 *   create: (clock) => myStore({ clock }),
 *   traits: { durable: 'synced', scope: 'fleet' },
 *   lacks: ['watch'],
 * });
 * ```
 *
 * @example With node:test.
 * ```ts
 * import { describe, it } from 'node:test';
 * import { expect } from 'expect';
 *
 * storeContract({ describe, it, expect }, () => new ManualClock(), { ... });
 * ```
 */
export function storeContract(runner: TestRunner, newClock: () => ManualClock, options: StoreContractOptions): void {
  const { expect } = runner;
  const lacks = options.lacks ?? [];
  const test = (name: string, body: CaseBody, timeoutMs = CASE_MS) =>
    runner.it(
      name,
      async () => {
        const clock = newClock();
        await opened(options, clock, (store, other) => body(store, clock, other));
      },
      timeoutMs,
    );
  const cases: StoreCases = {
    test,
    expect,
    options,
    newClock,
    it: (name, body, timeoutMs = CASE_MS) => runner.it(name, body, timeoutMs),
    rounds: options.rounds ?? 1_000,
    keys: options.keys ?? 10_000,
    patienceMs: options.patienceMs ?? 10_000,
    has: (operation) => !lacks.includes(operation),
  };

  runner.describe(titleOf(options), () => {
    openingCases(cases);
    commitsCases(cases);
    tombstonesCases(cases);
    leasesCases(cases);
    racesCases(cases);
    indexCases(cases);
    valuesCases(cases);
    versionsCases(cases);
    sealingCases(cases);
    clocksCases(cases);
    referenceCases(cases);
    manyCases(cases);
    if (cases.has('watch')) watchCases(cases);
    severCases(cases);
  });
}

/** Says what this run does not show, because the store declares that it has no such thing. */
function titleOf(options: StoreContractOptions): string {
  const { name, keys, lacks = [] } = options;
  const without = [
    ...(options.reconnect ? [] : ['no second connection']),
    ...(options.sever ? [] : ['no connection to lose']),
    ...(options.ownClock ? [] : ['no clock of its own']),
    ...(options.plant ? [] : ['no records of other versions']),
    ...(keys === undefined ? [] : [`${keys} keys`]),
    ...lacks.map((operation) => `no ${operation}`),
  ];
  return `${name} keeps the contract of TokenStore${without.length > 0 ? ` (${without.join(', ')})` : ''}`;
}
