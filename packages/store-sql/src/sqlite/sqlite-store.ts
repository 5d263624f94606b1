import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemClock, type TokenStore } from '@evertoken/core';
import type { StoreTraits } from '@evertoken/core/store';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { schemaText } from '../shared/migrate.js';
import { type GivenKysely, plain, problemsOf, type SqlStoreOptions } from '../shared/options.js';
import { patiently } from '../shared/patience.js';
import { type SqlConnection, SqlStore } from '../shared/sql-store.js';
import { TABLE, type TokenKysely } from '../shared/table.js';
import { SQLITE } from './dialect.js';
import { type OpenSqlite, openSqlite } from './driver.js';

/** Options of `sqliteStore`. Exactly one of `filename` and `db` says where the database is. */
export interface SqliteStoreOptions extends SqlStoreOptions {
  /** The database's file; made on opening, readable by its owner only. On a local disk. `:memory:` keeps it in this process. */
  readonly filename?: string | undefined;
  /** A Kysely instance for SQLite. The store never destroys it; how durable it is, is for its owner to set. */
  readonly db?: GivenKysely | undefined;
}

const NAME = 'sqliteStore';
const MEMORY = ':memory:';

/**
 * Keeps records in an SQLite file, for any number of processes of one host: write-ahead log, every commit synced. Uses Node's
 * own `node:sqlite` where it needs no flag (22.13 and newer), else the package `better-sqlite3`.
 */
export function sqliteStore(options: SqliteStoreOptions = {}): TokenStore {
  const { table = TABLE, migrate = true, clock = systemClock } = options;
  return new SqlStore({
    name: NAME,
    dialect: SQLITE,
    table,
    migrate,
    clock,
    problems: () => [
      ...problemsOf(options, {
        ways: ['filename', 'db'],
        others: [],
        missing: '"filename" must be the path of the database file, it is missing (or pass "db")',
      }),
      ...(options.filename === undefined || (typeof options.filename === 'string' && options.filename !== '')
        ? []
        : ['"filename" must be a non-empty string']),
    ],
    connect: () => connect(options),
  });
}

/** The SQL that `open` would run, for those who run their own migrations: pass `migrate: false` then. */
export function sqliteSchema({ table = TABLE }: { readonly table?: string } = {}): string {
  return schemaText(SQLITE, table);
}

async function connect({ filename, db: instance }: SqliteStoreOptions): Promise<SqlConnection> {
  if (instance) {
    const db = plain(instance);
    return { db, traits: () => traitsOf(db), end: async () => {} };
  }
  const path = filename === MEMORY ? MEMORY : resolve(filename as string);
  if (path !== MEMORY) await makePrivate(path);
  const database = await openSqlite(path);
  try {
    // Another process may be switching the file to its write-ahead log at this moment.
    await patiently(SQLITE.mayRepeat, async () => prepare(database));
  } catch (error) {
    database.close();
    throw error;
  }
  const db: TokenKysely = new Kysely({ dialect: new SqliteDialect({ database }) });
  // Kysely closes a database only once it has used it.
  return { db, traits: () => traitsOf(db), end: async () => database.close() };
}

/** Made before SQLite makes it, because that would leave it to the umask; `-wal` and `-shm` get the mode of the file. */
async function makePrivate(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  makeFile(path);
  if (process.platform !== 'win32') await chmod(path, 0o600);
}

/**
 * Never opens a file that is there: a process loses all its locks on a file, SQLite's too, when it closes any descriptor of it.
 * For the same reason nothing may come between the two calls.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function prepare(database: OpenSqlite): void {
  database.exec('pragma journal_mode = wal');
  database.exec('pragma synchronous = full');
}

async function traitsOf(db: TokenKysely): Promise<StoreTraits> {
  const { rows: files } = await sql<{ name: string; file: string }>`pragma database_list`.execute(db);
  if (!files.find(({ name }) => name === 'main')?.file)
    return { durable: false, scope: 'process', because: 'the database is in memory' };
  const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db);
  const scope = 'host';
  const level = Number(rows[0]?.synchronous);
  if (level >= 2) return { durable: 'synced', scope };
  return { durable: level === 1 ? 'relaxed' : false, scope, because: `synchronous is ${level}` };
}
