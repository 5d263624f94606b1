import { setImmediate as turn } from 'node:timers/promises';
import { TokenError, TokenManager } from '@evertoken/core';
import { accountKeyIn, type Lease, type TokenPart, type TokenRecord, type TokenStore } from '@evertoken/core/store';
import { ManualClock } from '@evertoken/core/testing';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { describe, expect, it } from 'vitest';
import { cacheStore } from '../src/index.js';
import { Adapter, keyvOver } from './doubles.js';
import { testAccount } from './support.js';

const DAY = 24 * 60 * 60_000;
const shop = testAccount({ name: 'shop' });
const { key } = shop.accessToken;

function token(value: string, more: Partial<TokenPart> = {}): TokenPart {
  const at = Date.UTC(2026, 0, 1);
  return {
    value,
    issuedAt: at,
    firstSeenAt: at,
    expiresAt: at + 7_200_000,
    seen: [],
    lineage: { cause: 'issue', actor: 'test', at, durationMs: 1 },
    ...more,
  };
}

async function opened(cache: Parameters<typeof cacheStore>[0], clock = new ManualClock(), timeoutMs?: number) {
  const store = cacheStore(cache, { clock, ...(timeoutMs !== undefined && { timeoutMs }) });
  await store.open();
  return store;
}

async function generationIn(store: TokenStore): Promise<number> {
  return (await store.read(key)).record?.generation ?? 0;
}

const over = (adapter: Adapter) => createCache({ stores: [keyvOver(adapter)] });

describe('cacheStore and the cache it is given', () => {
  it('works with the memory that cache-manager has by default, and with a Keyv that serializes', async () => {
    for (const cache of [createCache(), createCache({ stores: [new Keyv()] })]) {
      const store = await opened(cache);
      expect(await store.commit(key, token('a:b', { extra: { n: [1, null] } }), { predecessor: 0 })).toBe('accepted');
      expect((await store.read(key)).record?.token).toEqual(token('a:b', { extra: { n: [1, null] } }));
    }
  });

  it('reads and writes the last store: another process’s token is seen, whatever the first one remembers', async () => {
    const shared = new Keyv();
    const [one, other] = [new Keyv(), new Keyv()].map((memory) => createCache({ stores: [memory, shared] }));
    if (!one || !other) throw new Error('two caches were made');
    const mine = await opened(one);
    const theirs = await opened(other);
    await mine.commit(key, token('first'), { predecessor: 0 });
    await one.get(`evertoken:${key}`); // now the first memory has a copy
    await theirs.commit(key, token('second'), { predecessor: await generationIn(theirs) });
    expect((await mine.read(key)).record?.token?.value).toBe('second');
    expect(await mine.commit(key, token('late'), { predecessor: 1 })).toMatchObject({ token: { value: 'second' } });
  });

  it('looks behind a Cacheable, which is a memory above a store itself', async () => {
    const secondary = new Keyv();
    const cacheable = { primary: new Keyv(), secondary, nonBlocking: true };
    const store = await opened({ stores: [cacheable] } as never);
    await store.commit(key, token('a'), { predecessor: 0 });
    expect(await secondary.get(`evertoken:${key}`)).toContain('"a"');
  });

  it('keeps its keys under a prefix', async () => {
    const keyv = new Keyv();
    const store = cacheStore(createCache({ stores: [keyv] }), { keyPrefix: 'tokens/', clock: new ManualClock() });
    await store.open();
    await store.commit(key, token('a'), { predecessor: 0 });
    expect(await keyv.has(`tokens/${key}`)).toBe(true);
  });

  it.each([undefined, null, {}, { stores: [] }, { stores: [{ get: () => 1 }] }])(
    'refuses to open on %j, which is no cache of cache-manager 7',
    async (cache) => {
      await expect(opened(cache as never)).rejects.toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"cache" must be.*\(cacheStore\)$/),
      });
      expect(() => new TokenManager({ store: cacheStore(cache as never) })).toThrow(/^"cache" must be/);
    },
  );

  it.each([
    [{ keyPrefix: 1 }, /^"keyPrefix" must be a string/],
    [{ timeoutMs: 0 }, /^"timeoutMs" must be a positive number/],
    [{ timeoutMs: '2s' }, /^"timeoutMs" must be a positive number/],
    [{ clock: { now: () => 0 } }, /^"clock" must be a clock/],
    [{ prefix: 'hidden' }, /^"prefix" is no option; expected "keyPrefix", "timeoutMs", "clock"/],
  ])('is built with %j, says what is wrong, and refuses to open', async (options, problem) => {
    const store = cacheStore(createCache(), options as never);
    expect(store.problems?.()).toEqual([expect.stringMatching(problem)]);
    expect(JSON.stringify(store.problems?.())).not.toContain('hidden');
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    expect(() => new TokenManager({ store })).toThrow(problem);
  });

  it('has no problem with options that are undefined', () => {
    const options = { keyPrefix: undefined, timeoutMs: undefined, clock: undefined };
    expect(cacheStore(createCache(), options as never).problems?.()).toEqual([]);
  });
});

describe('the TTL of an entry', () => {
  it.each<[string, Partial<TokenPart>, number]>([
    ['outlives a token by a day', {}, 7_200_000 + DAY],
    ['outlives the refresh token', { refreshToken: 'r', refreshTokenExpiresAt: Date.UTC(2026, 0, 4) }, 3 * DAY + DAY],
    ['is 400 days where a refresh token has no end', { refreshToken: 'r' }, 400 * DAY],
    ['is a day where the token has ended already', { expiresAt: 5 }, DAY],
    ['is a whole number', { expiresAt: Date.UTC(2026, 0, 1) + 0.25 }, DAY + 1],
  ])('%s', async (_title, more, ttl) => {
    const adapter = new Adapter();
    const store = await opened(over(adapter));
    await store.commit(key, token('a', more), { predecessor: 0 });
    expect(adapter.ttls).toEqual([ttl]);
  });

  it('is 400 days for a token without end, and 30 for a tombstone: never the cache’s default, never for ever', async () => {
    const adapter = new Adapter();
    const store = await opened(createCache({ stores: [keyvOver(adapter)], ttl: 5 }));
    const { expiresAt: _end, ...endless } = token('a');
    await store.commit(key, endless, { predecessor: 0 });
    await store.remove(key, await generationIn(store));
    expect(adapter.ttls).toEqual([400 * DAY, 30 * DAY]);
  });
});

describe('what stays in the process', () => {
  it('writes tokens only: claims and notes cost the cache no write', async () => {
    const adapter = new Adapter();
    const store = await opened(over(adapter));
    await store.commit(key, token('a'), { predecessor: 0, refreshAt: 1 });
    const generation = await generationIn(store);
    const lease = (await store.claim({ key, generation, epoch: 0 }, 'p', 30_000)) as Lease;
    await store.note(lease, { state: 'retrying', failures: 1, refreshAt: 9 });
    expect(adapter.writes).toBe(1);
    expect((await store.read(key)).record).toMatchObject({
      refreshAt: 9,
      attempt: { epoch: 1, state: 'retrying', lease: { holder: 'p' } },
    });
    await store.commit(key, token('b'), { predecessor: generation, lease });
    expect(JSON.stringify([...adapter.entries])).not.toContain('lease');
  });

  it('a claim never puts an older token over a newer one of another process', async () => {
    const shared = new Adapter();
    const [mine, theirs] = [await opened(over(shared)), await opened(over(shared))];
    await mine.commit(key, token('old'), { predecessor: 0 });
    const generation = await generationIn(mine);
    await theirs.commit(key, token('new'), { predecessor: generation });
    const answer = await mine.claim({ key, generation, epoch: 0 }, 'p', 30_000);
    expect(answer).toMatchObject({ generation: generation + 1, token: { value: 'new' } });
  });

  it('keeps lease and epoch when another process stores a token, and takes its due time', async () => {
    const shared = new Adapter();
    const clock = new ManualClock();
    const [mine, theirs] = [await opened(over(shared), clock), await opened(over(shared), clock)];
    await mine.commit(key, token('old'), { predecessor: 0, refreshAt: 1 });
    const generation = await generationIn(mine);
    const lease = (await mine.claim({ key, generation, epoch: 0 }, 'p', 30_000)) as Lease;
    await theirs.commit(key, token('new'), { predecessor: generation, refreshAt: clock.now() + 5 });
    expect((await mine.read(key)).record?.attempt).toMatchObject({ epoch: 1, lease: { holder: 'p' } });
    expect(await mine.commit(key, token('mine'), { predecessor: generation, lease, release: true })).toMatchObject({
      token: { value: 'new' },
    });
    expect(await mine.note(lease, {}, { release: true })).toBe(true);
    expect((await mine.due({ limit: 9, accounts: ['test/id-of-shop'] })).keys).toEqual([]);
    await clock.advance(5);
    expect((await mine.due({ limit: 9, accounts: ['test/id-of-shop'] })).keys).toHaveLength(1);
  });

  it('takes the due time of a process that was handed the same value later, and keeps its own where it is the later one', async () => {
    const shared = new Adapter();
    const clock = new ManualClock();
    const [mine, theirs] = [await opened(over(shared), clock), await opened(over(shared), clock)];
    const accounts = ['test/id-of-shop'] as const;
    const startedAt = (issuedAt: number) => token('same', { issuedAt });
    await mine.commit(key, startedAt(1), { predecessor: 0, refreshAt: clock.now() });
    const predecessor = await generationIn(theirs);
    expect((await mine.due({ limit: 9, accounts })).keys).toHaveLength(1);
    await theirs.commit(key, startedAt(2), { predecessor, refreshAt: clock.now() + 60_000 });
    expect((await mine.due({ limit: 9, accounts })).keys).toEqual([]);
    expect((await mine.read(key)).record).toMatchObject({ refreshAt: clock.now() + 60_000 });

    const lease = (await mine.claim({ key, generation: predecessor, epoch: 0 }, 'p', 30_000)) as Lease;
    await mine.note(lease, { state: 'retrying', failures: 1, refreshAt: clock.now() + 5 }, { release: true });
    expect((await mine.read(key)).record).toMatchObject({ refreshAt: clock.now() + 5, attempt: { failures: 1 } });
  });

  it('keeps its attempt when another process seals the same token anew', async () => {
    const shared = new Adapter();
    const [mine, theirs] = [await opened(over(shared)), await opened(over(shared))];
    await mine.commit(key, token('sealed 1', { mark: 'm' }), { predecessor: 0 });
    const generation = await generationIn(mine);
    const lease = (await mine.claim({ key, generation, epoch: 0 }, 'p', 30_000)) as Lease;
    await mine.note(lease, { failures: 3 });
    const seen = (await theirs.read(key)).record as TokenRecord;
    expect(await theirs.reseal?.(seen, token('sealed 2', { mark: 'm' }))).toBe(true);
    expect((await mine.read(key)).record).toMatchObject({ token: { value: 'sealed 2' }, attempt: { failures: 3 } });
  });

  it('says absent once the cache has been emptied, and numbers on upward', async () => {
    const adapter = new Adapter();
    const clock = new ManualClock();
    const store = await opened(over(adapter), clock);
    await store.commit(key, token('a'), { predecessor: 0, refreshAt: 1 });
    const before = await generationIn(store);
    adapter.entries.clear();
    expect((await store.read(key)).record).toMatchObject({ generation: 0 });
    expect((await store.due({ limit: 9, accounts: ['test/id-of-shop'] })).keys).toEqual([]);
    await clock.advance(1);
    expect(await store.commit(key, token('b'), { predecessor: before })).toMatchObject({ generation: 0 });
    expect(await store.commit(key, token('b'), { predecessor: 0 })).toBe('accepted');
    expect(await generationIn(store)).toBeGreaterThan(before);
  });

  it('does not name a due key that another process has refreshed meanwhile', async () => {
    const shared = new Adapter();
    const clock = new ManualClock();
    const [mine, theirs] = [await opened(over(shared), clock), await opened(over(shared), clock)];
    await mine.commit(key, token('old'), { predecessor: 0, refreshAt: clock.now() - 1 });
    await theirs.commit(key, token('new'), {
      predecessor: await generationIn(theirs),
      refreshAt: clock.now() + 60_000,
    });
    expect((await mine.due({ limit: 9, accounts: ['test/id-of-shop'] })).keys).toEqual([]);
  });
});

describe('a cache that fails', () => {
  it.each([
    ['tells it by an event and answers with a miss', 'event', {}],
    ['tells it by an event of the adapter alone', 'event', { emitErrors: false }],
    ['throws', 'throw', {}],
  ] as const)('that %s: an error, never a miss', async (_title, failing, options) => {
    const adapter = new Adapter();
    const store = await opened(createCache({ stores: [keyvOver(adapter, options)] }));
    await store.commit(key, token('a'), { predecessor: 0 });
    adapter.failing = failing;
    await expect(store.read(key)).rejects.toThrow();
    await expect(store.commit(key, token('b'), { predecessor: 0 })).rejects.toThrow();
    adapter.failing = undefined;
    expect((await store.read(key)).record?.token?.value).toBe('a');
  });

  it('and carries a write out all the same: the token is stored, and the lease that went with it is released', async () => {
    const adapter = new Adapter();
    const clock = new ManualClock();
    const store = await opened(over(adapter), clock);
    await store.commit(key, token('a'), { predecessor: 0 });
    const generation = await generationIn(store);
    const lease = (await store.claim({ key, generation, epoch: 0 }, 'p', 30_000, { generation })) as Lease;
    const { set } = adapter;
    adapter.set = async (...entry) => {
      await set.apply(adapter, entry);
      throw new Error('the connection was lost');
    };
    const refreshAt = clock.now();
    await expect(
      store.commit(key, token('b'), { predecessor: generation, lease, release: true, refreshAt }),
    ).rejects.toThrow('lost');
    adapter.set = set;
    const { record } = await store.read(key);
    expect(record).toMatchObject({ token: { value: 'b' }, refreshAt, attempt: { epoch: 1, state: 'active' } });
    expect([record?.attempt.lease, record?.attempt.intent]).toEqual([undefined, undefined]);
    expect((await store.due({ limit: 1, accounts: [accountKeyIn(key)] })).keys).toHaveLength(1);
  });

  it('and does not carry out a write of the value that stands: nothing has changed, the lease included', async () => {
    const adapter = new Adapter();
    const clock = new ManualClock();
    const store = await opened(over(adapter), clock);
    await store.commit(key, token('a'), { predecessor: 0, refreshAt: 1 });
    const generation = await generationIn(store);
    const lease = (await store.claim({ key, generation, epoch: 0 }, 'p', 30_000)) as Lease;
    const { record: before } = await store.read(key);
    const { set } = adapter;
    adapter.set = () => Promise.reject(new Error('full'));
    const later = token('a', { issuedAt: clock.now() + 1, expiresAt: clock.now() + 9_000_000 });
    const failed = store.commit(key, later, { predecessor: generation, lease, release: true, refreshAt: 9 });
    await expect(failed).rejects.toThrow('full');
    adapter.set = set;
    expect((await store.read(key)).record).toEqual(before);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('full')), { message: 'full' }],
    ['says no', () => Promise.resolve(false), { code: 'ERR_TOKEN_STORE' }],
  ])('and %s while writing: the token is not stored, and is not taken for stored', async (_title, set, failure) => {
    const adapter = new Adapter();
    const store = await opened(over(adapter));
    adapter.set = set;
    await expect(store.commit(key, token('a'), { predecessor: 0 })).rejects.toMatchObject(failure);
    expect((await store.read(key)).record).toBeUndefined();
  });

  it('costs no platform call: the manager says ERR_TOKEN_STORE, and nothing of the cache’s address', async () => {
    const adapter = new Adapter();
    const account = testAccount({ name: 'shop' });
    const tokens = new TokenManager({ accounts: [account], store: cacheStore(over(adapter)) });
    adapter.failing = 'event';
    const error = await tokens.get(account.accessToken).catch((thrown: unknown) => thrown as TokenError);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(JSON.stringify(error) + String(error)).not.toContain('hidden');
    expect(account.calls()).toBe(0);
    await tokens.close();
  });

  it.each(['{"v":1', '"text"', JSON.stringify({ key: 'other', generation: 1, attempt: {} })])(
    'holds %s under our key: an error that does not quote it',
    async (planted) => {
      const keyv = new Keyv();
      const store = await opened(createCache({ stores: [keyv] }));
      await keyv.set(`evertoken:${key}`, planted);
      await expect(store.read(key)).rejects.toThrow(/^cacheStore: an entry under a key of ours is no record of ours$/);
    },
  );

  it('holds what no deserializer reads: an error that does not quote it either', async () => {
    const adapter = new Adapter();
    const store = await opened(over(adapter));
    adapter.entries.set(`app:evertoken:${key}`, 'T0PSECRET');
    await expect(store.read(key)).rejects.toThrow(/^cacheStore: an entry under a key of ours is no record of ours$/);
  });

  it('never answers: everything rejects in time, and what is answered at last takes no effect', async () => {
    const adapter = new Adapter();
    const clock = new ManualClock();
    const store = await opened(over(adapter), clock, 2_000);
    await store.commit(key, token('a'), { predecessor: 0, refreshAt: 1 });
    const generation = await generationIn(store);
    let answer = () => {};
    adapter.waits = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const pending = [
      store.read(key),
      store.commit(key, token('b'), { predecessor: generation }),
      store.due({ limit: 9, accounts: ['test/id-of-shop'] }),
      store.list({}, { limit: 9 }),
    ].map((operation) => operation.catch((error: unknown) => error));
    await turn();
    await clock.advance(2_000);
    for (const error of await Promise.all(pending)) {
      expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'timeout' });
    }
    answer();
    expect((await store.read(key)).record).toMatchObject({ generation, token: { value: 'a' } });
  });

  it('answers too late: an operation that nobody waits for any more takes no effect', async () => {
    const adapter = new Adapter();
    const clock = new ManualClock();
    const store = await opened(over(adapter), clock, 2_000);
    let answer = () => {};
    adapter.waits = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const claiming = store.claim({ key, generation: 0, epoch: 0 }, 'p', 30_000).catch((error: unknown) => error);
    const queued = store.claim({ key, generation: 0, epoch: 0 }, 'q', 30_000).catch((error: unknown) => error);
    await turn();
    await clock.advance(2_001);
    answer();
    expect(await claiming).toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'timeout' });
    expect(await queued).toBeInstanceOf(TokenError);
    expect((await store.read(key)).record).toBeUndefined();
  });
});

describe('after close', () => {
  it('reads and writes no more, not even what was under way, and is no listener any more', async () => {
    const adapter = new Adapter();
    const keyv = keyvOver(adapter);
    const store = await opened(createCache({ stores: [keyv] }));
    await store.commit(key, token('a'), { predecessor: 0 });
    const listeners = adapter.listenerCount('error');
    let answer = () => {};
    adapter.waits = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const committing = store.commit(key, token('b'), { predecessor: await 0 }).catch((error: unknown) => error);
    await turn();
    await store.close();
    await store.close();
    const { reads, writes } = adapter;
    answer();
    expect(await committing).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    await expect(store.read(key)).rejects.toThrow(/closed/);
    await expect(store.open()).rejects.toThrow(/closed/);
    await expect(store.due({ limit: 1, accounts: ['test/id-of-shop'] })).resolves.toMatchObject({ keys: [] });
    expect({ reads: adapter.reads, writes: adapter.writes }).toEqual({ reads, writes });
    expect(adapter.listenerCount('error')).toBe(listeners - 1);
    expect(keyv.listeners('error')).toHaveLength(0);
  });

  it('says that it is not open before it is', async () => {
    await expect(cacheStore(createCache()).read(key)).rejects.toThrow(/not open/);
  });
});

describe('with a manager', () => {
  it('asks the platform once for many callers at a time', async () => {
    const account = testAccount({ name: 'shop' });
    const adapter = new Adapter();
    const tokens = new TokenManager({ accounts: [account], store: cacheStore(over(adapter)) });
    const got = await Promise.all(Array.from({ length: 50 }, () => tokens.get(account.accessToken)));
    expect(new Set(got.map(({ value }) => value))).toEqual(new Set(['shop-1']));
    expect(account.calls()).toBe(1);
    await tokens.close();
  });

  it('finds the token that an earlier process left', async () => {
    const adapter = new Adapter();
    for (const calls of [1, 0]) {
      const account = testAccount({ name: 'shop' });
      const tokens = new TokenManager({ accounts: [account], store: cacheStore(over(adapter)) });
      expect((await tokens.get(account.accessToken)).value).toBe('shop-1');
      expect(account.calls()).toBe(calls);
      await tokens.close();
    }
  });

  it('knows the record of another format and leaves it alone', async () => {
    const keyv = new Keyv();
    const store = await opened(createCache({ stores: [keyv] }));
    const record: TokenRecord = {
      v: 99,
      key,
      generation: 7,
      token: token('a'),
      attempt: { epoch: 3, state: 'active', failures: 0 },
    };
    await keyv.set(`evertoken:${key}`, JSON.stringify(record));
    expect(await store.commit(key, token('b'), { predecessor: 7 })).toEqual(record);
  });
});
