import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PrivateServer, sharedDatabase, startServer, Wire, whyMissing } from '@evertoken/test-servers';
import { afterEach, describe, expect, it } from 'vitest';
import { postgresStore } from '../src/postgres/index.js';
import { KEY, keyOf, newTable, SERVERS, statements, token } from './servers.js';

let server: PrivateServer | undefined;
afterEach(async () => {
  server?.resume();
  await server?.stop();
  server = undefined;
});

/** What a slow machine may add to a limit. */
const MARGIN_MS = 5_000;

async function eventually<Value>(work: () => Promise<Value>): Promise<Value> {
  for (const giveUpAt = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
  }
}

describe.each(SERVERS)('$kind', ({ kind, create }) => {
  const test = it.skipIf(whyMissing(kind, 'server'));

  test('killed: calls reject at once, and work again after its restart', { timeout: 60_000 }, async () => {
    server = await startServer(kind);
    const store = create({ url: server.url });
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    await server.kill();
    const start = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 30 }, () => store.read(KEY)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(performance.now() - start).toBeLessThan(2_000 + MARGIN_MS);
    await server.restart();
    expect((await eventually(() => store.read(KEY))).record?.token?.value).toBe('T1');
    await store.close();
  });

  test('paused: calls end within their time, nothing piles up, and all is well once it answers', {
    timeout: 60_000,
  }, async () => {
    server = await startServer(kind);
    const store = create({ url: server.url });
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    server.pause();
    const start = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 30 }, () => store.read(KEY)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(performance.now() - start).toBeLessThan(3 * 2_000 + MARGIN_MS);
    server.resume();
    expect((await eventually(() => store.read(KEY))).record?.token?.value).toBe('T1');
    await Promise.all(Array.from({ length: 30 }, () => eventually(() => store.read(KEY))));
    await store.close();
  });
});

describe.each(SERVERS)('one connection to $kind', ({ kind, create }) => {
  const test = it.skipIf(whyMissing(kind, 'server'));
  const one = { poolOptions: kind === 'postgres' ? { max: 1 } : { connectionLimit: 1 } };

  test('to a paused server: those who queue for it end with their time too, and so does close', {
    timeout: 60_000,
  }, async () => {
    server = await startServer(kind);
    const store = create({ url: server.url, ...one });
    store.watch?.(() => {});
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    server.pause();
    const start = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 30 }, () => store.read(KEY)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect(performance.now() - start).toBeLessThan(2 * 2_000 + MARGIN_MS);
    await store.close();
    expect(performance.now() - start).toBeLessThan(3 * 2_000 + MARGIN_MS);
    server.resume();
    const next = create({ url: server.url, ...one });
    expect((await eventually(() => next.read(KEY))).record?.token?.value).toBe('T1');
    await next.close();
  });

  test('is enough for any number of calls, through losses of it, and is given back by close', {
    timeout: 60_000,
  }, async () => {
    server = await startServer(kind);
    const wire = await Wire.before(server.url);
    const store = create({ url: wire.url, ...one });
    await store.open();
    const opened = wire.accepted;
    await Promise.all(Array.from({ length: 200 }, () => store.read(KEY)));
    expect(wire.accepted).toBe(opened);
    for (let round = 1; round <= 3; round++) {
      wire.sever();
      await eventually(() => store.read(KEY));
      expect(wire.connections).toBe(1);
    }
    await store.close();
    await expect.poll(() => wire.connections).toBe(0);
    wire.close();
  });
});

describe('watch on PostgreSQL', () => {
  it.skipIf(whyMissing('postgres'))('ends with close, and keeps no process alive', { timeout: 60_000 }, async () => {
    const url = await sharedDatabase('postgres');
    const wire = await Wire.before(url);
    const store = postgresStore({ url: wire.url, table: newTable() });
    await store.open();
    const before = wire.connections;
    store.watch?.(() => {});
    await expect.poll(() => wire.sent, { timeout: 10_000 }).toMatch(/listen "t_/);
    expect(wire.connections).toBe(before + 1);
    await store.close();
    await expect.poll(() => wire.connections).toBe(0);
    wire.close();

    const program = fileURLToPath(new URL('processes/listener.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, url, newTable()], { timeout: 30_000 });
    expect(stdout).toBe('heard\n');
  });

  it.skipIf(whyMissing('postgres', 'server'))(
    'hears again after the server was started anew',
    { timeout: 60_000 },
    async () => {
      server = await startServer('postgres');
      const [store, other] = [postgresStore({ url: server.url }), postgresStore({ url: server.url })];
      await store.open();
      const heard: string[] = [];
      const stop = store.watch?.((key) => heard.push(key));
      await other.open();
      let round = 0;
      const tell = async () => {
        const key = keyOf(`round ${++round}`);
        await eventually(() => other.commit(key, token('T'), { predecessor: 0 }));
        return heard.includes(key);
      };
      await expect.poll(tell, { timeout: 10_000 }).toBe(true);
      await server.kill();
      await server.restart();
      heard.length = 0;
      await expect.poll(tell, { timeout: 20_000 }).toBe(true);
      stop?.();
      heard.length = 0;
      await tell();
      await tell();
      expect(heard).toEqual([]);
      await Promise.all([store.close(), other.close()]);
    },
  );
});

describe('durability', () => {
  it.skipIf(whyMissing('postgres', 'server')).each([
    [{ fsync: 'off' }, { durable: false, because: 'fsync is off' }],
    [{ synchronous_commit: 'off' }, { durable: 'relaxed', because: 'synchronous_commit is off' }],
    [{ full_page_writes: 'off' }, { durable: 'relaxed', because: 'full_page_writes is off' }],
    [{}, { durable: 'synced' }],
  ])('of PostgreSQL with %o', async (settings, promised) => {
    server = await startServer('postgres', { settings: settings as Record<string, string> });
    const store = postgresStore({ url: server.url });
    expect(await store.open()).toEqual({ ...promised, scope: 'fleet' });
    await store.close();
  });

  it.skipIf(whyMissing('mariadb', 'server')).each([
    ['0', { durable: 'relaxed', because: 'innodb_flush_log_at_trx_commit is 0' }],
    ['2', { durable: 'relaxed', because: 'innodb_flush_log_at_trx_commit is 2' }],
    ['1', { durable: 'synced' }],
  ])('of MariaDB with innodb_flush_log_at_trx_commit=%s', async (level, promised) => {
    server = await startServer('mariadb', { settings: { innodb_flush_log_at_trx_commit: level } });
    const store = (await import('../src/mysql/index.js')).mysqlStore({ url: server.url });
    expect(await store.open()).toEqual({ ...promised, scope: 'fleet' });
    await store.close();
  });
});

describe('a replica of PostgreSQL', () => {
  it.skipIf(whyMissing('postgres', 'server'))('is refused, whether the table is there or not', async () => {
    server = await startServer('postgres');
    const first = postgresStore({ url: server.url });
    await first.open();
    await first.close();
    const past = await statements('postgres', server.url);
    const [{ data_directory: data }] = (await past.run('show data_directory')) as [{ data_directory: string }];
    await past.end();
    await server.shutdown();
    await writeFile(join(data, 'standby.signal'), '');
    await server.restart();
    for (const table of ['evertoken_tokens', newTable()]) {
      const store = postgresStore({ url: server.url, table });
      await expect(store.open()).rejects.toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"url" of postgresStore leads to a replica, which takes no writes/),
      });
      await store.close();
    }
  });
});

describe('a pool that was given', () => {
  it.skipIf(whyMissing('postgres', 'server'))(
    'lends its password to the connection that listens',
    { timeout: 60_000 },
    async () => {
      server = await startServer('postgres');
      const { default: pg } = await import('pg');
      const { port, username, pathname } = new URL(server.url);
      const config = {
        host: '127.0.0.1',
        port: Number(port),
        user: username,
        database: pathname.slice(1),
        password: 'given-password',
      };
      const pool = new pg.Pool(config);
      const passwords: unknown[] = [];
      const connect = pg.Client.prototype.connect;
      pg.Client.prototype.connect = function (
        this: InstanceType<typeof pg.Client>,
        ...args: Parameters<typeof connect>
      ) {
        passwords.push((this as unknown as { password: unknown }).password);
        return Reflect.apply(connect, this, args);
      } as typeof connect;
      try {
        const store = postgresStore({ pool });
        await store.open();
        store.watch?.(() => {});
        await expect.poll(() => passwords.length, { timeout: 10_000 }).toBeGreaterThan(1);
        await store.close();
      } finally {
        pg.Client.prototype.connect = connect;
        await pool.end();
      }
      expect(new Set(passwords)).toEqual(new Set(['given-password']));
    },
  );
});
