import type { TokenStore } from '@evertoken/core';
import { type PrivateServer, sharedDatabase, startServer, whyMissing } from '@evertoken/test-servers';
import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { mysqlStore } from '../src/mysql/index.js';
import { openSqlite } from '../src/sqlite/driver.js';
import { sqliteStore } from '../src/sqlite/index.js';
import { ACCOUNT, KEY, newTable, SERVERS, statements, token } from './servers.js';

describe('settings of MySQL and MariaDB', () => {
  const test = it.skipIf(whyMissing('mariadb', 'server'));
  let server: PrivateServer | undefined;
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  test.each([
    ['0', { durable: 'relaxed', because: 'sync_binlog is 0' }],
    ['1', { durable: 'synced' }],
  ])(
    'with a binary log, sync_binlog=%s decides too: what it lacks is rolled back after a crash',
    async (level, promised) => {
      server = await startServer('mariadb', { settings: { 'log-bin': 'binlog', 'sync-binlog': level } });
      const store = mysqlStore({ url: server.url });
      expect(await store.open()).toEqual({ ...promised, scope: 'fleet' });
      await store.close();
    },
  );

  test('without autocommit nothing would ever be stored: refused', async () => {
    server = await startServer('mariadb');
    const owner = await statements('mariadb', server.url);
    await owner.run('set global autocommit = 0');
    const store = mysqlStore({ url: server.url });
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(/^"autocommit" of mysqlStore's connections must be on/),
    });
    await Promise.all([store.close(), owner.end()]);
  });
});

describe.each(SERVERS)('texts on $kind', ({ kind, create }) => {
  it.skipIf(whyMissing(kind))('are kept whole, names of holders and causes too', async () => {
    const store = create({ url: await sharedDatabase(kind), table: newTable() });
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    const { generation = 0 } = (await store.read(KEY)).record ?? {};
    const [holder, cause] = ['ü'.repeat(70_000), '☂'.repeat(70_000)];
    const lease = await store.claim({ key: KEY, generation, epoch: 0 }, holder, 30_000);
    if (!('kind' in lease)) throw new Error('no lease');
    expect(await store.note(lease, { state: 'waiting', cause })).toBe(true);
    const { attempt } = (await store.read(KEY)).record ?? {};
    expect(attempt?.cause === cause).toBe(true);
    expect(attempt?.lease?.holder === holder).toBe(true);
    expect(await store.renew(lease, 60_000)).toBeDefined();
    await store.close();
  });
});

describe('a Kysely instance with plugins', () => {
  const plugins = [new CamelCasePlugin()];
  const works = async (db: Kysely<object>, create: (options: { db: Kysely<object>; table: string }) => TokenStore) => {
    const given = create({ db, table: newTable() });
    await given.open();
    await given.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    expect((await given.read(KEY)).record?.token?.value).toBe('T1');
    expect((await given.due({ limit: 9, accounts: [ACCOUNT] })).keys).toHaveLength(1);
    await db.destroy();
  };

  it.skipIf(whyMissing('postgres'))('for PostgreSQL is used without them', async () => {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: await sharedDatabase('postgres') });
    await works(new Kysely<object>({ dialect: new PostgresDialect({ pool }), plugins }), SERVERS[0].create);
  });

  it.skipIf(whyMissing('mariadb'))('for MariaDB is used without them', async () => {
    const pool = (await import('mysql2')).createPool(await sharedDatabase('mariadb'));
    await works(new Kysely<object>({ dialect: new MysqlDialect({ pool }), plugins }), mysqlStore);
  });

  it('for SQLite is used without them', async () => {
    const dialect = new SqliteDialect({ database: await openSqlite(':memory:') });
    await works(new Kysely<object>({ dialect, plugins }), sqliteStore);
  });
});
