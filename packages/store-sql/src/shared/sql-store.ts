import { type Clock, TokenError, type TokenKey } from '@evertoken/core';
import {
  type DueKey,
  type DuePage,
  type DueQuery,
  type ListFilter,
  type Page,
  type Row,
  type RowGuard,
  RowStore,
  type RowUpdate,
  refuseProblems,
  type StoreTraits,
} from '@evertoken/core/store';
import type { SqlDialect } from './dialect.js';
import { checkVersion, migrate } from './migrate.js';
import { patiently } from './patience.js';
import {
  dueStatement,
  listStatement,
  loadStatement,
  purgeStatement,
  type StatementTime,
  timeKnown,
  updateStatement,
} from './statements.js';
import type { TokenKysely } from './table.js';

/** A connection a store works with. */
export interface SqlConnection {
  readonly db: TokenKysely;
  /** What the server says of its writes, asked on opening. */
  traits(): Promise<StoreTraits>;
  /** Ends what the store opened, and nothing that it was given. */
  end(): Promise<void>;
}

/** What a store over SQL is made of. */
export interface SqlStoreParts {
  readonly name: string;
  readonly dialect: SqlDialect;
  readonly table: string;
  readonly migrate: boolean;
  readonly clock: Pick<Clock, 'now'> | undefined;
  readonly problems: () => readonly string[];
  readonly connect: () => Promise<SqlConnection>;
}

/** A day: how often tombstones are looked through. */
const PURGE_EVERY_MS = 24 * 60 * 60_000;

/** A store over a table. Every operation is one statement, or a read and one conditional statement that decides. */
export class SqlStore extends RowStore {
  readonly name: string;
  readonly #parts: SqlStoreParts;
  #connection: Promise<SqlConnection> | undefined;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: SqlStoreParts) {
    super();
    this.#parts = parts;
    this.name = parts.name;
  }

  problems(): readonly string[] {
    return this.#parts.problems();
  }

  async open(): Promise<StoreTraits> {
    refuseProblems(this);
    const { db, traits } = await this.#connected();
    const { dialect, table } = this.#parts;
    // First, because a server that takes no writes says it better than a table that could not be made.
    const answer = await traits();
    if (this.#parts.migrate) await migrate(db, dialect, table);
    else await checkVersion(db, dialect, table, this.name);
    this.#purgeNowAndThen(db);
    return answer;
  }

  async due({ limit, accounts, cursor }: DueQuery): Promise<DuePage> {
    const after = cursor === undefined ? undefined : (JSON.parse(cursor) as [number, string]);
    const { db } = await this.#connected();
    if (cursor === undefined) this.#purgeNowAndThen(db);
    // No account at all still asks for the time.
    const wanted = accounts.length > 0 ? accounts : [''];
    const { rows } = await this.#repeated(() =>
      dueStatement(this.#parts.table, { accounts: wanted, after, limit: limit + 1, time: this.#time() }).execute(db),
    );
    const keys = rows.filter(hasRow).map((row) => this.#dueKey(row));
    const page = keys.slice(0, limit);
    const last = page.at(-1);
    return {
      keys: page,
      ...(keys.length > limit && last && { cursor: JSON.stringify([last.refreshAt, last.key]) }),
      now: timeIn(rows),
    };
  }

  async list(
    { accounts, states }: ListFilter,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page> {
    const { db } = await this.#connected();
    const asked = { accounts, states, after: cursor, limit: limit + 1 };
    const { rows } = await this.#repeated(() =>
      listStatement(this.#parts.table, { ...asked, time: this.#time() }).execute(db),
    );
    const found = rows.filter(hasRow);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      // A row that holds no record is told of by whoever reads its key; here it must not hide the others.
      records: page.flatMap((row) => this.#recordOrNone(row) ?? []),
      ...(found.length > limit && last && { cursor: last.key }),
      now: timeIn(rows),
    };
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection?.catch(() => undefined))?.end();
  }

  protected async load(key: TokenKey): Promise<{ row?: Row; now: number }> {
    const { db } = await this.#connected();
    const { rows } = await this.#repeated(() => loadStatement(this.#parts.table, key, this.#time()).execute(db));
    const row = rows.find(hasRow);
    return { ...(row && { row: plain(row) }), now: timeIn(rows) };
  }

  protected async insert(row: Omit<Row, 'revision'>): Promise<boolean> {
    const { db } = await this.#connected();
    const { dialect, table } = this.#parts;
    const query = db.insertInto(table as 'tokens').values({ ...row, revision: 1 } as never);
    try {
      return await this.#repeated(async () => {
        if (dialect.insert) return dialect.insert(db, query);
        await query.execute();
        return true;
      });
    } catch (error) {
      if (dialect.isDuplicate(error)) return false;
      throw error;
    }
  }

  protected async update(key: TokenKey, guard: RowGuard, update: RowUpdate) {
    const { db } = await this.#connected();
    const { clock, dialect, table } = this.#parts;
    const at = clock?.now();
    const time = at === undefined ? dialect.time : timeKnown(at);
    const query = updateStatement(db, { table, key, guard, update, time });
    const changed = await this.#repeated(() => dialect.run(db, query, update));
    if (!changed || !update.lease || at === undefined) return changed;
    return { leaseUntil: at + update.lease.ttlMs };
  }

  /** Kept while it connects, so that all who ask meanwhile share it; a failure is forgotten. */
  #connected(): Promise<SqlConnection> {
    this.#connection ??= this.#parts.connect().catch((error) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  /** The statement's time: the database's own, or what the clock of a test says. */
  #time(): StatementTime {
    const { clock, dialect } = this.#parts;
    return clock ? timeKnown(clock.now()) : dialect.time;
  }

  #repeated<Answer>(send: () => Promise<Answer>): Promise<Answer> {
    return patiently(this.#parts.dialect.mayRepeat, send);
  }

  /** Behind the caller: nothing waits for it, and what it does not get done the next one does. */
  #purgeNowAndThen(db: TokenKysely): void {
    const now = performance.now();
    if (now - this.#purgedAt < PURGE_EVERY_MS) return;
    this.#purgedAt = now;
    purgeStatement(this.#parts.table, this.#time())
      .execute(db)
      .catch(() => {});
  }

  #dueKey(row: Row): DueKey {
    const record = this.#recordOrNone(row);
    return {
      key: row.key,
      generation: Number(row.generation),
      epoch: Number(row.epoch),
      refreshAt: Number(row.refresh_at),
      ...(record && { record }),
    };
  }

  #recordOrNone(row: Row) {
    try {
      return this.recordIn(plain(row));
    } catch {
      return undefined;
    }
  }
}

function hasRow(row: Row): boolean {
  return row.key !== null;
}

function timeIn(rows: readonly { readonly db_now: number | string }[]): number {
  const now = Number(rows[0]?.db_now);
  if (Number.isFinite(now)) return now;
  throw new TokenError('ERR_TOKEN_STORE', 'the database did not tell its time');
}

function plain(row: Row & { readonly db_now?: unknown }): Row {
  const { db_now: _now, ...columns } = row;
  return columns;
}
