import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenStore } from '@evertoken/core';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { Kysely, MysqlDialect, PostgresDialect, type RawBuilder, SqliteDialect, sql } from 'kysely';
import { afterAll, describe, expect, it } from 'vitest';
import { MYSQL } from '../src/mysql/dialect.js';
import { mysqlStore } from '../src/mysql/index.js';
import { postgresDialect } from '../src/postgres/dialect.js';
import { postgresStore } from '../src/postgres/index.js';
import type { SqlDialect } from '../src/shared/dialect.js';
import { dueStatement, loadStatement, purgeStatement, timeKnown } from '../src/shared/statements.js';
import { SQLITE } from '../src/sqlite/dialect.js';
import { sqliteStore } from '../src/sqlite/index.js';
import { ACCOUNT, keyOf, newTable } from './servers.js';

const ROWS = 20_000;
const DUE = 50;
const root = await mkdtemp(join(tmpdir(), 'evertoken-plans-'));
afterAll(() => rm(root, { recursive: true, force: true }));

interface Place {
  readonly db: Kysely<object>;
  readonly store: (table: string) => TokenStore;
}

/** How a plan comes to the rows of the table. */
interface Access {
  readonly index: string | undefined;
  /** What is looked up in the index; everything else is read and then thrown away. */
  readonly bounds: number;
  /** Whether rows of the table are put into order; the page that comes of them always is. */
  readonly sorts: boolean;
}

type PlanRow = Readonly<Record<string, unknown>>;

function accessInPostgres(rows: readonly PlanRow[], table: string): Access {
  const text = rows.map((row) => row['QUERY PLAN']).join('\n');
  const index = new RegExp(`Index Scan (?:using|on) ${table}_(\\w+)`).exec(text)?.[1];
  return {
    index: /Seq Scan/.test(text) ? undefined : index === 'pkey' ? 'primary' : index,
    bounds: /Index Cond: (.*)/.exec(text)?.[1]?.split(' AND ').length ?? 0,
    sorts: /Limit[\s\S]*Sort Key/.test(text),
  };
}

/** The bytes of an index that are compared: a key takes 514, a nullable time 9. */
const COMPARED: Readonly<Record<string, number>> = { '514': 1, '523': 2, '9': 1 };

function accessInMariadb(rows: readonly PlanRow[], table: string): Access {
  const own = rows.filter(({ select_type }) => select_type !== 'PRIMARY');
  const row = rows.find((one) => one['table'] === table) ?? rows.find((one) => one['table'] === 't');
  return {
    index: String(row?.['key']).replace(`${table}_`, '').toLowerCase(),
    bounds: /^(range|const|ref)$/.test(String(row?.['type'])) ? (COMPARED[String(row?.['key_len'])] ?? 0) : 0,
    sorts: own.some(({ Extra }) => /filesort|temporary/.test(String(Extra))),
  };
}

function accessInSqlite(rows: readonly PlanRow[], table: string): Access {
  const [, index, bounds] =
    /SEARCH \w+ USING INDEX (\w+) \((.*?)\)/.exec(rows.map(({ detail }) => detail).join('\n')) ?? [];
  return {
    index: index?.startsWith('sqlite_autoindex') ? 'primary' : index?.replace(`${table}_`, ''),
    bounds: new Set(bounds?.split(' AND ').map((bound) => bound.replace(/\W.*/, ''))).size,
    sorts: rows.some(({ parent, detail }) => parent !== 0 && /TEMP B-TREE/.test(String(detail))),
  };
}

const DATABASES: readonly {
  kind: string;
  missing: string | undefined;
  dialect: SqlDialect;
  place: () => Promise<Place>;
  /** Numbers from 1 on, as `n`. */
  series: string;
  concat: (key: string) => string;
  explain: string;
  analyze: string;
  access: (rows: readonly PlanRow[], table: string) => Access;
}[] = [
  {
    kind: 'PostgreSQL',
    missing: whyMissing('postgres'),
    dialect: postgresDialect('channel'),
    place: async () => {
      const { default: pg } = await import('pg');
      const pool = new pg.Pool({ connectionString: await sharedDatabase('postgres') });
      return {
        db: new Kysely({ dialect: new PostgresDialect({ pool }) }),
        store: (table) => postgresStore({ pool, table }),
      };
    },
    series: `generate_series(1, ${ROWS}) as s(n)`,
    concat: (start) => `${start} || n`,
    explain: 'explain',
    analyze: 'analyze',
    access: accessInPostgres,
  },
  {
    kind: 'MariaDB',
    missing: whyMissing('mariadb'),
    dialect: MYSQL,
    place: async () => {
      const { createPool } = await import('mysql2');
      const pool = createPool(await sharedDatabase('mariadb'));
      return { db: new Kysely({ dialect: new MysqlDialect({ pool }) }), store: (table) => mysqlStore({ pool, table }) };
    },
    series: `(select seq as n from seq_1_to_${ROWS}) as s`,
    concat: (start) => `concat(${start}, n)`,
    explain: 'explain',
    analyze: 'analyze table',
    access: accessInMariadb,
  },
  {
    kind: 'SQLite',
    missing: undefined,
    dialect: SQLITE,
    place: async () => {
      const { openSqlite } = await import('../src/sqlite/driver.js');
      const database = await openSqlite(join(root, 'tokens.db'));
      const db = new Kysely<object>({ dialect: new SqliteDialect({ database }) });
      return { db, store: (table) => sqliteStore({ db, table }) };
    },
    series: `(with recursive r(n) as (select 1 union all select n + 1 from r where n < ${ROWS}) select n from r) as s`,
    concat: (start) => `${start} || n`,
    explain: 'explain query plan',
    analyze: 'analyze',
    access: accessInSqlite,
  },
];

describe.each(DATABASES)('$kind', ({ kind, missing, dialect, place, series, concat, explain, analyze, access }) => {
  it.skipIf(missing)('finds by an index what is asked for, and reads nothing else', async () => {
    const { db, store: make } = await place();
    const table = newTable();
    const store = make(table);
    await store.open();
    const key = sql.raw(concat(`'${keyOf('n')}'`));
    await sql`insert into ${sql.table(table)}
      (${sql.ref('key')}, account, v, revision, generation, epoch, state, failures, token, refresh_at, gone_at)
      select ${key}, ${ACCOUNT}, 1, 1, 1, 0, 'active', 0, case when n % 100 = 7 then null else '{"value":"x"}' end,
        case when n % 100 = 7 then null when n <= ${DUE} then n else 9e15 end, case when n % 100 = 7 then 9e15 end
      from ${sql.raw(series)}`.execute(db);
    await sql.raw(`${analyze} ${table}`).execute(db);
    const accessOf = async (statement: RawBuilder<unknown>) => {
      const { rows } = await sql<PlanRow>`${sql.raw(explain)} ${statement}`.execute(db);
      return access(rows, table);
    };
    const time = kind === 'SQLite' ? timeKnown(Date.now()) : dialect.time;
    const due = (accounts: string[], after?: [number, string]) =>
      accessOf(dueStatement(table, { accounts, after, limit: 101, time }));
    expect(await accessOf(loadStatement(table, keyOf('n77'), time))).toEqual({
      index: 'primary',
      bounds: 1,
      sorts: false,
    });
    expect(await due([ACCOUNT])).toEqual({ index: 'due', bounds: 2, sorts: false });
    expect(await due([ACCOUNT], [20, keyOf('n20')])).toMatchObject({ index: 'due', sorts: false });
    // Two accounts' rows are merged by sorting them, but only those that are due.
    expect(await due([ACCOUNT, 'sql/other', 'sql/third'])).toMatchObject({ index: 'due', bounds: 2 });
    expect(await accessOf(purgeStatement(table, time))).toEqual({ index: 'gone', bounds: 1, sorts: false });
    expect((await store.due({ limit: 100, accounts: [ACCOUNT] })).keys).toHaveLength(DUE - 1);
    await store.close();
    await db.destroy();
  });
});
