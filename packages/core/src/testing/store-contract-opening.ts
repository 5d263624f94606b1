import { accountKeyIn } from '../key.js';
import type { OptionalOperation } from './store-contract.js';
import { KEY, outcomeOf, recordOf, type StoreCases, seed, TTL, token } from './store-contract-support.js';

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

  it('answers or refuses what it is asked before it is opened, and never hangs', async () => {
    const clock = newClock();
    const store = await options.create(clock);
    const lease = { kind: 'lease', key: KEY, epoch: 1, holder: 'p1', until: clock.now() + TTL } as const;
    const asked: Promise<unknown>[] = [
      store.read(KEY),
      store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL),
      store.commit(KEY, token('a', clock), { predecessor: 0 }),
      store.note(lease, { failures: 1 }),
      store.due({ limit: 1, accounts: [accountKeyIn(KEY)] }),
      store.list({}, { limit: 1 }),
    ];
    const outcomes = await Promise.all(asked.map((answer) => outcomeOf(answer, patienceMs)));
    expect(await outcomeOf(store.close(), patienceMs)).toEqual({ value: undefined });
    expect(outcomes.filter((outcome) => outcome === 'pending')).toEqual([]);
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
