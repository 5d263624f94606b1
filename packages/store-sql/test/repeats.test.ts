import { sharedDatabase, startServer, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it } from 'vitest';
import { MYSQL } from '../src/mysql/dialect.js';
import { mysqlStore } from '../src/mysql/index.js';
import { postgresDialect } from '../src/postgres/dialect.js';
import { postgresStore } from '../src/postgres/index.js';
import { SQLITE } from '../src/sqlite/dialect.js';
import { KEY, newTable, statements, token } from './servers.js';

describe('what may simply be sent again', () => {
  const POSTGRES = postgresDialect('channel');
  it.each([
    ['a deadlock of MySQL', MYSQL, { errno: 1213, code: 'ER_LOCK_DEADLOCK' }, true],
    ['a lock that MySQL waited for too long', MYSQL, { errno: 1205, code: 'ER_LOCK_WAIT_TIMEOUT' }, true],
    ['a duplicate of MySQL', MYSQL, { errno: 1062, code: 'ER_DUP_ENTRY' }, false],
    ['a lost connection of MySQL', MYSQL, { code: 'PROTOCOL_CONNECTION_LOST' }, false],
    ['an answer of MySQL that did not come', MYSQL, { code: 'PROTOCOL_SEQUENCE_TIMEOUT' }, false],
    ['a deadlock of PostgreSQL', POSTGRES, { code: '40P01' }, true],
    ['a serialization failure', POSTGRES, { code: '40001' }, true],
    ['a statement that PostgreSQL cancelled', POSTGRES, { code: '57014' }, false],
    ['a transaction of unknown outcome', POSTGRES, { code: '40003' }, false],
    ['a lost connection of PostgreSQL', POSTGRES, new Error('Connection terminated unexpectedly'), false],
    ['a locked file, says better-sqlite3', SQLITE, { code: 'SQLITE_BUSY' }, true],
    ['a stale snapshot, says better-sqlite3', SQLITE, { code: 'SQLITE_BUSY_SNAPSHOT' }, true],
    ['a locked file, says node:sqlite', SQLITE, { code: 'ERR_SQLITE_ERROR', errcode: 5 }, true],
    ['a stale snapshot, says node:sqlite', SQLITE, { code: 'ERR_SQLITE_ERROR', errcode: 517 }, true],
    ['a full disk', SQLITE, { code: 'SQLITE_FULL' }, false],
    ['nothing at all', SQLITE, undefined, false],
  ])('%s', (_what, dialect, error, answer) => {
    expect(dialect.mayRepeat(error)).toBe(answer);
  });
});

describe('a write that was turned away', () => {
  it.skipIf(whyMissing('postgres'))('by a serialization failure of PostgreSQL is made all the same', async () => {
    const [url, table] = [await sharedDatabase('postgres'), newTable()];
    const store = postgresStore({
      url,
      table,
      poolOptions: { options: '-c default_transaction_isolation=serializable' },
    });
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    const generation = (await store.read(KEY)).record?.generation as number;
    const other = await statements('postgres', url);
    await other.run(`begin; update ${table} set rest = rest`);
    const writing = store.commit(KEY, token('T2'), { predecessor: generation });
    const watcher = await statements('postgres', url);
    const blocked = () =>
      watcher.run(
        "select 1 from pg_stat_activity where datname = current_database() and application_name = 'evertoken' and wait_event_type = 'Lock'",
      );
    await expect.poll(blocked, { interval: 10 }).toHaveLength(1);
    await other.run('commit');
    expect(await writing).toBe('accepted');
    expect((await store.read(KEY)).record?.token?.value).toBe('T2');
    await Promise.all([store.close(), other.end(), watcher.end()]);
  });

  it.skipIf(whyMissing('mariadb', 'server'))('by a lock timeout of MariaDB is made all the same', async () => {
    const server = await startServer('mariadb', { settings: { 'innodb-lock-wait-timeout': '0' } });
    const table = newTable();
    const store = mysqlStore({ url: server.url, table });
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    const generation = (await store.read(KEY)).record?.generation as number;
    const other = await statements('mariadb', server.url);
    await other.run(`begin; update ${table} set rest = '{}'`);
    const writing = store.commit(KEY, token('T2'), { predecessor: generation });
    // Turned away at once, and again and again, until the lock goes.
    await expect(Promise.race([writing, store.read(KEY).then(() => 'waits')])).resolves.toBe('waits');
    await other.run('rollback');
    expect(await writing).toBe('accepted');
    expect((await store.read(KEY)).record?.token?.value).toBe('T2');
    await Promise.all([store.close(), other.end()]);
    await server.stop();
  });
});
