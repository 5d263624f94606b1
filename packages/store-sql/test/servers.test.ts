import { inspect } from 'node:util';
import { sharedDatabase, Wire, whyMissing } from '@evertoken/test-servers';
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { ACCOUNT, KEY, keyOf, newTable, SERVERS, statements, token } from './servers.js';

describe.each(SERVERS)('$kind', ({ kind, create, schema }) => {
  const missing = whyMissing(kind);
  const test = it.skipIf(missing);
  const opened = async (options: object) => {
    const store = create(options);
    await store.open();
    return store;
  };

  test('sends one statement for each step of a refresh, for a note, and for a page of due keys', async () => {
    const wire = await Wire.before(await sharedDatabase(kind));
    const store = await opened({
      url: wire.url,
      table: newTable(),
      poolOptions: kind === 'postgres' ? { max: 1 } : { connectionLimit: 1 },
    });
    const trips = async (work: () => Promise<unknown>) => {
      wire.turns = 0;
      await work();
      return wire.turns;
    };
    await store.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    const generation = (await store.read(KEY)).record?.generation as number;
    const seen = { key: KEY, generation, epoch: 0 };
    const claimed = await store.claim(seen, 'p', 30_000, seen);
    const again = await store.claim(seen, 'p', 30_000);
    expect('kind' in again).toBe(false);
    if (!('kind' in claimed)) throw new Error('no lease');
    expect(await trips(() => store.read(KEY))).toBe(1);
    expect(await trips(() => store.renew(claimed, 30_000))).toBe(1);
    expect(await trips(() => store.note(claimed, { failures: 1 }))).toBe(1);
    expect(
      await trips(() =>
        store.commit(KEY, token('T2'), { predecessor: generation, lease: claimed, release: true, refreshAt: 1 }),
      ),
    ).toBe(1);
    expect(await trips(() => store.claim({ ...seen, generation: generation + 1, epoch: 1 }, 'p', 30_000))).toBe(1);
    expect(await trips(() => store.due({ limit: 10, accounts: [ACCOUNT] }))).toBe(1);
    await store.close();
    wire.close();
  });

  test('lets eight stores make the table at the same instant', async () => {
    const url = await sharedDatabase(kind);
    const table = newTable();
    const stores = Array.from({ length: 8 }, () => create({ url, table }));
    await Promise.all(stores.map((store) => store.open()));
    await stores[0]?.commit(KEY, token('T1'), { predecessor: 0 });
    expect((await stores[7]?.read(KEY))?.record?.token?.value).toBe('T1');
    await Promise.all(stores.map((store) => store.close()));
  });

  test('makes no table where it is told not to, says what to do, and takes one made by the printed SQL', async () => {
    const url = await sharedDatabase(kind);
    const table = newTable();
    const store = create({ url, table, migrate: false });
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(/^"migrate" of \w+ is false, and the table "t_\w+" is not there: run the SQL/),
    });
    const past = await statements(kind, url);
    await past.run(schema({ table }));
    await store.open();
    await store.commit(KEY, token('T1'), { predecessor: 0 });
    // It may be run again over what is there.
    await past.run(schema({ table }));
    expect((await store.read(KEY)).record?.token?.value).toBe('T1');
    await past.end();
    await store.close();
  });

  test('keeps two tables of one database apart', async () => {
    const url = await sharedDatabase(kind);
    const [one, other] = [await opened({ url, table: newTable() }), await opened({ url, table: newTable() })];
    await one.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    expect((await other.read(KEY)).record).toBeUndefined();
    expect((await other.due({ limit: 9, accounts: [ACCOUNT] })).keys).toEqual([]);
    await Promise.all([one.close(), other.close()]);
  });

  test('leaves open what it was given: a pool, a Kysely instance', async () => {
    const url = await sharedDatabase(kind);
    const pool =
      kind === 'postgres'
        ? new (await import('pg')).default.Pool({ connectionString: url })
        : (await import('mysql2')).createPool(url);
    const dialect =
      kind === 'postgres' ? new PostgresDialect({ pool: pool as never }) : new MysqlDialect({ pool: pool as never });
    const db = new Kysely<object>({ dialect });
    for (const given of [{ pool }, { db }]) {
      const store = await opened({ ...given, table: newTable() });
      await store.commit(KEY, token('T1'), { predecessor: 0 });
      expect((await store.read(KEY)).record?.token?.value).toBe('T1');
      expect(store.watch !== undefined).toBe(kind === 'postgres' && 'pool' in given);
      await store.close();
      expect((await sql`select 1 as one`.execute(db)).rows).toHaveLength(1);
    }
    await db.destroy();
  });

  test('forgets tombstones after 30 days, and no earlier', async () => {
    const url = await sharedDatabase(kind);
    const table = newTable();
    let now = Date.now();
    const clock = { now: () => now };
    const store = await opened({ url, table, clock });
    for (const subject of ['old', 'young']) {
      await store.commit(keyOf(subject), token('T1'), { predecessor: 0 });
      const { record } = await store.read(keyOf(subject));
      expect(await store.remove(keyOf(subject), record?.generation as number)).toBe(true);
      now += 29 * 86_400_000;
    }
    now -= 28 * 86_400_000 - 1;
    const next = await opened({ url, table, clock });
    await expect.poll(async () => (await next.read(keyOf('old'))).record, { timeout: 10_000 }).toBeUndefined();
    expect((await next.read(keyOf('young'))).record?.attempt.state).toBe('gone');
    await Promise.all([store.close(), next.close()]);
  });

  test('asks for a thousand accounts at once', async () => {
    const store = await opened({ url: await sharedDatabase(kind), table: newTable() });
    await store.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    const accounts = [...Array.from({ length: 999 }, (_, n) => `sql/other${n}`), ACCOUNT];
    expect((await store.due({ limit: 10, accounts })).keys.map(({ key }) => key)).toEqual([KEY]);
    expect((await store.due({ limit: 10, accounts: [] })).keys).toEqual([]);
    await store.close();
  });

  test('names a row that holds no record, and goes on without it', async () => {
    const url = await sharedDatabase(kind);
    const table = newTable();
    const store = await opened({ url, table });
    for (const subject of ['broken', 'whole'])
      await store.commit(keyOf(subject), token('secret-value'), { predecessor: 0, refreshAt: 1 });
    const past = await statements(kind, url);
    await past.run(
      `update ${table} set token = '{"value":"secret-v' where ${kind === 'postgres' ? '"key"' : '`key`'} = '${keyOf('broken')}'`,
    );
    const { keys } = await store.due({ limit: 9, accounts: [ACCOUNT] });
    expect(keys.map(({ record }) => record?.token?.value)).toEqual([undefined, 'secret-value']);
    expect((await store.list({}, { limit: 9 })).records).toHaveLength(1);
    const error = await store.read(keyOf('broken')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', retryable: false });
    expect(inspect(error, { showHidden: true })).not.toMatch(/secret/);
    await past.end();
    await store.close();
  });

  test('shows no password, wherever a connection fails', async () => {
    const url = new URL(await sharedDatabase(kind));
    const wrong = (change: (url: URL) => void) => {
      const changed = new URL(url);
      changed.username = 'nobody';
      changed.password = 'hunter2-secret';
      change(changed);
      return changed.href;
    };
    const urls = [
      wrong(() => {}),
      wrong((one) => {
        one.port = '1';
      }),
      wrong((one) => {
        one.pathname = '/no_such_database';
      }),
    ];
    for (const one of urls) {
      const store = create({ url: one });
      const error = await store.open().catch((thrown: unknown) => thrown);
      // PostgreSQL of the tests trusts everybody, so a wrong password gets as far as an unknown user.
      expect(error).toBeInstanceOf(Error);
      const shown = `${inspect(error, { showHidden: true, depth: 9 })} ${JSON.stringify(error)} ${(error as Error).stack}`;
      expect(shown).not.toMatch(/hunter2/);
      await store.close();
    }
  });
});

describe.each(SERVERS)('the options of the store on $kind', ({ create }) => {
  it.each([
    [{}, /^"url" must be a \w+: URL, it is missing/],
    [{ url: undefined }, /^"url" must be a \w+: URL, it is missing/],
    [{ url: 'hunter2-secret' }, /^"url" must be a .* URL, such as/],
    [{ url: 'redis://x:hunter2-secret@h/' }, /^"url" must be a .* URL, such as/],
    [{ db: 3 }, /^"db" must be a Kysely instance/],
    [{ db: 3, pool: {} }, /^"pool" and "db" must not be given together/],
    [{ urll: 'x' }, /^"urll" is no option; expected "url", "pool", "db"/],
    [{ db: { selectFrom() {} }, table: 'a; drop' }, /^"table" must be a name or schema.name/],
    [{ db: { selectFrom() {} }, migrate: 'no' }, /^"migrate" must be true or false/],
    [{ db: { selectFrom() {} }, clock: Date.now }, /^"clock" must have a method "now"/],
  ])('%o are told as problems, and refused when it is opened', async (options, message) => {
    const store = create(options as object);
    expect(store.problems?.()[0]).toMatch(message);
    expect(store.problems?.().join()).not.toMatch(/hunter2/);
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
  });
});
