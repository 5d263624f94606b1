import type { Account } from '@evertoken/core';
import { accountNotMade, accountNotNamed, configurationError, notAnAccount, wrongType } from './token.messages.js';

/**
 * A list of what may be iterated once only. Anything else is left for the check at the start: a decorator's argument must
 * not throw.
 */
export function listed(accounts: Iterable<Account> | undefined): readonly Account[] | undefined {
  return typeof accounts === 'object' && accounts !== null && Symbol.iterator in accounts ? [...accounts] : undefined;
}

/** The names of what are accounts. */
export function namesOf(accounts: Iterable<Account> | undefined): readonly string[] {
  return (listed(accounts) ?? []).map((account) => account?.name).filter((name) => typeof name === 'string');
}

/** The accounts as a list, checked; with `names`, exactly the promised ones. */
export function readAccounts(accounts: Iterable<Account> = [], names?: readonly string[]): readonly Account[] {
  const made = listed(accounts);
  if (made === undefined) throw configurationError(wrongType('accounts', 'a list of accounts', accounts));
  for (const [i, account] of made.entries()) {
    if (typeof account !== 'object' || account === null) throw configurationError(notAnAccount(i, account));
    if (typeof account.name !== 'string' || account.name.trim() === '')
      throw configurationError(wrongType(`accounts[${i}].name`, 'a non-empty string', account.name));
  }
  if (names === undefined) return made;
  if (!Array.isArray(names)) throw configurationError(wrongType('accountNames', 'a list of names', names));
  const madeNames = made.map(({ name }) => name);
  const missing = names.find((name) => !madeNames.includes(name));
  if (missing !== undefined) throw configurationError(accountNotMade(missing, madeNames));
  const unnamed = madeNames.find((name) => !names.includes(name));
  if (unnamed !== undefined) throw configurationError(accountNotNamed(unnamed));
  return made;
}
