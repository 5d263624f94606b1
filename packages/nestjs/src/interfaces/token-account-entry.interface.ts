import type { Account } from '@evertoken/core';

/** One account that does not stand in the code: a tenant, usually a row of a table. */
export interface TokenAccountEntry {
  /** The account's name, unique among all accounts of the manager. Messages and the log name it. */
  readonly name: string;
  /**
   * Anything that changes whenever the account does: the row's `updated_at`, say. An account whose version is the same is not
   * made again. Default: made again with each load.
   */
  readonly version?: string | number | Date | undefined;
  /** Makes the account, which must have this entry's name. What it throws is reported under that name, and harms no other account. */
  readonly account: () => Account | Promise<Account>;
}

/**
 * Says which accounts there are now: all of them, as a list, a generator or a stream of rows. Where it fails, the accounts of
 * the last load stay as they are.
 *
 * @example
 * () => rows.map((row) => ({ name: row.name, version: row.updatedAt, account: () => officialAccount({ name: row.name, appId: row.appId, secret: row.secret }) }))
 */
export type TokenAccountsLoader = () =>
  | Iterable<TokenAccountEntry>
  | AsyncIterable<TokenAccountEntry>
  | Promise<Iterable<TokenAccountEntry> | AsyncIterable<TokenAccountEntry>>;
