import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { openSqlite } from '../src/sqlite/driver.js';
import { sqliteSchema, sqliteStore } from '../src/sqlite/index.js';
import { KEY, keyOf, token } from './servers.js';

const root = await mkdtemp(join(tmpdir(), 'evertoken-sqlite-'));
afterAll(() => rm(root, { recursive: true, force: true }));
let serial = 0;
const newFile = () => join(root, `${++serial}`, 'tokens.db');

async function opened(filename = newFile(), options = {}) {
  const store = sqliteStore({ filename, ...options });
  await store.open();
  return store;
}

describe('sqliteStore', () => {
  it('touches nothing before it is opened', async () => {
    const filename = newFile();
    sqliteStore({ filename });
    await expect(stat(filename)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.skipIf(process.platform === 'win32')('lets nobody but the owner read: folder 0700, files 0600', async () => {
    const filename = newFile();
    const store = await opened(filename);
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    expect((await stat(join(filename, '..'))).mode & 0o777).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm']) expect((await stat(filename + suffix)).mode & 0o777).toBe(0o600);
    await store.close();
    await chmod(filename, 0o644);
    await (await opened(filename)).close();
    expect((await stat(filename)).mode & 0o777).toBe(0o600);
  });

  it('promises nothing for a database in memory', async () => {
    const store = sqliteStore({ filename: ':memory:' });
    expect(await store.open()).toEqual({ durable: false, scope: 'process', because: 'the database is in memory' });
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    expect((await store.read(KEY)).record?.token?.value).toBe('T1');
    await store.close();
  });

  it('waits for the lock of another process without standing still', async () => {
    const filename = newFile();
    const store = await opened(filename);
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    const generation = (await store.read(KEY)).record?.generation as number;
    const other = await openSqlite(filename);
    other.exec('begin immediate');
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 2);
    const writing = store.commit(KEY, token('T2'), { predecessor: generation });
    await new Promise((resolve) => setTimeout(resolve, 200));
    // Readers are not held up by a writer.
    expect((await store.read(KEY)).record?.token?.value).toBe('T1');
    other.exec('commit');
    expect(await writing).toBe('accepted');
    clearInterval(beat);
    // The busy timeout is 10 ms; the rest is for a machine with other things to do. A driver that waits would never see the lock go.
    expect(longest).toBeLessThan(1_000);
    const reader = await opened(filename);
    expect((await reader.read(KEY)).record?.token?.value).toBe('T2');
    other.close();
    await Promise.all([store.close(), reader.close()]);
  });

  it('gives up on a lock that stays, in time, and can be used afterwards', async () => {
    const filename = newFile();
    const store = await opened(filename);
    const other = await openSqlite(filename);
    other.exec('begin immediate');
    const start = performance.now();
    await expect(store.commit(KEY, token('T1'), { predecessor: 0 })).rejects.toThrow(/locked/);
    expect(performance.now() - start).toBeLessThan(10_000);
    other.exec('rollback');
    other.close();
    expect(await store.commit(KEY, token('T1'), { predecessor: 0 })).toBe('accepted');
    await store.close();
  });

  it('is made by eight at the same instant', async () => {
    const filename = newFile();
    const stores = Array.from({ length: 8 }, () => sqliteStore({ filename }));
    await Promise.all(stores.map((store) => store.open()));
    await stores[0]?.commit(KEY, token('T1'), { predecessor: 0 });
    expect((await stores[7]?.read(KEY))?.record?.token?.value).toBe('T1');
    await Promise.all(stores.map((store) => store.close()));
  });

  it('makes no table where it is told not to, and takes one made by the printed SQL', async () => {
    const filename = newFile();
    const store = sqliteStore({ filename, migrate: false });
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(
        /^"migrate" of sqliteStore is false, and the table "evertoken_tokens" is not there/,
      ),
    });
    const database = await openSqlite(filename);
    database.exec(sqliteSchema());
    database.exec(sqliteSchema());
    database.close();
    await store.open();
    expect(await store.commit(KEY, token('T1'), { predecessor: 0 })).toBe('accepted');
    await store.close();
  });

  it('leaves a Kysely instance open, and keeps two tables apart', async () => {
    const database = await openSqlite(':memory:');
    const db = new Kysely<object>({ dialect: new SqliteDialect({ database }) });
    const [one, other] = [sqliteStore({ db, table: 'one' }), sqliteStore({ db, table: 'other' })];
    await one.open();
    await other.open();
    await one.commit(KEY, token('T1'), { predecessor: 0 });
    expect((await other.read(KEY)).record).toBeUndefined();
    await one.close();
    expect((await sql`select 1 as one`.execute(db)).rows).toHaveLength(1);
    await db.destroy();
  });

  it('forgets tombstones after 30 days, and no earlier', async () => {
    const filename = newFile();
    let now = Date.now();
    const clock = { now: () => now };
    const store = await opened(filename, { clock });
    for (const subject of ['old', 'young']) {
      await store.commit(keyOf(subject), token('T1'), { predecessor: 0 });
      expect(await store.remove(keyOf(subject), (await store.read(keyOf(subject))).record?.generation as number)).toBe(
        true,
      );
      now += 29 * 86_400_000;
    }
    now -= 28 * 86_400_000 - 1;
    const next = await opened(filename, { clock });
    await expect.poll(async () => (await next.read(keyOf('old'))).record, { timeout: 10_000 }).toBeUndefined();
    expect((await next.read(keyOf('young'))).record?.attempt.state).toBe('gone');
    await Promise.all([store.close(), next.close()]);
  });

  it('refuses a file that is no database, and leaves it as it is', async () => {
    const filename = join(root, 'letter.txt');
    await writeFile(filename, 'Dear Sir or Madam, this is no database. '.repeat(50));
    await expect(sqliteStore({ filename }).open()).rejects.toThrow(/not a database/);
    expect((await stat(filename)).size).toBe(40 * 50);
  });

  it.each([
    [{}, /^"filename" must be the path of the database file, it is missing/],
    [{ filename: '' }, /^"filename" must be a non-empty string/],
    [{ filename: 'x', db: 3 }, /^"filename" and "db" must not be given together/],
    [{ filename: 'x', table: 'a"b' }, /^"table" must be a name/],
    [{ file: 'x' }, /^"file" is no option/],
  ])('tells %o as a problem, and refuses to be opened with it', async (options, message) => {
    const store = sqliteStore(options as object);
    expect(store.problems?.()[0]).toMatch(message);
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
  });
});
