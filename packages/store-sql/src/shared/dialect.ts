import type { RowUpdate } from '@evertoken/core/store';
import type { InsertQueryBuilder, InsertResult, UpdateQueryBuilder, UpdateResult } from 'kysely';
import type { StatementTime } from './statements.js';
import type { TokenDatabase, TokenKysely } from './table.js';

/** An UPDATE of one row, ready but for the way its outcome comes back. */
export type RowUpdateQuery = UpdateQueryBuilder<TokenDatabase, 'tokens', 'tokens', UpdateResult>;

/** An INSERT of one row, likewise. */
export type RowInsertQuery = InsertQueryBuilder<TokenDatabase, 'tokens', InsertResult>;

/** What differs between databases. Everything else is one text for all of them. */
export interface SqlDialect {
  /** The database's own time, for a store without a clock. */
  readonly time: StatementTime;
  /** The statements that bring a database to each version of the schema, in order; each may run again. */
  readonly migrations: (table: string) => readonly (readonly string[])[];
  /** Quotes a name, as the migrations do. */
  readonly quote: (name: string) => string;
  /** Whether nothing has happened and the statement may simply be sent again: a deadlock, a lock that was waited for too long. */
  readonly mayRepeat: (error: unknown) => boolean;
  /** Whether an INSERT failed because its key stands already. */
  readonly isDuplicate: (error: unknown) => boolean;
  /** Runs an UPDATE, and tells those who may be waiting for it; undefined where no row was changed. */
  run(db: TokenKysely, query: RowUpdateQuery, update: RowUpdate): Promise<{ readonly leaseUntil?: number } | undefined>;
  /** Runs an INSERT, and tells those who may be waiting for it; false where the key stands already. Absent: it is run as it is. */
  insert?(db: TokenKysely, query: RowInsertQuery): Promise<boolean>;
}
