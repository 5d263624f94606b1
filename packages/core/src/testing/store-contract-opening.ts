import type { TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import type { OptionalOperation } from './store-contract.js';
import { ACCOUNT, KEY, outcomeOf, recordOf, type StoreCases, seed, TTL, token } from './store-contract-support.js';

const OPTIONAL: readonly OptionalOperation[] = ['reseal', 'watch'];

/** Before, at and after: what a store promises, opening, closing. */
export function openingCases({ test, it, expect, options, newClock, patienceMs, has }: StoreCases): void {
  it('says what it promises, each time it is opened', async () => {
    const store = await options.create(newClock());
    try {
      expect(await store.open()).toEqual(options.traits);
      expect(await store.open()).toEqual(options.traits);
    } finally {
      await store.close();
    }
  });

  it('has each optional operation but those it is declared to lack', async () => {
    const store = await options.create(newClock());
    try {
      expect(OPTIONAL.filter((operation) => store[operation] === undefined)).toEqual(
        OPTIONAL.filter((operation) => !has(operation)),
      );
    } finally {
      await store.close();
    }
  });

  /** One operation of each kind, all at once; what is still pending when the suite's patience ends. */
  const unanswered = async (store: TokenStore, clock: { now(): EpochMs }) => {
    const lease = { kind: 'lease', key: KEY, epoch: 1, holder: 'p1', until: clock.now() + TTL } as const;
    const asked: Record<string, Promise<unknown>> = {
      read: store.read(KEY),
      claim: store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL),
      renew: store.renew(lease, TTL),
      commit: store.commit(KEY, token('a', clock), { predecessor: 0 }),
      note: store.note(lease, { failures: 1 }),
      remove: store.remove(KEY, 1),
      park: store.park({ key: KEY, generation: 0, epoch: 0 }, 'unknownSource'),
      due: store.due({ limit: 1, accounts: [ACCOUNT] }),
      list: store.list({}, { limit: 1 }),
    };
    const outcomes = Object.entries(asked).map(
      async ([name, answer]) => [name, await outcomeOf(answer, patienceMs)] as const,
    );
    return (await Promise.all(outcomes)).flatMap(([name, outcome]) => (outcome === 'pending' ? [name] : []));
  };

  it('answers or refuses what it is asked before it is opened, and never hangs', async () => {
    const clock = newClock();
    const store = await options.create(clock);
    expect(await unanswered(store, clock)).toEqual([]);
    expect(await outcomeOf(store.close(), patienceMs)).toEqual({ value: undefined });
  });

  it('answers or refuses what it is asked after it was closed, and never hangs', async () => {
    const clock = newClock();
    const store = await options.create(clock);
    await store.open();
    await store.close();
    expect(await unanswered(store, clock)).toEqual([]);
    expect(await outcomeOf(store.close(), patienceMs)).toEqual({ value: undefined });
  });

  if (options.reconnect) {
    test('may be closed twice, and what it acknowledged is there for the next connection', async (store, clock, other) => {
      const part = token('a', clock);
      expect(await store.commit(KEY, part, { predecessor: 0, refreshAt: 5 })).toBe('accepted');
      await store.close();
      await store.close();
      expect(await recordOf(other)).toMatchObject({ token: part, refreshAt: 5 });
    });
  } else {
    test('may be closed twice', async (store, clock) => {
      await seed(store, clock, 'a');
      for (const closing of [store.close(), store.close()])
        expect(await outcomeOf(closing, patienceMs)).toEqual({ value: undefined });
    });
  }
}
