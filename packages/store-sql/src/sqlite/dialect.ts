import { sql } from 'kysely';
import { columnLines } from '../shared/columns.js';
import type { SqlDialect } from '../shared/dialect.js';
import { isBusy } from './driver.js';

/** SQLite. Its time is the host's, and always known here. */
export const SQLITE: SqlDialect = {
  time: { now: sql`null`, whole: sql`null`, after: () => sql`null` },
  quote: quoted,
  migrations: (table) => [[createTable(table), ...createIndexes(table)]],
  mayRepeat: isBusy,
  isDuplicate: (error) => /UNIQUE constraint failed/.test(String((error as { message?: unknown } | null)?.message)),
  async run(db, query) {
    const { numAffectedRows = 0n } = await db.executeQuery(query.compile());
    return numAffectedRows > 0n ? {} : undefined;
  },
};

function createTable(table: string): string {
  const words = { key: 'text', integer: 'integer', time: 'real', text: 'text', long: 'text' };
  return `create table if not exists ${quoted(table)} (\n${columnLines(quoted, words)}\n)`;
}

function createIndexes(table: string): string[] {
  const [name, schema] = table.split('.').reverse() as [string, string | undefined];
  const index = (suffix: string) => quoted(schema === undefined ? name + suffix : `${schema}.${name}${suffix}`);
  return [
    `create index if not exists ${index('_due')} on ${quoted(name)} ("account", "refresh_at", "key") where "refresh_at" is not null`,
    `create index if not exists ${index('_gone')} on ${quoted(name)} ("gone_at") where "gone_at" is not null`,
  ];
}

function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
