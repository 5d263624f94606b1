import { setTimeout as pause } from 'node:timers/promises';
import { TokenError } from '@evertoken/core';
import { sql } from 'kysely';
import type { SqlDialect } from './dialect.js';
import { patiently } from './patience.js';
import type { TokenKysely } from './table.js';

/** Processes that start together may all try; each statement may run again, so the losers look once more. */
const MAX_ROUNDS = 12;

/** Brings the table to the newest version of the schema. Where it is there already, nothing but a SELECT is sent. */
export async function migrate(db: TokenKysely, dialect: SqlDialect, table: string): Promise<void> {
  for (let round = 1; ; round++) {
    // Outside of what is tried again: a server that cannot be reached is no race.
    const version = await patiently(dialect.mayRepeat, () => versionOf(db, dialect, table));
    if (version >= dialect.migrations(table).length) return;
    try {
      for (const statement of statementsAfter(dialect, table, version)) await sql.raw(statement).execute(db);
      return;
    } catch (error) {
      if (round === MAX_ROUNDS) throw error;
    }
    await pause(5 * round + Math.random() * 20 * round);
  }
}

/** Rejects where the table is missing or older than this code: for those who run the schema's SQL themselves. */
export async function checkVersion(db: TokenKysely, dialect: SqlDialect, table: string, store: string): Promise<void> {
  const version = await versionOf(db, dialect, table);
  const newest = dialect.migrations(table).length;
  if (version >= newest) return;
  throw new TokenError(
    'ERR_TOKEN_CONFIGURATION',
    `"migrate" of ${store} is false, and the table "${table}" ${version === 0 ? 'is not there' : `has version ${version} of ${newest}`}: ` +
      'run the SQL that the schema function prints, or leave "migrate" out',
  );
}

/** The whole schema as SQL, each statement ended by a semicolon. */
export function schemaText(dialect: SqlDialect, table: string): string {
  return statementsAfter(dialect, table, 0)
    .map((statement) => `${statement};\n`)
    .join('\n');
}

function statementsAfter(dialect: SqlDialect, table: string, version: number): string[] {
  const versions = dialect.quote(versionsTable(table));
  return [
    `create table if not exists ${versions} (version integer primary key)`,
    ...dialect
      .migrations(table)
      .slice(version)
      .flatMap((statements, at) => [
        ...statements,
        `insert into ${versions} (version) select ${version + at + 1} from (select 1 as one) as o ` +
          `where not exists (select 1 from ${versions} as v where v.version = ${version + at + 1})`,
      ]),
  ];
}

/** 0 where there is no table of versions. */
async function versionOf(db: TokenKysely, dialect: SqlDialect, table: string): Promise<number> {
  const name = sql.raw(dialect.quote(versionsTable(table)));
  try {
    const { rows } = await sql<{
      version: number | string | null;
    }>`select max(version) as version from ${name}`.execute(db);
    return Number(rows[0]?.version ?? 0);
  } catch (error) {
    if (isMissingTable(error)) return 0;
    throw error;
  }
}

/** PostgreSQL 42P01 and 3F000 (no such schema), MySQL ER_NO_SUCH_TABLE; SQLite says it in words. */
function isMissingTable(error: unknown): boolean {
  const { code, errno, message } = (error ?? {}) as { code?: unknown; errno?: unknown; message?: unknown };
  return code === '42P01' || code === '3F000' || errno === 1146 || /no such table/.test(String(message));
}

function versionsTable(table: string): string {
  return `${table}_migrations`;
}
