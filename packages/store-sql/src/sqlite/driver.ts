import { TokenError } from '@evertoken/core';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/** What the store needs of an open SQLite database, whichever driver it comes from. */
export interface OpenSqlite extends SqliteDatabase {
  exec(text: string): void;
}

/** What of `node:sqlite` is used here: the types of Node 20 do not know it. */
interface NodeSqlite {
  readonly DatabaseSync: new (filename: string) => NodeDatabase;
}

interface NodeDatabase {
  prepare(text: string): {
    all(...values: readonly unknown[]): unknown[];
    run(...values: readonly unknown[]): {
      readonly changes: number | bigint;
      readonly lastInsertRowid: number | bigint;
    };
    iterate(...values: readonly unknown[]): IterableIterator<unknown>;
  };
  exec(text: string): void;
  close(): void;
}

/** How long a lock is waited for inside SQLite, ms. Both drivers are synchronous: the event loop, hot path included, stands still meanwhile. */
const BUSY_MS = 10;
/** Statements kept ready; the store has a dozen, and a few more for lists of different lengths. */
const MAX_STATEMENTS = 64;

/** Opens a file with Node's own SQLite where there is one without a flag, else with better-sqlite3. */
export async function openSqlite(filename: string): Promise<OpenSqlite> {
  const own = nodeSqlite();
  if (own) return fromNode(new own.DatabaseSync(filename));
  let Database: typeof import('better-sqlite3');
  try {
    ({ default: Database } = await import('better-sqlite3'));
  } catch (cause) {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      'sqliteStore needs Node 22.13 or newer, or the package "better-sqlite3": npm install better-sqlite3@12',
      { cause },
    );
  }
  const database = openedBy(Database, filename);
  return cached(
    (text) => database.prepare(text) as unknown as SqliteStatement,
    (text) => void database.exec(text),
    () => void database.close(),
  );
}

function openedBy(Database: typeof import('better-sqlite3'), filename: string): import('better-sqlite3').Database {
  try {
    return new Database(filename, { timeout: BUSY_MS });
  } catch (cause) {
    // Installed without its install script, or for another Node: the package is there, and what it is about is not.
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_DLOPEN_FAILED' && !/bindings file/.test(message)) throw cause;
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      'sqliteStore finds "better-sqlite3", but not built for this Node: allow its install script and run npm rebuild better-sqlite3',
      { cause },
    );
  }
}

function nodeSqlite(): NodeSqlite | undefined {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const free = major >= 24 || (major === 22 && minor >= 13);
  return free ? (process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined) : undefined;
}

function fromNode(database: NodeDatabase): OpenSqlite {
  database.exec(`pragma busy_timeout = ${BUSY_MS}`);
  return cached(
    (text) => {
      const statement = database.prepare(text);
      return {
        reader: /^\s*(select|pragma)/i.test(text),
        all: (values) => statement.all(...values),
        run: (values) => statement.run(...values),
        iterate: (values) => statement.iterate(...values),
      };
    },
    (text) => database.exec(text),
    () => database.close(),
  );
}

function cached(
  prepare: (text: string) => SqliteStatement,
  exec: (text: string) => void,
  close: () => void,
): OpenSqlite {
  const ready = new Map<string, SqliteStatement>();
  return {
    exec,
    close,
    prepare(text) {
      const known = ready.get(text);
      if (known) return known;
      if (ready.size >= MAX_STATEMENTS) ready.clear();
      const statement = prepare(text);
      ready.set(text, statement);
      return statement;
    },
  };
}

/** SQLITE_BUSY and its extended codes, in the words of either driver. */
export function isBusy(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return String(code).startsWith('SQLITE_BUSY') || (typeof errcode === 'number' && (errcode & 0xff) === 5);
}
