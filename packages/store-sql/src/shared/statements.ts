import type { Row, RowGuard, RowUpdate } from '@evertoken/core/store';
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { RowUpdateQuery } from './dialect.js';
import type { TokenKysely } from './table.js';

/** Times as a statement writes them: the database's own, or what the store's clock says. */
export interface StatementTime {
  /** Unix ms, the same throughout one statement. */
  readonly now: Now;
  /** The same in whole ms. */
  readonly whole: Now;
  /** So many ms later. */
  readonly after: (ms: number) => Now;
}

type Now = RawBuilder<number | string>;

/** 30 days: how long a tombstone stands. */
const TOMBSTONE_MS = 30 * 24 * 60 * 60_000;

/** Times that are known before the statement is sent. */
export function timeKnown(at: number): StatementTime {
  const value = (ms: number): Now => sql<number>`${ms}`;
  return { now: value(at), whole: value(Math.floor(at)), after: (ms) => value(at + ms) };
}

/** The row of a key beside the database's time; without such a row the time alone. */
export function loadStatement(table: string, key: string, { now }: StatementTime) {
  return sql<Row & { readonly db_now: number | string }>`
    select o.db_now, t.* from (select ${now} as db_now) as o
    left join ${sql.table(table)} as t on t.${sql.ref('key')} = ${key}`;
}

/** The rows of accounts whose time has come and that nobody holds, most urgent first, after the cursor. */
export function dueStatement(
  table: string,
  {
    accounts,
    after,
    limit,
    time: { now },
  }: {
    readonly accounts: readonly string[];
    readonly after: readonly [refreshAt: number, key: string] | undefined;
    readonly limit: number;
    readonly time: StatementTime;
  },
) {
  const key = sql.ref('key');
  // Spelled out and not compared as a pair: MySQL finds its way into the index only like this.
  const past = after
    ? sql`and refresh_at >= ${after[0]} and (refresh_at > ${after[0]} or ${key} > ${after[1]})`
    : sql``;
  return sql<Row & { readonly db_now: number | string }>`
    select o.db_now, t.* from (select ${now} as db_now) as o
    left join (
      select * from ${sql.table(table)}
      where account in (${sql.join(accounts)}) and refresh_at <= ${now}
        and (lease_until is null or lease_until <= ${now}) ${past}
      order by refresh_at, ${key} limit ${sql.lit(limit)}
    ) as t on 1 = 1
    order by t.refresh_at, t.${key}`;
}

/** Rows in the order of their keys, after one of them. */
export function listStatement(
  table: string,
  {
    accounts,
    states,
    after,
    limit,
    time: { now },
  }: {
    readonly accounts: readonly string[] | undefined;
    readonly states: readonly string[] | undefined;
    readonly after: string | undefined;
    readonly limit: number;
    readonly time: StatementTime;
  },
) {
  const key = sql.ref('key');
  const conditions = [
    ...(accounts ? [accounts.length > 0 ? sql`account in (${sql.join(accounts)})` : sql`1 = 0`] : []),
    ...(states ? [states.length > 0 ? sql`state in (${sql.join(states)})` : sql`1 = 0`] : []),
    ...(after === undefined ? [] : [sql`${key} > ${after}`]),
  ];
  const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``;
  return sql<Row & { readonly db_now: number | string }>`
    select o.db_now, t.* from (select ${now} as db_now) as o
    left join (select * from ${sql.table(table)} ${where} order by ${key} limit ${sql.lit(limit)}) as t on 1 = 1
    order by t.${key}`;
}

/** Deletes the tombstones that have stood long enough. */
export function purgeStatement(table: string, { after }: StatementTime) {
  return sql`delete from ${sql.table(table)} where gone_at < ${after(-TOMBSTONE_MS)}`;
}

/** One UPDATE of one row under a guard. */
export function updateStatement(
  db: TokenKysely,
  {
    table,
    key,
    guard,
    update,
    time,
  }: {
    readonly table: string;
    readonly key: string;
    readonly guard: RowGuard;
    readonly update: RowUpdate;
    readonly time: StatementTime;
  },
): RowUpdateQuery {
  return db
    .updateTable(table as 'tokens')
    .set(changesOf(update, time) as never)
    .where('key', '=', key as Row['key'])
    .where(sql.join(conditionsOf(guard, time), sql` and `) as RawBuilder<SqlBool>);
}

/**
 * MySQL computes each assignment with what those before it have assigned, so whatever looks at a column stands before the
 * assignment of that column.
 */
function changesOf(update: RowUpdate, { now, whole, after }: StatementTime): Record<string, unknown> {
  const { set, nextGeneration, lease, intent, settle } = update;
  const sticky = sql`state in ('contested', 'repeated')`;
  const standing = sql`intent_generation = ${intent}`;
  return {
    ...(settle && {
      cause: sql`case when ${sticky} then cause else null end`,
      state: sql`case when ${sticky} then state else 'active' end`,
    }),
    ...(intent !== undefined && {
      intent_since: sql`case when ${standing} then intent_since else ${now} end`,
      intent_uncertain: sql`case when ${standing} then 1 else 0 end`,
      intent_epoch: sql`epoch + 1`,
      intent_generation: intent,
    }),
    ...(lease?.claim && { epoch: sql`epoch + 1` }),
    ...(lease && { lease_holder: lease.holder, lease_until: after(lease.ttlMs) }),
    ...(nextGeneration && {
      generation: sql`case when generation = 0 then ${whole} else generation + 1 end`,
    }),
    revision: sql`revision + 1`,
    ...set,
  };
}

function conditionsOf(guard: RowGuard, { now }: StatementTime): RawBuilder<unknown>[] {
  const { revision, generation, epoch, maxV, leaseEnded, leaseHolder, holds, markNot } = guard;
  const conditions: RawBuilder<unknown>[] = [sql`1 = 1`];
  if (revision !== undefined) conditions.push(sql`revision = ${revision}`);
  if (generation !== undefined) conditions.push(sql`generation = ${generation}`);
  if (epoch !== undefined) conditions.push(sql`epoch = ${epoch}`);
  if (maxV !== undefined) conditions.push(sql`v <= ${maxV}`);
  if (leaseEnded) conditions.push(sql`(lease_until is null or lease_until <= ${now})`);
  if (leaseHolder !== undefined) conditions.push(sql`lease_holder = ${leaseHolder}`);
  if (holds) conditions.push(HOLDS[holds]);
  if (markNot && markNot.length > 0) conditions.push(sql`(mark is null or mark not in (${sql.join(markNot)}))`);
  return conditions;
}

const HOLDS: Record<NonNullable<RowGuard['holds']>, RawBuilder<unknown>> = {
  token: sql`token is not null`,
  nothing: sql`token is null and gone_at is null`,
  either: sql`(token is not null or gone_at is not null)`,
  'no tombstone': sql`gone_at is null`,
};
