import type { Lease } from '../store/store.js';
import { claimed, KEY, key, recordOf, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** Who may attempt: claims, renewals, notes, intents. */
export function leasesCases({ test, expect }: StoreCases): void {
  test('gives a lease to one holder only, with the next epoch', async (store, clock, other) => {
    const seen = { key: KEY, generation: 0, epoch: 0 };
    expect(await store.claim(seen, 'p1', TTL)).toEqual({
      kind: 'lease',
      key: KEY,
      epoch: 1,
      holder: 'p1',
      until: clock.now() + TTL,
    });
    expect(await other.claim(seen, 'p2', TTL)).toMatchObject({
      generation: 0,
      attempt: { epoch: 1, lease: { holder: 'p1' } },
    });
    expect(await other.claim({ ...seen, epoch: 1 }, 'p2', TTL)).toMatchObject({
      attempt: { lease: { holder: 'p1' } },
    });
  });

  test('gives the lease of a holder that fell silent to the next one once it has ended', async (store, clock, other) => {
    await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL);
    await clock.advance(TTL - 1);
    expect(await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)).toMatchObject({
      attempt: { epoch: 1 },
    });
    await clock.advance(1);
    expect(await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)).toMatchObject({
      kind: 'lease',
      epoch: 2,
      holder: 'p2',
    });
  });

  test('re-reads in the claim: who saw an older generation or epoch gets the present record', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    await other.commit(KEY, token('b', clock), { predecessor: generation });
    expect(await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)).toMatchObject({
      token: { value: 'token of b' },
    });
  });

  test('renews a lease for its own epoch only', async (store, clock, other) => {
    const lease = (await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL)) as Lease;
    await clock.advance(20_000);
    expect(await store.renew(lease, TTL)).toMatchObject({ until: clock.now() + TTL });
    await clock.advance(TTL);
    await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL);
    expect(await store.renew(lease, TTL)).toBeUndefined();
  });

  test('notes under the current epoch only, and never changes the generation', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
    const failure = { code: 'ERR_TOKEN_BUSY', message: 'busy', at: 1, epoch: 1 };
    expect(
      await store.note(lease, { state: 'retrying', failures: 1, retryAt: 9, refreshAt: 9, failure }, { release: true }),
    ).toBe(true);
    const { record } = await other.read(KEY);
    expect(record).toMatchObject({
      generation,
      refreshAt: 9,
      attempt: { epoch: 1, state: 'retrying', failures: 1, retryAt: 9, failure },
    });
    expect(record?.attempt.lease).toBeUndefined();
    await other.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL);
    expect(await store.note(lease, { state: 'active' }, { release: true })).toBe(false);
    expect((await store.read(KEY)).record?.attempt.lease?.holder).toBe('p2');
  });

  test('notes nothing on a token that has been replaced since, where the note names its generation', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    const lease = await claimed(store, 'p1');
    expect(await store.note(lease, { failures: 1 }, { generation })).toBe(true);
    await other.commit(KEY, token('b', clock), { predecessor: generation });
    const before = await recordOf(store);
    expect(await store.note(lease, { state: 'reauthorize' }, { release: true, generation })).toBe(false);
    expect(await recordOf(store)).toEqual(before);
    expect(await store.note(lease, { failures: 2 }, { release: true })).toBe(true);
    expect((await recordOf(store)).attempt).toEqual({ epoch: 1, state: 'active', failures: 2 });
  });

  test('keeps the intent of a holder that fell silent, as uncertain', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation });
    const since = clock.now();
    await clock.advance(TTL);
    await other.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL, { generation });
    expect((await store.read(KEY)).record?.attempt.intent).toEqual({ generation, since, epoch: 2, uncertain: true });
  });

  test('replaces the intent for another generation, keeps it where none is named, and ends it by a note', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    await claimed(store, 'p1', { intent: { generation } });
    await clock.advance(TTL);
    const lease = await claimed(store, 'p2');
    expect((await recordOf(store)).attempt.intent).toMatchObject({ generation, epoch: 1, uncertain: false });
    await store.note(lease, {}, { release: true });
    await claimed(store, 'p3', { intent: { generation: generation + 1 } });
    expect((await recordOf(store)).attempt.intent).toEqual({
      generation: generation + 1,
      since: clock.now(),
      epoch: 3,
      uncertain: false,
    });
    await clock.advance(TTL);
    const last = await claimed(store, 'p4', { intent: { generation: generation + 1 } });
    expect((await recordOf(store)).attempt.intent).toMatchObject({ epoch: 4, uncertain: true });
    await store.note(last, { intent: null }, { release: true });
    expect((await recordOf(store)).attempt.intent).toBeUndefined();
  });

  test('takes fields away that are noted as null, and leaves alone what is not named', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 1);
    const lease = await claimed(store, 'p1', { intent: { generation } });
    const failure = { code: 'ERR_TOKEN_BUSY', message: 'busy', at: 1, epoch: 1 };
    const noted = { cause: 'c', failure, retryAt: 5, doubtUntil: 6, forced: { count: 1, at: 1 } };
    await store.note(lease, { state: 'doubtful', failures: 2, ...noted });
    await store.note(lease, {});
    expect(await recordOf(store)).toMatchObject({
      refreshAt: 1,
      attempt: { state: 'doubtful', failures: 2, ...noted },
    });
    const none = { intent: null, cause: null, failure: null, retryAt: null, doubtUntil: null, forced: null };
    await store.note(lease, { ...none, refreshAt: null }, { release: true });
    const record = await recordOf(store);
    expect(record.attempt).toEqual({ epoch: 1, state: 'doubtful', failures: 2 });
    expect(record.refreshAt).toBeUndefined();
    expect([record.generation, record.token]).toEqual([generation, token('a', clock)]);
  });

  test('refuses a claim while a lease lives, the holder’s own too', async (store) => {
    const { epoch } = await claimed(store, 'p1');
    const seen = { key: KEY, generation: 0, epoch };
    expect(await store.claim(seen, 'p1', TTL)).toMatchObject({ attempt: { epoch, lease: { holder: 'p1' } } });
  });

  test('renews a lease that has ended, as long as nobody else has claimed', async (store, clock, other) => {
    const lease = await claimed(store, 'p1');
    await clock.advance(2 * TTL);
    expect(await store.renew(lease, TTL)).toEqual({ ...lease, until: clock.now() + TTL });
    const seen = { key: KEY, generation: 0, epoch: 1 };
    expect(await other.claim(seen, 'p2', TTL)).toMatchObject({ attempt: { epoch: 1, lease: { holder: 'p1' } } });
  });

  test('renews nothing for a holder that let go, or for one that never held', async (store) => {
    const lease = await claimed(store, 'p1');
    expect(await store.renew({ ...lease, holder: 'p2' }, 2 * TTL)).toBeUndefined();
    expect(await store.renew({ ...lease, epoch: 2 }, 2 * TTL)).toBeUndefined();
    expect(await store.renew({ ...lease, key: key('unknown') }, TTL)).toBeUndefined();
    expect((await recordOf(store)).attempt.lease).toEqual({ holder: 'p1', until: lease.until });
    expect(await store.note(lease, {}, { release: true })).toBe(true);
    expect(await store.renew(lease, TTL)).toBeUndefined();
    expect((await recordOf(store)).attempt.lease).toBeUndefined();
    expect((await store.read(key('unknown'))).record).toBeUndefined();
  });

  test('releases with the note that asks for it only, and never blindly', async (store, clock, other) => {
    const old = await claimed(store, 'p1');
    expect(await store.note(old, { failures: 1 })).toBe(true);
    expect((await recordOf(store)).attempt).toMatchObject({ failures: 1, lease: { holder: 'p1' } });
    await clock.advance(TTL);
    const lease = await claimed(other, 'p2');
    for (const epoch of [old.epoch, lease.epoch + 1])
      expect(await store.note({ ...old, epoch }, { failures: 9 }, { release: true })).toBe(false);
    expect((await recordOf(store)).attempt).toMatchObject({ failures: 1, lease: { holder: 'p2' } });
    expect(await store.note({ ...lease, key: key('unknown') }, {}, { release: true })).toBe(false);
    expect(await other.note(lease, {}, { release: true })).toBe(true);
    expect((await recordOf(store)).attempt.lease).toBeUndefined();
  });
}
