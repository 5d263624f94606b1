import { sql } from 'kysely';
import { columnLines } from '../shared/columns.js';
import type { SqlDialect } from '../shared/dialect.js';

/** From UTC, and not through UNIX_TIMESTAMP(NOW()): the hour that summer time repeats would be two hours in one. */
const NOW = sql<string>`(timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) / 1000)`;
const ER_DUP_ENTRY = 1062;
/** Lock wait timeout and deadlock: the statement was rolled back. */
const REPEAT = [1205, 1213];

/** MySQL and MariaDB. */
export const MYSQL: SqlDialect = {
  time: {
    now: NOW,
    whole: sql`floor(${NOW})`,
    // There is no RETURNING: the value comes back as the statement's "insert id", in the same answer.
    after: (ms) => (ms > 0 ? sql`last_insert_id(floor(${NOW}) + ${sql.lit(ms)})` : sql`${NOW} + ${sql.lit(ms)}`),
  },
  quote: quoted,
  migrations: (table) => [[createTable(table)]],
  mayRepeat: (error) => REPEAT.includes(errnoOf(error)),
  isDuplicate: (error) => errnoOf(error) === ER_DUP_ENTRY,
  async run(db, query, { lease }) {
    const { numAffectedRows = 0n, insertId } = await db.executeQuery(query.compile());
    if (numAffectedRows === 0n) return undefined;
    return lease && insertId !== undefined ? { leaseUntil: Number(insertId) } : {};
  },
};

function createTable(table: string): string {
  const name = table.split('.').at(-1) as string;
  const words = {
    key: 'varchar(512) character set ascii collate ascii_bin',
    integer: 'bigint',
    time: 'double',
    text: 'mediumtext',
    long: 'mediumtext',
  };
  return (
    `create table if not exists ${quoted(table)} (\n${columnLines(quoted, words)},\n` +
    `  key ${quoted(`${name}_due`)} (\`account\`, \`refresh_at\`, \`key\`),\n` +
    `  key ${quoted(`${name}_gone`)} (\`gone_at\`)\n` +
    ') engine = InnoDB default character set utf8mb4 collate utf8mb4_bin row_format = dynamic'
  );
}

function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `\`${part}\``)
    .join('.');
}

function errnoOf(error: unknown): number {
  return Number((error as { errno?: unknown } | null)?.errno);
}
