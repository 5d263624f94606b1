import {
  ACCOUNT,
  allDue,
  allListed,
  claimed,
  KEY,
  key,
  recordOf,
  type StoreCases,
  seed,
  TTL,
  token,
} from './store-contract-support.js';

const DAY = 24 * 60 * 60_000;

/** What is forgotten stays forgotten; what is kept is never forgotten; no generation comes back. */
export function tombstonesCases({ test, expect }: StoreCases): void {
  test('leaves a tombstone that only a new authorization replaces, with a higher generation', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 1);
    expect(await store.remove(KEY, generation + 1)).toBe(false);
    expect(await store.remove(KEY, generation - 1)).toBe(false);
    expect(await store.remove(KEY, generation)).toBe(true);
    expect(await store.remove(KEY, generation)).toBe(false);
    const tombstone = await recordOf(other);
    expect(tombstone).toMatchObject({ generation, goneAt: clock.now(), attempt: { state: 'gone' } });
    expect(tombstone.token).toBeUndefined();
    expect(await allDue(store)).toEqual([]);
    expect(await allListed(store, { states: ['gone'] })).toEqual([tombstone]);
    for (const late of [
      { predecessor: generation },
      { predecessor: 0 },
      { predecessor: 0, revive: true },
      { predecessor: generation - 1, revive: true },
    ])
      expect(await other.commit(KEY, token('late', clock), late)).toEqual(tombstone);
    const revive = { predecessor: generation, revive: true, refreshAt: 7 };
    expect(await other.commit(KEY, token('new', clock), revive)).toBe('accepted');
    const record = await recordOf(store);
    expect(record).toMatchObject({ generation: generation + 1, refreshAt: 7, attempt: { state: 'active' } });
    expect(record.token).toEqual(token('new', clock));
    expect(record.goneAt).toBeUndefined();
  });

  test('removes nothing where nothing stands', async (store) => {
    expect(await store.remove(KEY, 0)).toBe(false);
    await claimed(store, 'p1');
    expect(await store.remove(KEY, 0)).toBe(false);
    expect((await store.read(KEY)).record?.goneAt).toBeUndefined();
  });

  test('lets a removal end the attempt that is under way: its holder can only let go', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 1);
    const lease = await claimed(store, 'p1', { intent: { generation } });
    await other.remove(KEY, generation);
    expect((await recordOf(store)).attempt).toEqual({ epoch: 1, state: 'gone', failures: 0 });
    expect(await store.renew(lease, TTL)).toBeUndefined();
    expect(await store.note(lease, { state: 'retrying', failures: 1, refreshAt: 5 }, { release: true })).toBe(true);
    const late = { predecessor: generation, lease, release: true };
    expect(await store.commit(KEY, token('late', clock), late)).toMatchObject({ attempt: { state: 'gone' } });
    const tombstone = await recordOf(store);
    expect(tombstone.attempt).toEqual({ epoch: 1, state: 'gone', failures: 0 });
    expect(tombstone.refreshAt).toBeUndefined();
  });

  test('gives no lease with the intent to present a token that was removed meanwhile', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    const { epoch } = (await recordOf(store)).attempt;
    await other.remove(KEY, generation);
    const answer = await store.claim({ key: KEY, generation, epoch }, 'p1', TTL, { generation });
    expect(answer).toEqual(await recordOf(other));
    expect(await store.claim({ key: KEY, generation, epoch }, 'p1', TTL)).toMatchObject({
      kind: 'lease',
      epoch: epoch + 1,
    });
  });

  test('goes on counting epochs over a tombstone, whose holder may note a failure, let go, or put a new token there', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    await claimed(store, 'p1');
    await store.remove(KEY, generation);
    const lease = await claimed(store, 'p2');
    expect(lease.epoch).toBe(2);
    const change = {
      state: 'active',
      cause: 'busy',
      failures: 1,
      retryAt: clock.now() + 9,
      refreshAt: clock.now(),
    } as const;
    expect(await store.note(lease, change)).toBe(true);
    const noted = await recordOf(store);
    const { retryAt } = change;
    expect(noted.attempt).toEqual({ epoch: 2, state: 'gone', failures: 1, retryAt, lease: noted.attempt.lease });
    expect([noted.attempt.lease?.holder, noted.refreshAt]).toEqual(['p2', undefined]);
    const revive = { predecessor: generation, lease, release: true, fenced: true, revive: true };
    expect(await store.commit(KEY, token('new', clock), revive)).toBe('accepted');
    expect((await recordOf(store)).attempt).toEqual({ epoch: 2, state: 'active', failures: 0 });
  });

  test('forgets no record by itself, however long its token has ended, and no tombstone within 30 days', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 5);
    await store.commit(key('forgotten'), token('f', clock), { predecessor: 0 });
    await clock.advance(400 * DAY);
    expect(await recordOf(other)).toMatchObject({ generation, token: { value: 'token of a' }, refreshAt: 5 });
    expect(await allDue(other)).toEqual([KEY]);
    const forgotten = await recordOf(store, key('forgotten'));
    await store.remove(forgotten.key, forgotten.generation);
    await clock.advance(29 * DAY);
    expect(await recordOf(other, forgotten.key)).toMatchObject({ attempt: { state: 'gone' } });
    expect(await allListed(other, { accounts: [ACCOUNT], states: ['gone'] })).toMatchObject([{ key: forgotten.key }]);
  });

  test('begins generations at its time, which is where a key that was lost goes on', async (store, clock) => {
    await clock.advance(0.75);
    const generation = await seed(store, clock, 'a');
    expect(Number.isInteger(generation)).toBe(true);
    expect(generation).toBeGreaterThanOrEqual(Math.floor(clock.now()));
  });

  test('counts generations and epochs on when the clock is stepped back', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    await claimed(store, 'p1', { ttlMs: 1 });
    await clock.advance(1);
    clock.step(-10 * DAY);
    // By the store's time the lease is ten days from its end now: who waits for it sees that, and nobody takes it.
    const { epoch } = (await recordOf(other)).attempt;
    expect(await other.claim({ key: KEY, generation, epoch }, 'p2', TTL)).toMatchObject({ attempt: { epoch: 1 } });
    expect(await other.commit(KEY, token('b', clock), { predecessor: generation })).toBe('accepted');
    expect((await recordOf(store)).generation).toBe(generation + 1);
    expect(await store.remove(KEY, generation + 1)).toBe(true);
    expect(await store.commit(KEY, token('c', clock), { predecessor: generation + 1, revive: true })).toBe('accepted');
    expect((await recordOf(store)).generation).toBe(generation + 2);
    expect((await claimed(other, 'p3')).epoch).toBe(2);
  });
}
