import { RECORD_VERSION, type TokenPart } from '../store/record.js';
import { claimed, KEY, recordOf, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** What is stored, and over what: commits and what they end. */
export function commitsCases(cases: StoreCases): void {
  const { test, expect } = cases;

  test('stores a first token only where neither token nor tombstone stands', async (store, clock, other) => {
    expect(await store.commit(KEY, token('a', clock), { predecessor: 0, refreshAt: 5 })).toBe('accepted');
    const record = await recordOf(other);
    expect(record).toMatchObject({
      v: RECORD_VERSION,
      key: KEY,
      token: token('a', clock),
      refreshAt: 5,
      attempt: { epoch: 0, state: 'active', failures: 0 },
    });
    expect(await other.commit(KEY, token('b', clock), { predecessor: 0 })).toEqual(record);
    expect(await store.remove(KEY, record.generation)).toBe(true);
    expect(await store.commit(KEY, token('b', clock), { predecessor: 0 })).toMatchObject({
      attempt: { state: 'gone' },
    });
  });

  test('never creates a record by a commit that names a predecessor', async (store, clock) => {
    for (const revive of [false, true]) {
      const answer = await store.commit(KEY, token('late', clock), { predecessor: 41, revive });
      expect(answer).toMatchObject({ key: KEY, generation: 0 });
    }
    expect((await store.read(KEY)).record?.token).toBeUndefined();
  });

  test('takes a key that was only ever claimed for absent', async (store, clock) => {
    const lease = await claimed(store, 'p1');
    expect(await store.commit(KEY, token('late', clock), { predecessor: 41, lease })).toMatchObject({ generation: 0 });
    expect(await store.commit(KEY, token('a', clock), { predecessor: 0, lease, release: true })).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({ token: token('a', clock), attempt: { epoch: 1, state: 'active' } });
  });

  test('lets a commit follow its predecessor alone, and shows a late one what stands', async (store, clock, other) => {
    const first = await seed(store, clock, 'a');
    expect(await other.commit(KEY, token('b', clock), { predecessor: first })).toBe('accepted');
    const record = await recordOf(store);
    expect(record.generation).toBe(first + 1);
    for (const predecessor of [0, first, first + 2])
      expect(await store.commit(KEY, token('c', clock), { predecessor })).toEqual(record);
    expect(await recordOf(other)).toEqual(record);
  });

  test('replaces the whole token: what the new one does not have is gone', async (store, clock) => {
    const full = { ...token('a', clock), refreshToken: 'r', extra: { scope: 'x' }, order: 4, credentials: 'c' };
    await store.commit(KEY, full, { predecessor: 0 });
    const { generation } = await recordOf(store);
    await store.commit(KEY, token('b', clock), { predecessor: generation });
    expect((await recordOf(store)).token).toEqual(token('b', clock));
  });

  test('refuses a fenced commit under an old epoch or none, and no other', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    const old = await claimed(store, 'p1');
    await clock.advance(TTL);
    const lease = await claimed(store, 'p2');
    const options = { predecessor: generation, fenced: true };
    for (const part of [token('b', clock), token('c', clock)])
      for (const refused of [{ ...options, lease: old }, options])
        expect(await store.commit(KEY, part, refused)).toMatchObject({ token: { value: 'token of a' } });
    expect(await store.commit(KEY, token('b', clock), { predecessor: generation, lease: old })).toBe('accepted');
    expect(await store.commit(KEY, token('c', clock), { ...options, predecessor: generation + 1, lease })).toBe(
      'accepted',
    );
  });

  test('ends intent, doubt and failures with a commit of another value', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    const lease = await claimed(store, 'p1', { intent: { generation } });
    const failure = { code: 'ERR_TOKEN_BUSY', message: 'busy', at: 1, epoch: 1 };
    await store.note(lease, { state: 'doubtful', cause: 'timeout', failures: 3, doubtUntil: 77, retryAt: 5, failure });
    const options = { predecessor: generation, lease, release: true, refreshAt: 6 };
    expect(await store.commit(KEY, token('b', clock), options)).toBe('accepted');
    expect((await recordOf(store)).attempt).toEqual({ epoch: 1, state: 'active', failures: 0 });
  });

  test('keeps `contested` and `repeated` over a commit, with their cause and the count of forced issues', async (store, clock) => {
    let generation = await seed(store, clock, 'a');
    for (const state of ['contested', 'repeated', 'reauthorize'] as const) {
      const lease = await claimed(store, 'p1');
      const forced = { count: 2, at: 9 };
      await store.note(lease, { state, cause: 'seen', failures: 1, forced });
      await store.commit(KEY, token(state, clock), { predecessor: generation++, lease, release: true });
      const { attempt } = await recordOf(store);
      const sticky = state !== 'reauthorize';
      expect([attempt.state, attempt.cause]).toEqual(sticky ? [state, 'seen'] : ['active', undefined]);
      expect([attempt.failures, attempt.forced]).toEqual([0, forced]);
    }
  });

  test('makes further changes of the attempt part with a commit, after what the commit ends', async (store, clock) => {
    const generation = await seed(store, clock, 'a');
    const lease = await claimed(store, 'p1');
    await store.note(lease, { forced: { count: 1, at: 1 }, failures: 4 });
    const attempt = { state: 'contested', cause: 'values differ', failures: 1, forced: null } as const;
    await store.commit(KEY, token('b', clock), { predecessor: generation, lease, release: true, attempt });
    expect((await recordOf(store)).attempt).toEqual({
      epoch: 1,
      state: 'contested',
      cause: 'values differ',
      failures: 1,
    });
    await store.commit(KEY, token('c', clock), { predecessor: generation + 1, attempt: { state: 'active' } });
    expect((await recordOf(store)).attempt.state).toBe('active');
  });

  test('takes the token of an old epoch, where nothing fences it, but neither its changes nor its release', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a');
    const old = await claimed(store, 'p1');
    await clock.advance(TTL);
    await claimed(other, 'p2');
    const attempt = { state: 'contested', failures: 5 } as const;
    const options = { predecessor: generation, lease: old, release: true, attempt };
    expect(await store.commit(KEY, token('b', clock), options)).toBe('accepted');
    const record = await recordOf(store);
    expect(record.token?.value).toBe('token of b');
    expect(record.attempt).toEqual({
      epoch: 2,
      state: 'active',
      failures: 0,
      lease: { holder: 'p2', until: clock.now() + TTL },
    });
  });

  test('ends the lease with the commit that asks for it, and nobody else’s', async (store, clock, other) => {
    const first = await claimed(store, 'p1');
    await clock.advance(TTL);
    const second = await claimed(other, 'p2');
    expect(await store.commit(KEY, token('a', clock), { predecessor: 0, lease: first, release: true })).toBe(
      'accepted',
    );
    const { generation, attempt } = await recordOf(store);
    expect(attempt.lease?.holder).toBe('p2');
    await store.commit(KEY, token('b', clock), { predecessor: generation, release: true });
    await store.commit(KEY, token('c', clock), { predecessor: generation + 1, lease: second });
    expect((await recordOf(store)).attempt.lease?.holder).toBe('p2');
    const options = { predecessor: generation + 2, lease: second, release: true };
    expect(await other.commit(KEY, token('d', clock), options)).toBe('accepted');
    expect((await recordOf(store)).attempt.lease).toBeUndefined();
  });

  equalValueCases(cases);
}

/** Commits of the value that stands already. */
function equalValueCases({ test, expect }: StoreCases): void {
  test('accepts an equal value under its generation and merges times: a known end beats an unknown one, then the later', async (store, clock) => {
    const { expiresAt: _end, ...endless } = token('a', clock);
    const ending = (expiresAt: number) => ({ ...token('a', clock), expiresAt, refreshTokenExpiresAt: 10 * expiresAt });
    expect(await store.commit(KEY, endless, { predecessor: 0 })).toBe('accepted');
    const { generation } = await recordOf(store);
    expect(await store.commit(KEY, ending(900), { predecessor: 0 })).toBe('accepted');
    expect(await store.commit(KEY, ending(700), { predecessor: generation + 7 })).toBe('accepted');
    expect(await store.commit(KEY, endless, { predecessor: generation })).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({
      generation,
      token: { expiresAt: 900, refreshTokenExpiresAt: 9_000 },
    });
    expect(await store.commit(KEY, ending(901), { predecessor: generation })).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({
      generation,
      token: { expiresAt: 901, refreshTokenExpiresAt: 9_010 },
    });
  });

  test('takes over what an equal value brings, and keeps when it was first seen and how it came', async (store, clock) => {
    const first: TokenPart = { ...token('a', clock), refreshToken: 'r1', extra: { scope: 'x' }, order: 5 };
    await store.commit(KEY, first, { predecessor: 0 });
    await clock.advance(60_000);
    const later: TokenPart = {
      ...token('a', clock),
      refreshToken: 'r2',
      extra: { scope: 'y' },
      order: 3,
      credentials: 'c2',
      seen: ['fedcba9876543210'],
      lineage: { cause: 'adopt', actor: 'somebody else', at: clock.now(), durationMs: 2 },
    };
    const { generation } = await recordOf(store);
    expect(await store.commit(KEY, later, { predecessor: generation })).toBe('accepted');
    const merged = {
      ...first,
      issuedAt: later.issuedAt,
      expiresAt: later.expiresAt,
      refreshToken: 'r2',
      extra: { scope: 'y' },
      credentials: 'c2',
    };
    expect((await recordOf(store)).token).toEqual(merged);
    await store.commit(KEY, token('a', clock), { predecessor: generation });
    expect((await recordOf(store)).token).toEqual(merged);
  });

  test('ends intent, failures and lease with an equal value under the current epoch, and moves the key in the index', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 5);
    const lease = await claimed(store, 'p1', { intent: { generation } });
    await store.note(lease, { state: 'retrying', failures: 3, retryAt: 7 });
    const options = { predecessor: generation, lease, release: true, refreshAt: 9 };
    expect(await store.commit(KEY, token('a', clock), options)).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({ generation, refreshAt: 9 });
    expect((await recordOf(store)).attempt).toEqual({ epoch: 1, state: 'active', failures: 0 });
    await store.commit(KEY, token('a', clock), { predecessor: generation });
    expect((await recordOf(store)).refreshAt).toBe(9);
  });

  test('leaves the attempt part alone with an equal value under an old epoch or none', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 5);
    const old = await claimed(store, 'p1');
    await clock.advance(TTL);
    const lease = await claimed(store, 'p2', { intent: { generation } });
    await store.note(lease, { state: 'retrying', failures: 3 });
    const { attempt } = await recordOf(store);
    const late = { predecessor: generation, lease: old, release: true, fenced: true, refreshAt: 9 };
    expect(await store.commit(KEY, token('a', clock), late)).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({ refreshAt: 5, attempt });
    expect(await store.commit(KEY, token('a', clock), { predecessor: generation, refreshAt: 8 })).toBe('accepted');
    expect(await recordOf(store)).toMatchObject({ refreshAt: 8, attempt });
  });
}
