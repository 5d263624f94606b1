import { randomUUID } from 'node:crypto';
import { sharedDatabase, Wire, whyMissing } from '@evertoken/test-servers';
import { createKeyv, type RedisClientType as KeyvClient, type default as KeyvRedis } from '@keyv/redis';
import { createClient } from '@redis/client';
import { beforeAll, describe, expect, it } from 'vitest';
import { redisStore } from '../src/index.js';
import { eventually, keyOf, tokenOf } from './support.js';

const KEY = keyOf('a');
let url: string;
const newPrefix = () => `test:${randomUUID()}:`;

describe.skipIf(whyMissing('redis'))('redisStore beside others', () => {
  beforeAll(async () => {
    url = await sharedDatabase('redis');
  });

  it('connects as the client inside @keyv/redis does, and neither ends the other', async () => {
    const keyv = createKeyv(url);
    const { client } = keyv.store as KeyvRedis<unknown>;
    const keyPrefix = newPrefix();
    for (const first of ['store', 'keyv'] as const) {
      const store = redisStore({ client, keyPrefix });
      expect(await store.open()).toEqual({ durable: 'synced', scope: 'fleet' });
      await keyv.set('k', 'v');
      const { record } = await store.read(KEY);
      expect(await store.commit(KEY, tokenOf(first), { predecessor: record?.generation ?? 0 })).toBe('accepted');
      if (first === 'store') {
        await store.close();
        expect(await keyv.get('k')).toBe('v');
      } else {
        await keyv.disconnect();
        expect((await store.read(KEY)).record?.token?.value).toBe('keyv');
        await store.close();
      }
    }
  });

  it('sends nothing through a given client, connected or not, and never closes it', async () => {
    const wire = await Wire.before(url);
    const given = createClient({ url: wire.url, commandOptions: { timeout: 1 }, RESP: 3 }).on('error', () => {});
    const store = redisStore({ client: given, keyPrefix: newPrefix() });
    await store.open();
    expect(given.isOpen).toBe(false);
    await given.connect();
    await store.commit(KEY, tokenOf('a'), { predecessor: 0, refreshAt: 1 });
    expect((await store.due({ limit: 5, accounts: ['test/app'] })).keys.length).toBe(1);
    const told = new Promise((resolve) => store.watch?.((...change) => resolve(change)));
    await eventually(async () => wire.connections === 3);
    const { record } = await store.read(KEY);
    const generation = record?.generation ?? 0;
    await eventually(async () => {
      await store.commit(KEY, tokenOf('b'), { predecessor: generation });
      return true;
    });
    expect(await told).toEqual([KEY, generation + 1]);
    await store.close();
    expect(await given.ping()).toBe('PONG');
    await given.close();
  });

  it('keeps two prefixes apart', async () => {
    const [a, b] = [redisStore({ url, keyPrefix: newPrefix() }), redisStore({ url, keyPrefix: newPrefix() })];
    await Promise.all([a.open(), b.open()]);
    const told: string[] = [];
    b.watch?.((key) => told.push(key));
    await a.commit(KEY, tokenOf('of a'), { predecessor: 0, refreshAt: 1 });
    expect((await b.read(KEY)).record).toBeUndefined();
    expect((await b.due({ limit: 5, accounts: ['test/app'] })).keys).toEqual([]);
    expect((await b.list({}, { limit: 5 })).records).toEqual([]);
    expect(await b.commit(KEY, tokenOf('of b'), { predecessor: 0 })).toBe('accepted');
    expect((await a.read(KEY)).record?.token?.value).toBe('of a');
    expect(told.filter((key) => key !== KEY)).toEqual([]);
    await Promise.all([a.close(), b.close()]);
  });

  it('is in step with another store on the same data', async () => {
    const keyPrefix = newPrefix();
    const [a, b] = [redisStore({ url, keyPrefix }), redisStore({ url, keyPrefix })];
    await Promise.all([a.open(), b.open()]);
    await a.commit(KEY, tokenOf('a'), { predecessor: 0 });
    const { record } = await b.read(KEY);
    const seen = { key: KEY, generation: record?.generation ?? 0, epoch: 0 };
    const claims = await Promise.all([a.claim(seen, 'a', 30_000), b.claim(seen, 'b', 30_000)]);
    expect(claims.filter((claim) => 'kind' in claim).length).toBe(1);
    await Promise.all([a.close(), b.close()]);
  });

  it('tells watchers of a new token with its generation, of a note without, and of claims and renewals nothing', async () => {
    const store = redisStore({ url, keyPrefix: newPrefix() });
    await store.open();
    const told: unknown[] = [];
    store.watch?.((...change) => told.push(change));
    const commit = (value: string, predecessor: number) => store.commit(KEY, tokenOf(value), { predecessor });
    let generation = 0;
    await eventually(async () => {
      await commit(`t${generation}`, generation);
      generation = (await store.read(KEY)).record?.generation ?? 0;
      return told.length > 0;
    });
    told.length = 0;
    const lease = await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', 30_000);
    if (!('kind' in lease)) throw new Error('no lease');
    await store.renew(lease, 30_000);
    await store.note(lease, { failures: 1 }, { release: true });
    await commit('last', generation);
    const expected = [[KEY], [KEY, generation + 1]];
    await eventually(async () => told.length >= expected.length);
    expect(told).toEqual(expected);
    await store.close();
  });
});

/** The store takes the clients of both packages as they are typed. */
export const typed = (client: KeyvClient, other: ReturnType<typeof createClient>) => [
  redisStore({ client }),
  redisStore({ client: other }),
];
