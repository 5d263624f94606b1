import type { Clock } from '@evertoken/core';
import type { Kysely } from 'kysely';
import { type TokenKysely, tableProblems } from './table.js';

/** Options of every store over SQL. */
export interface SqlStoreOptions {
  /** The table's name, or `schema.name`. Default `evertoken_tokens`. Its versions are kept in a table beside it: `…_migrations`. */
  readonly table?: string;
  /** Whether `open` makes the table and brings it up to date. Default true; false: `open` rejects where that is needed. */
  readonly migrate?: boolean;
  /** Replaces the database's clock, for tests. Default: the database's; SQLite: the host's. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** A Kysely instance of the application's own, of whatever tables it knows. */
// biome-ignore lint/suspicious/noExplicitAny: an instance over any tables will do, and Kysely's type is invariant in them
export type GivenKysely = Kysely<any>;

/** The instance without its plugins: those that rename columns would leave the store without a single one it knows. */
export function plain(db: GivenKysely): TokenKysely {
  return db.withoutPlugins() as unknown as TokenKysely;
}

const SHARED = ['table', 'migrate', 'clock'] as const satisfies readonly (keyof SqlStoreOptions)[];

/**
 * What is wrong with the options; each text begins with the quoted option, none shows a value. `ways` are the options of which
 * exactly one says where the database is, and what the first of them must be.
 */
export function problemsOf(
  options: SqlStoreOptions,
  {
    ways,
    others,
    missing,
  }: { readonly ways: readonly string[]; readonly others: readonly string[]; readonly missing: string },
): string[] {
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  const known = [...ways, ...others, ...SHARED];
  const problems = Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `"${name}" is no option; expected ${known.map((option) => `"${option}"`).join(', ')}`);
  const chosen = ways.filter((way) => given[way] !== undefined);
  if (chosen.length === 0) problems.push(missing);
  if (chosen.length > 1) {
    problems.push(
      `${chosen.map((way) => `"${way}"`).join(' and ')} must not be given together: pass the one that leads to the database`,
    );
  }
  const { db, migrate, clock } = given as { db?: Partial<GivenKysely>; migrate?: unknown; clock?: Partial<Clock> };
  if (db !== undefined && typeof db?.selectFrom !== 'function') problems.push('"db" must be a Kysely instance');
  if (migrate !== undefined && typeof migrate !== 'boolean') problems.push('"migrate" must be true or false');
  if (clock !== undefined && typeof clock?.now !== 'function') problems.push('"clock" must have a method "now"');
  return [...problems, ...tableProblems(given['table'])];
}

/** What is wrong with a URL. It holds a password, so it is not shown. */
export function urlProblems(url: unknown, protocols: readonly string[], example: string): string[] {
  if (url === undefined) return [];
  const problem = [`"url" must be a ${protocols.join(' or ')} URL, such as ${example}`];
  try {
    return protocols.includes(new URL(url as string).protocol) ? [] : problem;
  } catch {
    return problem;
  }
}
