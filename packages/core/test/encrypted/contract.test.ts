import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/file/index.js';
import { memoryStore, type TokenStore } from '../../src/index.js';
import { sealToken } from '../../src/sealed-token.js';
import { Sealer } from '../../src/sealing.js';
import { rowOf, type TokenRecord } from '../../src/store/index.js';
import { ManualClock, storeContract } from '../../src/testing/index.js';
import { MapRowStore } from '../store/map-row-store.js';
import { KEYS, plant, sealing } from './support.js';

const root = await mkdtemp(join(tmpdir(), 'evertoken-encrypted-'));
afterAll(() => rm(root, { recursive: true, force: true }));
let serial = 0;

/** What an encrypted store encrypts: its second connection is another process, which seals with another key. */
const inners = new WeakMap<object, TokenStore>();
function encryptedOn(inner: TokenStore, activeKeyId: keyof typeof KEYS = 'new') {
  const store = sealing(inner, activeKeyId);
  inners.set(store, inner);
  return store;
}
const innerOf = (store: TokenStore) => inners.get(store) as TokenStore;
const second = (store: TokenStore) => encryptedOn(innerOf(store), 'old');
const sealer = new Sealer({ keys: KEYS, activeKeyId: 'new' });
const sealedRecord = (record: TokenRecord): TokenRecord =>
  record.token ? { ...record, token: sealToken(sealer, record.key, record.token) } : record;

for (const [how, written] of [
  ['sealed', sealedRecord],
  ['in clear', (record: TokenRecord) => record],
] as const) {
  storeContract({ describe, it, expect }, () => new ManualClock(), {
    name: `encrypted(memoryStore), planted records ${how},`,
    create: (clock) => encryptedOn(memoryStore({ clock })),
    reconnect: second,
    traits: { durable: false, scope: 'process' },
    lacks: ['reseal'],
    plant: (store, record) => plant(innerOf(store), written(record)),
  });
}

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'encrypted(a store over rows)',
  create: (clock) => encryptedOn(new MapRowStore(clock)),
  reconnect: second,
  traits: { durable: false, scope: 'process' },
  lacks: ['reseal', 'watch'],
  plant: async (store, record) => {
    (innerOf(store) as MapRowStore).rows.set(record.key, { ...rowOf(sealedRecord(record)), revision: 1 });
  },
});

const directories = new WeakMap<object, string>();
function encryptedFiles(clock: ManualClock, activeKeyId: keyof typeof KEYS, directory = join(root, String(++serial))) {
  const store = encryptedOn(fileStore({ directory, clock }), activeKeyId);
  directories.set(store, directory);
  return store;
}

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'encrypted(fileStore)',
  create: (clock) => encryptedFiles(clock, 'new'),
  reconnect: (store, clock) => encryptedFiles(clock, 'old', directories.get(store)),
  traits: { durable: 'synced', scope: 'host' },
  lacks: ['reseal', 'watch'],
  rounds: 60,
  keys: 500,
});
