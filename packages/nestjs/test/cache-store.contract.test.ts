import { randomUUID } from 'node:crypto';
import { encrypted, type TokenStore } from '@evertoken/core';
import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase, Wire, whyMissing } from '@evertoken/test-servers';
import type KeyvRedis from '@keyv/redis';
import { createKeyv } from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheStore } from '../src/index.js';

/** What the stores of one kind are made of. */
interface Kit {
  /** A cache, and its last store, which is the one that counts. */
  connect(): Promise<{ cache: Parameters<typeof cacheStore>[0]; last: Keyv; sever?: () => void }>;
}

/** Leases are this process's own, and nobody is told of changes: no second connection, no `watch`. */
const TRAITS = { durable: false, scope: 'process' } as const;
const running = { describe, it, expect };

function contract(name: string, { connect }: Kit, seal: (store: TokenStore) => TokenStore = (store) => store) {
  const places = new WeakMap<TokenStore, Awaited<ReturnType<Kit['connect']>>>();
  const placeOf = (store: TokenStore) => places.get(store) as Awaited<ReturnType<Kit['connect']>>;
  return {
    name,
    traits: TRAITS,
    create: async (clock: ManualClock) => {
      const place = await connect();
      const store = seal(cacheStore(place.cache, { clock }));
      places.set(store, place);
      return store;
    },
    plant: async (store: TokenStore, record: { key: string }) => {
      await placeOf(store).last.set(`evertoken:${record.key}`, JSON.stringify(record));
    },
    sever: async (store: TokenStore) => placeOf(store).sever?.(),
  };
}

const sealed = (store: TokenStore) =>
  encrypted(store, { keys: { test: Buffer.alloc(32, 'cache').toString('base64') }, activeKeyId: 'test' });

const memory: Kit = {
  async connect() {
    const last = new Keyv();
    return { cache: createCache({ stores: [new Keyv(), last] }), last };
  },
};
for (const [name, lacks, seal] of [
  ['cacheStore in memory', ['watch'], undefined],
  ['cacheStore in memory, encrypted,', ['watch', 'reseal'], sealed],
] as const) {
  const { sever: _nothing, ...options } = contract(name, memory, seal);
  storeContract(running, () => new ManualClock(), { ...options, lacks });
}

const missing = whyMissing('redis');
describe.skipIf(missing)('on a Redis server', async () => {
  const url = missing ? '' : await sharedDatabase('redis');
  const adapters: KeyvRedis<unknown>[] = [];
  afterAll(() => Promise.all(adapters.map((adapter) => adapter.disconnect(true))));

  const redis: Kit = {
    async connect() {
      const wire = await Wire.before(url);
      const last = createKeyv(wire.url, { namespace: `test:${randomUUID()}` });
      const adapter = last.store as KeyvRedis<unknown>;
      adapter.client.on('error', () => {});
      adapters.push(adapter);
      return { cache: createCache({ stores: [new Keyv(), last], nonBlocking: true }), last, sever: () => wire.sever() };
    },
  };
  for (const [name, lacks, seal] of [
    ['cacheStore', ['watch'], undefined],
    ['cacheStore, encrypted,', ['watch', 'reseal'], sealed],
  ] as const) {
    storeContract(running, () => new ManualClock(), { ...contract(name, redis, seal), lacks });
  }
});
