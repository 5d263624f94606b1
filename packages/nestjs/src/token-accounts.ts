import type { Account, TokenManager } from '@evertoken/core';
import type { AccountsLoad, TokenAccountProblem, TokenAccountsReport } from './accounts-load.js';
import { configurationError, noLoader, unknownAccount } from './token.messages.js';

/** The API client of an account: what its `client(tokens)` makes. */
export type TokenAccountClient<A extends Account> = ReturnType<A['client']>;

/**
 * The accounts of a manager by names that are not known before the application runs: those of `accountsFrom`, and all others.
 * Inject it with `@Inject(TokenAccounts)`, or with `@InjectTokenAccounts(managerName)`; the type parameter is the kind of account that
 * your table holds.
 *
 * Take accounts and clients from here whenever you need them rather than once: what changed in the table is another object.
 *
 * @example
 * constructor(@Inject(TokenAccounts) private readonly tenants: TokenAccounts<OfficialAccount>) {}
 *
 * followers(tenant: string) {
 *   return this.tenants.client(tenant).get('/cgi-bin/user/get');
 * }
 */
export class TokenAccounts<A extends Account = Account> {
  readonly #manager: TokenManager;
  readonly #load: AccountsLoad | undefined;

  /** Made by the module. */
  constructor(manager: TokenManager, load?: AccountsLoad) {
    this.#manager = manager;
    this.#load = load;
  }

  /** Names of the accounts that `accountsFrom` brought and the manager keeps, in the order they came. */
  names(): readonly string[] {
    return [...(this.#load?.accounts.keys() ?? [])];
  }

  /** Whether there is an account of that name, wherever it came from. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /**
   * The account of that name as it is now, wherever it came from.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where there is none.
   */
  get(name: string): A {
    const account = this.#find(name);
    if (account === undefined) throw configurationError(unknownAccount(name), name);
    return account as A;
  }

  /**
   * The API client of the account of that name, as it is now.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where there is none.
   */
  client(name: string): TokenAccountClient<A> {
    return this.get(name).client(this.#manager) as TokenAccountClient<A>;
  }

  /** What is wrong with accounts of the last load. Each error is what was thrown: it may show what your code put into it. */
  problems(): readonly TokenAccountProblem[] {
    return this.#load?.problems() ?? [];
  }

  /**
   * Asks `accountsFrom` again and has the manager follow, at once: after a row was added, changed or removed. Other instances follow
   * with their next sweep. Nothing stored is deleted for an account that is gone; its tokens are refreshed no more.
   *
   * Rejects with what `accountsFrom` failed with, in which case nothing has changed, and with `ERR_TOKEN_CONFIGURATION` where
   * the module has no such option. A single account that is wrong is in the report.
   */
  async reload(): Promise<TokenAccountsReport> {
    if (this.#load === undefined) throw configurationError(noLoader());
    return this.#load.again();
  }

  #find(name: string): Account | undefined {
    return this.#load?.accounts.get(name) ?? this.#manager.accounts().find((account) => account.name === name);
  }
}
