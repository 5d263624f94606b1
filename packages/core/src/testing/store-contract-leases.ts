import type { Lease } from '../store/store.js';
import { KEY, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** Who may attempt: claims, renewals, notes, intents. */
export function leasesCases({ test, expect, rounds }: StoreCases): void {
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

  test('ends the lease with the commit that asks for it, and nobody else’s', async (store, clock, other) => {
    const first = (await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p1', TTL)) as Lease;
    await clock.advance(TTL);
    const second = (await other.claim({ key: KEY, generation: 0, epoch: 1 }, 'p2', TTL)) as Lease;
    expect(await store.commit(KEY, token('a', clock), { predecessor: 0, lease: first, release: true })).toBe(
      'accepted',
    );
    expect((await store.read(KEY)).record?.attempt.lease?.holder).toBe('p2');
    const generation = (await store.read(KEY)).record?.generation ?? 0;
    expect(await other.commit(KEY, token('b', clock), { predecessor: generation, lease: second, release: true })).toBe(
      'accepted',
    );
    expect((await store.read(KEY)).record?.attempt.lease).toBeUndefined();
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

  test('notes nothing on a token that has been replaced since', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
    await other.commit(KEY, token('b', clock), { predecessor: generation });
    expect(await store.note(lease, { state: 'reauthorize' }, { release: true, generation })).toBe(false);
    expect((await store.read(KEY)).record?.attempt.state).toBe('active');
  });

  test('keeps the intent of a holder that fell silent, as uncertain', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation });
    const since = clock.now();
    await clock.advance(TTL);
    await other.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL, { generation });
    expect((await store.read(KEY)).record?.attempt.intent).toEqual({ generation, since, epoch: 2, uncertain: true });
  });

  test('gives exactly one of two claimants the lease, every time', async (store, _clock, other) => {
    for (let round = 0; round < rounds; round++) {
      const seen = { key: KEY, generation: 0, epoch: round };
      const answers = await Promise.all([store.claim(seen, 'p1', TTL), other.claim(seen, 'p2', TTL)]);
      const leases = answers.filter((answer) => 'kind' in answer) as Lease[];
      expect(leases.length).toBe(1);
      expect(await store.note(leases[0] as Lease, {}, { release: true })).toBe(true);
    }
  });
}
