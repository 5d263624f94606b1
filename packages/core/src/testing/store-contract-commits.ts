import { RECORD_VERSION, type TokenPart } from '../store/record.js';
import type { Lease } from '../store/store.js';
import { ACCOUNT, KEY, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** What is stored, and over what: commits, generations, tombstones. */
export function commitsCases({ test, expect, rounds }: StoreCases): void {
  test('stores a first token only where neither token nor tombstone stands', async (store, clock, other) => {
    expect(await store.commit(KEY, token('a', clock), { predecessor: 0, refreshAt: 5 })).toBe('accepted');
    const { record } = await other.read(KEY);
    expect(record).toMatchObject({
      v: RECORD_VERSION,
      key: KEY,
      token: token('a', clock),
      refreshAt: 5,
      attempt: { epoch: 0, state: 'active' },
    });
    expect(record?.generation).toBeGreaterThanOrEqual(Math.floor(clock.now()));
    expect(await other.commit(KEY, token('b', clock), { predecessor: 0 })).toMatchObject({
      token: { value: 'token of a' },
    });
    expect(await store.remove(KEY, record?.generation ?? 0)).toBe(true);
    expect(await store.commit(KEY, token('b', clock), { predecessor: 0 })).toMatchObject({
      attempt: { state: 'gone' },
    });
  });

  test('never creates a record by a commit that names a predecessor', async (store, clock) => {
    expect(await store.commit(KEY, token('late', clock), { predecessor: 41 })).toMatchObject({ generation: 0 });
    expect((await store.read(KEY)).record?.token).toBeUndefined();
  });

  test('lets a commit follow its predecessor alone, and numbers generations upward', async (store, clock, other) => {
    const first = await seed(store, clock, 'a');
    expect(await other.commit(KEY, token('b', clock), { predecessor: first })).toBe('accepted');
    const second = (await store.read(KEY)).record?.generation ?? 0;
    expect(second).toBeGreaterThan(first);
    expect(await store.commit(KEY, token('c', clock), { predecessor: first })).toMatchObject({
      generation: second,
      token: { value: 'token of b' },
    });
  });

  test('accepts an equal value under its generation and merges times: a known end beats an unknown one, then the later', async (store, clock) => {
    const { expiresAt: _end, ...endless } = token('a', clock);
    expect(await store.commit(KEY, endless, { predecessor: 0 })).toBe('accepted');
    const generation = (await store.read(KEY)).record?.generation ?? 0;
    expect(await store.commit(KEY, { ...token('a', clock), expiresAt: 900 }, { predecessor: 0 })).toBe('accepted');
    expect(await store.commit(KEY, { ...token('a', clock), expiresAt: 700 }, { predecessor: generation + 7 })).toBe(
      'accepted',
    );
    expect((await store.read(KEY)).record).toMatchObject({ generation, token: { expiresAt: 900 } });
  });

  test('refuses a fenced commit under an old epoch, and no other', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    const old = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL)) as Lease;
    await clock.advance(TTL);
    await store.claim({ key: KEY, generation, epoch: 1 }, 'p2', TTL);
    expect(
      await store.commit(KEY, token('b', clock), { predecessor: generation, lease: old, fenced: true }),
    ).toMatchObject({ token: { value: 'token of a' } });
    expect(await store.commit(KEY, token('b', clock), { predecessor: generation, lease: old })).toBe('accepted');
  });

  test('ends intent, doubt and failures with a commit of another value', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation })) as Lease;
    await store.note(lease, { state: 'doubtful', failures: 3, doubtUntil: 77, retryAt: 5 });
    expect(
      await store.commit(KEY, token('b', clock), { predecessor: generation, lease, release: true, refreshAt: 6 }),
    ).toBe('accepted');
    expect((await store.read(KEY)).record?.attempt).toEqual({ epoch: 1, state: 'active', failures: 0 });
  });

  test('leaves a tombstone that only a new authorization replaces, with a higher generation', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 1);
    expect(await store.remove(KEY, generation + 1)).toBe(false);
    expect(await store.remove(KEY, generation)).toBe(true);
    expect(await store.remove(KEY, generation)).toBe(false);
    expect((await other.read(KEY)).record).toMatchObject({
      generation,
      goneAt: clock.now(),
      attempt: { state: 'gone' },
    });
    expect((await other.read(KEY)).record?.token).toBeUndefined();
    expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
    expect(await other.commit(KEY, token('late', clock), { predecessor: generation })).toMatchObject({
      attempt: { state: 'gone' },
    });
    expect(await other.commit(KEY, token('new', clock), { predecessor: generation, revive: true })).toBe('accepted');
    expect((await store.read(KEY)).record?.generation).toBe(generation + 1);
  });

  test('keeps large values and extra facts as they are', async (store, clock) => {
    const part: TokenPart = {
      ...token('a', clock),
      value: 'é'.repeat(4_096),
      refreshToken: 'r'.repeat(4_096),
      extra: { scope: ['a', 'b'], nested: { n: 1, t: null } },
    };
    await store.commit(KEY, part, { predecessor: 0 });
    expect((await store.read(KEY)).record?.token).toEqual(part);
  });

  test('lets exactly one of two writers of one predecessor win, every time', async (store, clock, other) => {
    let generation = await seed(store, clock, 'seed');
    for (let round = 0; round < rounds; round++) {
      const answers = await Promise.all([
        store.commit(KEY, token(`a${round}`, clock), { predecessor: generation }),
        other.commit(KEY, token(`b${round}`, clock), { predecessor: generation }),
      ]);
      const { record } = await store.read(KEY);
      expect(answers.filter((answer) => answer === 'accepted').length).toBe(1);
      expect(record?.token?.value).toBe(`token of ${answers[0] === 'accepted' ? 'a' : 'b'}${round}`);
      expect(record?.generation).toBe(generation + 1);
      generation = record?.generation ?? 0;
    }
  });
}
