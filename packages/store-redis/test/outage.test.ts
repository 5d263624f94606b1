import { setTimeout as pause } from 'node:timers/promises';
import type { TokenStore } from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';
import { type PrivateServer, startServer, Wire, whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RedisStoreOptions, redisStore } from '../src/index.js';
import { serverAdmin } from './stores.js';
import { eventually, keyOf, rejection, tokenOf } from './support.js';

const KEY = keyOf('a');
const LIMIT_MS = 400;
/** What a slow machine may add. */
const MARGIN_MS = 2_000;

let server: PrivateServer;
const stores: TokenStore[] = [];

function newStore(options: Partial<RedisStoreOptions> = {}): TokenStore {
  const store = redisStore({ url: server.url, timeoutMs: LIMIT_MS, ...options });
  stores.push(store);
  return store;
}

async function openStore(options: Partial<RedisStoreOptions> = {}): Promise<TokenStore> {
  const store = newStore(options);
  await store.open();
  return store;
}

describe.skipIf(whyMissing('redis', 'server'))('redisStore and a server that is away', () => {
  beforeEach(async () => {
    server = await startServer('redis');
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await server.stop();
  });

  it('rejects at once while the server is away, works again once it is back, and has lost nothing', async () => {
    const store = await openStore();
    expect(await store.commit(KEY, tokenOf('before'), { predecessor: 0 })).toBe('accepted');
    await server.kill();
    await rejection(store.read(KEY));
    for (let i = 0; i < 50; i++) {
      const { error, ms } = await rejection(store.commit(KEY, tokenOf(`lost ${i}`), { predecessor: 0 }));
      expect(error).toMatchObject({ name: 'TokenError', code: 'ERR_TOKEN_STORE', retryable: true });
      expect(ms).toBeLessThan(LIMIT_MS);
    }
    await server.restart();
    const { record } = await eventually(() => store.read(KEY));
    expect(record?.token?.value).toBe('before');
    // The scripts went with the server.
    expect(await store.remove(KEY, (record as TokenRecord).generation)).toBe(true);
  });

  it('rejects on opening within the limit while the server is away, and opens once it is there', async () => {
    const store = newStore();
    await server.kill();
    for (let i = 0; i < 2; i++) {
      const { error, ms } = await rejection(store.open());
      expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', message: 'redisStore: open failed (ECONNREFUSED)' });
      expect(ms).toBeLessThan(LIMIT_MS + MARGIN_MS);
    }
    await server.restart();
    expect(await store.open()).toEqual({ durable: 'synced', scope: 'fleet' });
  });

  it('rejects within the limit where the server answers nothing, sends nothing to it afterwards, and works once it answers', async () => {
    const wire = await Wire.before(server.url);
    const store = await openStore({ url: wire.url });
    await store.commit(KEY, tokenOf('before'), { predecessor: 0 });
    server.pause();
    const first = await rejection(store.read(KEY));
    expect(first.error).toMatchObject({ code: 'ERR_TOKEN_STORE', reason: 'timeout' });
    expect(first.ms).toBeLessThan(LIMIT_MS + MARGIN_MS);

    wire.sent = '';
    for (let i = 0; i < 200; i++) {
      const { ms } = await rejection(store.commit(keyOf(`queued ${i}`), tokenOf('queued'), { predecessor: 0 }));
      expect(ms).toBeLessThan(LIMIT_MS);
    }
    expect(wire.sent).not.toContain('EVALSHA');
    await eventually(async () => wire.accepted >= 5);
    // One that waits for the server's greeting, at the most one that is being given up.
    expect(wire.connections).toBeLessThanOrEqual(2);

    server.resume();
    expect((await eventually(() => store.read(KEY))).record?.token?.value).toBe('before');
    expect((await store.read(keyOf('queued 0'))).record).toBeUndefined();
    await eventually(async () => wire.connections === 1);
  });

  it('opens within the limit or rejects where the server answers nothing, and closes all the same', async () => {
    const store = newStore();
    const opened = await openStore();
    server.pause();
    expect((await rejection(store.open())).ms).toBeLessThan(LIMIT_MS + MARGIN_MS);
    const start = performance.now();
    const pending = rejection(opened.read(KEY));
    await Promise.all([store.close(), opened.close()]);
    await pending;
    expect(performance.now() - start).toBeLessThan(LIMIT_MS + MARGIN_MS);
    server.resume();
  });

  it('sends a write once, whatever becomes of its answer', async () => {
    const wire = await Wire.before(server.url);
    const store = await openStore({ url: wire.url });
    const admin = await serverAdmin(server.url);
    const [hash] = await eventually(async () => {
      await store.commit(KEY, tokenOf('before'), { predecessor: 0 });
      return (await admin.send('', ['KEYS', '*:r:*'])) as [string];
    });
    const generation = Number(await admin.send('', ['HGET', hash, 'generation']));
    // The script is known, so that one sending is one command.
    const lease = await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', 30_000);
    expect(lease).toMatchObject({ kind: 'lease' });

    wire.sent = '';
    wire.mute = true;
    const lost = rejection(store.commit(KEY, tokenOf('after'), { predecessor: generation }));
    await eventually(async () => Number(await admin.send('', ['HGET', hash, 'generation'])) === generation + 1);
    wire.sever();
    wire.mute = false;
    expect((await lost).error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    const { record } = await eventually(() => store.read(KEY));
    expect(record).toMatchObject({ generation: generation + 1, token: { value: 'after' } });
    expect(wire.sent.split('after').length - 1).toBe(1);
    await admin.close();
  });

  it('loses no new connection with one that was lost before it, however often', async () => {
    const wire = await Wire.before(server.url);
    const store = await openStore({ url: wire.url });
    for (let i = 0; i < 4; i++) {
      wire.sever();
      await eventually(() => store.read(KEY));
    }
    // By then what was lost is given up for good.
    for (const until = performance.now() + 3 * LIMIT_MS; performance.now() < until; await pause(20))
      expect(await store.read(KEY)).toMatchObject({ now: expect.any(Number) });
    expect(wire.accepted).toBeLessThanOrEqual(6);
  });

  it('goes on after SCRIPT FLUSH', async () => {
    const store = await openStore();
    const admin = await serverAdmin(server.url);
    for (let i = 0; i < 3; i++) {
      await admin.send('', ['SCRIPT', 'FLUSH']);
      expect(await store.commit(keyOf(`k${i}`), tokenOf('t'), { predecessor: 0, refreshAt: 1 })).toBe('accepted');
      await admin.send('', ['SCRIPT', 'FLUSH']);
      expect((await store.due({ limit: 10, accounts: ['test/app'] })).keys.length).toBe(i + 1);
    }
    await admin.close();
  });

  it.each<[string, (wire: Wire) => Promise<void>]>([
    ['the connection is cut', async (wire) => wire.sever()],
    [
      'the server is started anew',
      async () => {
        await server.kill();
        await server.restart();
      },
    ],
    [
      'the server was silent for a while',
      async () => {
        server.pause();
        await rejection(stores.at(-1)?.read(KEY) ?? Promise.reject());
        server.resume();
      },
    ],
  ])('tells watchers of changes again after %s', async (_what, disturb) => {
    const writer = await openStore();
    const wire = await Wire.before(server.url);
    const store = await openStore({ url: wire.url });
    const told = new Set<string>();
    const unwatch = store.watch?.((key) => told.add(key));
    const isTold = (subject: string) =>
      eventually(async () => {
        const { record } = await writer.read(keyOf(subject));
        const predecessor = record?.generation ?? 0;
        await writer.commit(keyOf(subject), tokenOf(`${subject} after ${predecessor}`), { predecessor });
        return told.has(keyOf(subject));
      });
    await isTold('before');
    await disturb(wire);
    await isTold('afterwards');
    expect(wire.connections).toBe(2);
    unwatch?.();
    await eventually(async () => wire.connections === 1);
    store.watch?.(() => {});
    await eventually(async () => wire.connections === 2);
    await store.close();
    await eventually(async () => wire.connections === 0);
  });
});
