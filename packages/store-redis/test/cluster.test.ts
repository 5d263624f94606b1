import { randomUUID } from 'node:crypto';
import type { TokenStore } from '@evertoken/core';
import { ManualClock, storeContract } from '@evertoken/core/testing';
import { startRedisCluster, Wire, whyMissing } from '@evertoken/test-servers';
import { createClient, createCluster } from '@redis/client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { redisStore } from '../src/index.js';
import { Layout, SHARDS } from '../src/layout.js';
import { type Admin, clusterKit, serverAdmin } from './stores.js';
import { ACCOUNT, eventually, keyOf, rejection, tokenOf } from './support.js';

const LIMIT_MS = 400;
const MARGIN_MS = 2_000;
const TRAITS = {
  durable: 'relaxed',
  scope: 'fleet',
  because: 'a failover of the cluster may lose the last writes',
} as const;

const missing = whyMissing('redis', 'server');
const cluster = missing ? { urls: [], stop: async () => {} } : await startRedisCluster();
const kit = clusterKit(cluster.urls, TRAITS);
const rootNodes = cluster.urls.map((url) => ({ url }));
const stores: TokenStore[] = [];

function newStore(options: object = {}): TokenStore {
  const store = redisStore({
    cluster: { rootNodes },
    keyPrefix: `test:${randomUUID()}:`,
    timeoutMs: LIMIT_MS,
    ...options,
  });
  stores.push(store);
  return store;
}

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

afterAll(async () => {
  await kit.end();
  await cluster.stop();
});

describe.skipIf(missing)('on a Redis cluster', () => {
  storeContract({ describe, it, expect }, () => new ManualClock(), {
    name: 'redisStore on a cluster',
    ownClock: true,
    rounds: 200,
    ...kit,
  });
});

describe.skipIf(missing)('redisStore and a cluster', () => {
  it('takes a cluster client, and one node of it where no more is known', async () => {
    const given = createCluster({ rootNodes });
    const store = newStore({ cluster: undefined, client: given });
    expect(await store.open()).toEqual(TRAITS);
    expect(given.isOpen).toBe(false);
    expect(await newStore({ cluster: { rootNodes: rootNodes.slice(0, 1) } }).open()).toEqual(TRAITS);
  });

  it('refuses to go to one node as if it were all', async () => {
    const [url = ''] = cluster.urls;
    for (const [option, options] of [
      ['url', { url }],
      ['client', { client: createClient({ url }) }],
    ] as const) {
      const { error } = await rejection(newStore({ cluster: undefined, ...options }).open());
      expect(error).toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: `"${option}" must lead to a single server, this one is part of a cluster: pass "cluster": { rootNodes: [...] }`,
      });
    }
  });

  it('goes on after SCRIPT FLUSH on every node', async () => {
    const store = newStore();
    await store.open();
    const admins = await Promise.all(cluster.urls.map(serverAdmin));
    for (let i = 0; i < 3; i++) {
      for (const { send } of admins) await send('', ['SCRIPT', 'FLUSH']);
      expect(await store.commit(keyOf(`k${i}`), tokenOf('t'), { predecessor: 0, refreshAt: 1 })).toBe('accepted');
      expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys.length).toBe(i + 1);
    }
    for (const { close } of admins) await close();
  });

  it('goes to the new place of a slot that has moved', async () => {
    const store = newStore({ keyPrefix: 'moving:' });
    await store.open();
    const key = keyOf('moving');
    const [hash = ''] = new Layout('moving:').ofRecord(key);
    const admins = await Promise.all(cluster.urls.map(serverAdmin));
    const slot = String(await admins[0]?.send('', ['CLUSTER', 'KEYSLOT', hash]));
    const ids = await Promise.all(admins.map(({ send }) => send('', ['CLUSTER', 'MYID'])));
    const ranges = await Promise.all(admins.map(async ({ send }) => String(await send('', ['CLUSTER', 'NODES']))));
    const from = ranges.findIndex((nodes) => isIn(Number(slot), nodes));
    const to = (from + 1) % admins.length;
    expect(await store.commit(key, tokenOf('a'), { predecessor: 0, refreshAt: 1 })).toBe('accepted');

    const [source, target] = [admins[from] as Admin, admins[to] as Admin];
    await target.send('', ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[from])]);
    await source.send('', ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[to])]);
    const held = (await source.send('', ['CLUSTER', 'GETKEYSINSLOT', slot, '9999'])) as string[];
    const { port } = new URL(cluster.urls[to] as string);
    await source.send('', ['MIGRATE', '127.0.0.1', port, '', '0', '5000', 'KEYS', ...held]);
    // All of it is there by now, and the old place still sends askers on, one by one.
    expect((await store.read(key)).record?.token?.value).toBe('a');
    for (const { send } of [target, source]) await send('', ['CLUSTER', 'SETSLOT', slot, 'NODE', String(ids[to])]);

    const { record } = await store.read(key);
    expect(await store.commit(key, tokenOf('b'), { predecessor: record?.generation ?? -1, refreshAt: 2 })).toBe(
      'accepted',
    );
    expect((await store.due({ limit: 5, accounts: [ACCOUNT] })).keys.map((due) => due.refreshAt)).toEqual([2]);
    for (const { close } of admins) await close();
  });

  it('keeps to the limit while one node answers nothing, serves the keys of the others, and all once it answers', async () => {
    const store = newStore();
    await store.open();
    const keys = Array.from({ length: 60 }, (_, i) => keyOf(`k${i}`));
    for (const key of keys) await store.commit(key, tokenOf('a'), { predecessor: 0 });
    const [pid = 0] = await Promise.all(cluster.urls.slice(0, 1).map(pidOf));
    process.kill(pid, 'SIGSTOP');
    try {
      const start = performance.now();
      const reads = await Promise.allSettled(keys.map((key) => store.read(key)));
      expect(performance.now() - start).toBeLessThan(LIMIT_MS + MARGIN_MS);
      const served = reads.filter(({ status }) => status === 'fulfilled').length;
      expect(served).toBeGreaterThan(keys.length / 4);
      expect(served).toBeLessThan(keys.length);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually(async () => {
      for (const key of keys) expect((await store.read(key)).record?.token?.value).toBe('a');
    });
  });

  it('leaves few connections to a node that answers nothing', async () => {
    const wires = await Promise.all(cluster.urls.map((url) => Wire.before(url)));
    const entries = wires.map(({ url }, i) => {
      const { hostname: host, port } = new URL(url);
      return [new URL(cluster.urls[i] as string).host, { host, port: Number(port) }] as const;
    });
    const options = { rootNodes: wires.map(({ url }) => ({ url })), nodeAddressMap: Object.fromEntries(entries) };
    const store = newStore({ cluster: options });
    store.watch?.(() => {});
    await store.open();
    const [wire, pid] = [wires[0] as Wire, await pidOf(cluster.urls[0] as string)];
    process.kill(pid, 'SIGSTOP');
    try {
      const before = wire.accepted;
      let most = 0;
      await eventually(async () => {
        await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.read(keyOf(`k${i}`))));
        most = Math.max(most, wire.connections);
        return wire.accepted >= before + 20;
      }, 60_000);
      expect(most).toBeLessThanOrEqual(5);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await eventually(() => store.read(keyOf('a')));
    await store.close();
    await eventually(async () => wires.every(({ connections }) => connections === 0));
  }, 90_000);

  it('has keys of every node in its shards', async () => {
    const { send, close } = await serverAdmin(cluster.urls[0] as string);
    const layout = new Layout('x:');
    const slots = await Promise.all(
      Array.from({ length: SHARDS }, (_, shard) => send('', ['CLUSTER', 'KEYSLOT', layout.ofList(shard)[0] as string])),
    );
    expect(new Set(slots).size).toBe(SHARDS);
    const thirds = slots.map((slot) => Math.floor((3 * Number(slot)) / 16_384));
    for (const third of [0, 1, 2]) expect(thirds.filter((of) => of === third).length).toBeGreaterThan(15);
    await close();
  });
});

/** Whether the node that says so serves the slot. */
function isIn(slot: number, nodes: string): boolean {
  const own = nodes.split('\n').find((line) => line.includes('myself')) ?? '';
  return own
    .split(' ')
    .slice(8)
    .some((range) => {
      const [first = Number.NaN, last = first] = range.split('-').map(Number);
      return slot >= first && slot <= last;
    });
}

async function pidOf(url: string): Promise<number> {
  const { send, close } = await serverAdmin(url);
  const info = String(await send('', ['INFO', 'server']));
  await close();
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}
