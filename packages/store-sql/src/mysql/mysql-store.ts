import { TokenError, type TokenStore } from '@evertoken/core';
import type { StoreTraits } from '@evertoken/core/store';
import { Kysely, MysqlDialect, sql } from 'kysely';
import type { Pool, PoolOptions } from 'mysql2';
import { loadDriver } from '../shared/driver.js';
import { schemaText } from '../shared/migrate.js';
import { type GivenKysely, plain, problemsOf, type SqlStoreOptions, urlProblems } from '../shared/options.js';
import { type SqlConnection, SqlStore } from '../shared/sql-store.js';
import { TABLE, type TokenKysely } from '../shared/table.js';
import { MYSQL } from './dialect.js';
import { limitedPool } from './limited-pool.js';

/** Options of `mysqlStore`. Exactly one of `url`, `pool` and `db` says where the database is. */
export interface MysqlStoreOptions extends SqlStoreOptions {
  /** `mysql://user:password@host:3306/database`. */
  readonly url?: string | undefined;
  /** Settings of the store's own pool, in the words of `mysql2`. Default: 10 connections, no call longer than 2 s. */
  readonly poolOptions?: Omit<PoolOptions, 'uri'>;
  /** A pool of `mysql2` (not of `mysql2/promise`). The store never ends it. */
  readonly pool?: Pool | undefined;
  /** A Kysely instance for MySQL. The store never destroys it. */
  readonly db?: GivenKysely | undefined;
}

const NAME = 'mysqlStore';
/** Limit of connecting and of a query, ms: the manager waits no longer for a store. */
const LIMIT_MS = 2_000;
/** Calls that may wait for a connection: more than that is a server that does not answer. */
const QUEUE = 1_000;

/**
 * Keeps records in a table of MySQL or MariaDB, for any number of processes on any number of hosts. A claim, a renewal, a note
 * and a commit are one statement each, judged by the server's clock.
 */
export function mysqlStore(options: MysqlStoreOptions = {}): TokenStore {
  const { table = TABLE, migrate = true, clock } = options;
  return new SqlStore({
    name: NAME,
    dialect: MYSQL,
    table,
    migrate,
    clock,
    problems: () => [
      ...problemsOf(options, {
        ways: ['url', 'pool', 'db'],
        others: ['poolOptions'],
        missing: '"url" must be a mysql: URL, it is missing (or pass "pool" or "db")',
      }),
      ...urlProblems(options.url, ['mysql:', 'mariadb:'], 'mysql://127.0.0.1:3306/tokens'),
    ],
    connect: () => connect(options),
  });
}

/** The SQL that `open` would run, for those who run their own migrations: pass `migrate: false` then. */
export function mysqlSchema({ table = TABLE }: { readonly table?: string } = {}): string {
  return schemaText(MYSQL, table);
}

async function connect({ url, poolOptions, pool: given, db: instance }: MysqlStoreOptions): Promise<SqlConnection> {
  if (instance) {
    const db = plain(instance);
    return { db, traits: () => traitsOf(db), end: async () => {} };
  }
  const { createPool } = await loadDriver(() => import('mysql2'), 'mysql2', NAME);
  const pool =
    given ??
    createPool({
      uri: (url as string).replace(/^mariadb:/, 'mysql:'),
      connectTimeout: LIMIT_MS,
      queueLimit: QUEUE,
      enableKeepAlive: true,
      ...poolOptions,
    });
  const db: TokenKysely = new Kysely({ dialect: new MysqlDialect({ pool: limitedPool(pool, LIMIT_MS) }) });
  return {
    db,
    traits: () => traitsOf(db),
    async end() {
      // Destroying the Kysely instance would end the pool.
      if (!given) await db.destroy();
    },
  };
}

interface Said {
  readonly flush: number | string;
  readonly binlog: number | string;
  readonly sync: number | string;
  readonly readonly: number | string;
  readonly autocommit: number | string;
  readonly mode: string;
}

async function traitsOf(db: TokenKysely): Promise<StoreTraits> {
  const { rows } = await sql<Said>`
    select @@global.innodb_flush_log_at_trx_commit as flush, @@global.log_bin as binlog, @@global.sync_binlog as sync,
      @@global.read_only as readonly, @@session.autocommit as autocommit, @@session.sql_mode as mode`.execute(db);
  const said = rows[0] as Said;
  refuseSettings(said);
  const scope = 'fleet';
  const [flush, sync] = [Number(said.flush), Number(said.sync)];
  if (flush !== 1) return { durable: 'relaxed', scope, because: `innodb_flush_log_at_trx_commit is ${flush}` };
  // After a crash of the machine the server rolls back what its binary log lacks.
  if (isOn(said.binlog) && sync !== 1) return { durable: 'relaxed', scope, because: `sync_binlog is ${sync}` };
  return { durable: 'synced', scope };
}

function refuseSettings({ mode, autocommit, readonly }: Said): void {
  const refuse = (why: string) => {
    throw new TokenError('ERR_TOKEN_CONFIGURATION', why);
  };
  if (/NO_BACKSLASH_ESCAPES/.test(String(mode))) {
    refuse(
      `"sql_mode" of ${NAME}'s connections must not contain NO_BACKSLASH_ESCAPES: the driver's quoting of texts relies on it`,
    );
  }
  if (!isOn(autocommit)) refuse(`"autocommit" of ${NAME}'s connections must be on: without it no write would stay`);
  if (isOn(readonly)) refuse(`"url" of ${NAME} leads to a server that is read-only: use the primary`);
}

/** Of a setting that is a number, or a word where it has more than two values. */
function isOn(setting: number | string): boolean {
  return !['0', 'OFF'].includes(String(setting));
}
