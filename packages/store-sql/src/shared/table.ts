import type { Row } from '@evertoken/core/store';
import type { ColumnType, Kysely } from 'kysely';

/** A number that drivers may hand out as text. */
type Numeric = ColumnType<number | string, number, number>;
type NumericOrNull = ColumnType<number | string | null, number | null, number | null>;

/** The columns of `Row`, as Kysely sees them. */
export type TokenTable = {
  [Column in keyof Row]: number extends Row[Column]
    ? null extends Row[Column]
      ? NumericOrNull
      : Numeric
    : Row[Column];
};

/** The database as the store's statements see it; the table's true name is put in where they are built. */
export interface TokenDatabase {
  tokens: TokenTable;
}

/** A Kysely instance over the token table. */
export type TokenKysely = Kysely<TokenDatabase>;

/** Default of `table`. */
export const TABLE = 'evertoken_tokens';

/** `name` or `schema.name`. Letters, digits and underscores alone: everything else would be a question of quoting. */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,49}(\.[A-Za-z_][A-Za-z0-9_]{0,49})?$/;

/** What is wrong with a table's name. */
export function tableProblems(table: unknown): string[] {
  if (table === undefined || (typeof table === 'string' && IDENTIFIER.test(table))) return [];
  return ['"table" must be a name or schema.name of letters, digits and "_", each at most 50 long'];
}
