import { randomUUID } from 'node:crypto';
import { encrypted, type StoreTraits, type TokenStore } from '@evertoken/core';
import { rowOf, type TokenRecord } from '@evertoken/core/store';
import type { ManualClock } from '@evertoken/core/testing';
import { Wire } from '@evertoken/test-servers';
import { createClient, createCluster } from '@redis/client';
import { fieldsOf } from '../src/hash.js';
import { type RedisStoreOptions, redisStore } from '../src/index.js';
import { Layout } from '../src/layout.js';

/** What the contract suite needs of a kind of store; a wrapper around the stores passes on what it does not change. */
export interface StoreKit {
  /** What `open` says. */
  readonly traits: StoreTraits;
  readonly lacks?: readonly 'reseal'[];
  /** A new, empty store. */
  create(clock: ManualClock | undefined): Promise<TokenStore>;
  /** Another connection to the same data. */
  reconnect(store: TokenStore, clock: ManualClock | undefined): Promise<TokenStore>;
  /** Writes a record as another version would. */
  plant(store: TokenStore, record: TokenRecord): Promise<void>;
  /** Writes many records into an empty store. */
  fill(store: TokenStore, records: readonly TokenRecord[]): Promise<void>;
  /** Cuts this store's connections. */
  sever(store: TokenStore): Promise<void>;
  /** Ends what the kit itself opened. */
  end(): Promise<void>;
}

/** A test's own client, which speaks to the server past the store. */
export interface Admin {
  send(key: string, args: readonly string[]): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Stores on one server, each under a prefix of its own. */
export function serverKit(url: string, traits: StoreTraits): StoreKit {
  return kit(
    traits,
    async () => {
      const wire = await Wire.before(url);
      return { options: { url: wire.url }, sever: () => wire.sever() };
    },
    () => serverAdmin(url),
  );
}

/** Stores on a cluster, each under a prefix of its own. */
export function clusterKit(urls: readonly string[], traits: StoreTraits): StoreKit {
  return kit(
    traits,
    async () => {
      const wires = await Promise.all(urls.map(async (url) => [new URL(url).host, await Wire.before(url)] as const));
      const nodeAddressMap = Object.fromEntries(
        wires.map(([host, wire]) => [host, { host: '127.0.0.1', port: Number(new URL(wire.url).port) }]),
      );
      return {
        options: { cluster: { rootNodes: wires.map(([, { url }]) => ({ url })), nodeAddressMap } },
        sever: () => {
          for (const [, wire] of wires) wire.sever();
        },
      };
    },
    () => clusterAdmin(urls),
  );
}

/** The same stores, encrypted. */
export function encryptedKit(kit: StoreKit): StoreKit {
  const inner = new WeakMap<TokenStore, TokenStore>();
  const innerOf = (store: TokenStore) => inner.get(store) as TokenStore;
  const sealed = (store: TokenStore) => {
    const keys = { test: Buffer.alloc(32, 'redis').toString('base64') };
    const outer = encrypted(store, { keys, activeKeyId: 'test' });
    inner.set(outer, store);
    return outer;
  };
  return {
    ...kit,
    lacks: ['reseal'],
    create: async (clock) => sealed(await kit.create(clock)),
    reconnect: async (store, clock) => sealed(await kit.reconnect(innerOf(store), clock)),
    plant: (store, record) => kit.plant(innerOf(store), record),
    fill: (store, records) => kit.fill(innerOf(store), records),
    sever: (store) => kit.sever(innerOf(store)),
  };
}

export async function serverAdmin(url: string): Promise<Admin> {
  const client = await createClient({ url })
    .on('error', () => {})
    .connect();
  return { send: (_key, args) => client.sendCommand([...args]), close: () => client.close() };
}

async function clusterAdmin(urls: readonly string[]): Promise<Admin> {
  const cluster = await createCluster({ rootNodes: urls.map((url) => ({ url })) })
    .on('error', () => {})
    .connect();
  return { send: (key, args) => cluster.sendCommand(key, false, [...args]), close: () => cluster.close() };
}

interface Place {
  readonly prefix: string;
  readonly options: RedisStoreOptions;
  readonly sever: () => void;
}

function kit(
  traits: StoreTraits,
  connect: () => Promise<Omit<Place, 'prefix'>>,
  newAdmin: () => Promise<Admin>,
): StoreKit {
  const places = new WeakMap<TokenStore, Place>();
  let admin: Promise<Admin> | undefined;
  const placeOf = (store: TokenStore) => places.get(store) as Place;
  const make = async (prefix: string, clock: ManualClock | undefined) => {
    const { options, sever } = await connect();
    const store = redisStore({ ...options, keyPrefix: prefix, clock });
    places.set(store, { prefix, options, sever });
    return store;
  };
  const plant = async (store: TokenStore, record: TokenRecord) => {
    admin ??= newAdmin();
    const { send } = await admin;
    await plantRecord(send, placeOf(store).prefix, record);
  };
  return {
    traits,
    create: (clock) => make(`test:${randomUUID()}:`, clock),
    reconnect: (store, clock) => make(placeOf(store).prefix, clock),
    plant,
    async fill(store, records) {
      for (let i = 0; i < records.length; i += 500)
        await Promise.all(records.slice(i, i + 500).map((record) => plant(store, record)));
    },
    sever: async (store) => placeOf(store).sever(),
    end: async () => void (await (await admin)?.close()),
  };
}

/** Writes a record with its place in the indexes. */
export async function plantRecord(send: Admin['send'], prefix: string, record: TokenRecord): Promise<void> {
  const [hash, due, leases, keys] = new Layout(prefix).ofRecord(record.key) as [string, string, string, string];
  const { key, refreshAt, attempt } = record;
  await Promise.all([
    send(hash, ['HSET', hash, 'revision', '1', ...fieldsOf(rowOf(record))]),
    send(keys, ['ZADD', keys, '0', key]),
    refreshAt !== undefined && send(due, ['ZADD', due, String(refreshAt), key]),
    attempt.lease && send(leases, ['ZADD', leases, String(attempt.lease.until), key]),
  ]);
}
