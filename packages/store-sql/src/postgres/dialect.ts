import { sql } from 'kysely';
import { columnLines } from '../shared/columns.js';
import type { SqlDialect } from '../shared/dialect.js';

/** Stable throughout a statement, so that an index can be searched with it; behind a lock it is early, which only shortens leases. */
const NOW = sql<number>`(extract(epoch from statement_timestamp()) * 1000)::float8`;
/** Serialization failure and deadlock: the statement was rolled back. */
const REPEAT = ['40001', '40P01'];

/** PostgreSQL. Changes that others wait for are told on `channel` in the same statement. */
export function postgresDialect(channel: string): SqlDialect {
  return {
    time: { now: NOW, whole: sql`floor(${NOW})`, after: (ms) => sql`${NOW} + ${sql.lit(ms)}` },
    quote: quoted,
    migrations: (table) => [[createTable(table), ...createIndexes(table)]],
    mayRepeat: (error) => REPEAT.includes(codeOf(error)),
    isDuplicate: (error) => codeOf(error) === '23505',
    async run(db, query, { lease, nextGeneration }) {
      const returning = query.returning(['key', 'generation', 'lease_until']);
      if (lease) {
        const row = await returning.executeTakeFirst();
        return row && { leaseUntil: Number(row.lease_until) };
      }
      const message = nextGeneration ? sql`generation::text || ' ' || key` : sql`' ' || key`;
      const told = await db
        .with('changed', () => returning)
        .selectFrom('changed')
        .select(sql`pg_notify(${channel}, ${message})`.as('told'))
        .execute();
      return told.length > 0 ? {} : undefined;
    },
    async insert(db, query) {
      const told = await db
        .with('inserted', () => query.onConflict((conflict) => conflict.doNothing()).returning('key'))
        .selectFrom('inserted')
        .select(sql`pg_notify(${channel}, ' ' || key)`.as('told'))
        .execute();
      return told.length > 0;
    },
  };
}

/** The listening side of the messages above. */
export function messageOf(payload: string): { readonly key: string; readonly generation?: number } {
  const space = payload.indexOf(' ');
  const generation = payload.slice(0, space);
  return { key: payload.slice(space + 1), ...(generation !== '' && { generation: Number(generation) }) };
}

/** Of a table's notifications; at most 63 bytes, as any name. */
export function channelOf(table: string): string {
  return table.replace('.', '_').slice(-55);
}

function createTable(table: string): string {
  const words = {
    key: 'text collate "C"',
    integer: 'bigint',
    time: 'double precision',
    text: 'text',
    long: 'text',
  };
  return `create table if not exists ${quoted(table)} (\n${columnLines(quoted, words)}\n)`;
}

function createIndexes(table: string): string[] {
  const name = table.split('.').at(-1) as string;
  return [
    `create index if not exists ${quoted(`${name}_due`)} on ${quoted(table)} ("account", "refresh_at", "key") where "refresh_at" is not null`,
    `create index if not exists ${quoted(`${name}_gone`)} on ${quoted(table)} ("gone_at") where "gone_at" is not null`,
  ];
}

function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code);
}
