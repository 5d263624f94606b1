import type { Account, TokenSource } from '@evertoken/core';
import { isTokenError } from './project-core.js';
import { quoted, UsageError } from './usage-error.js';

/** Which token is meant. */
export interface SourceName {
  readonly account: string;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
}

/**
 * The account of a name.
 *
 * @throws UsageError that lists the accounts there are.
 */
export function findAccount(accounts: readonly Account[], name: string): Account {
  const account = accounts.find((candidate) => candidate.name === name);
  if (account) return account;
  const there = accounts.length === 0 ? 'there is none' : `there are ${quoted(accounts.map((each) => each.name))}`;
  throw new UsageError(`there is no account "${name}" in the configuration: ${there}`);
}

/**
 * The token of a name. `kind` may be left out where the account has one.
 *
 * @throws UsageError that names what is missing or unknown, and what there is.
 */
export function findSource(accounts: readonly Account[], { account: name, kind, subject }: SourceName): TokenSource {
  const account = findAccount(accounts, name);
  const kinds = account.kinds.map((facts) => facts.kind);
  const chosen = kind ?? (kinds.length === 1 ? kinds[0] : undefined);
  if (chosen === undefined) throw new UsageError(`account "${name}" has several kinds, name one: ${quoted(kinds)}`);
  if (!kinds.includes(chosen))
    throw new UsageError(`account "${name}" has no kind "${chosen}": expected ${quoted(kinds)}`);
  const source = account.source(chosen, subject);
  if (source && hasKey(source)) return source;
  throw new UsageError(
    subject === undefined
      ? `"${chosen}" of account "${name}" belongs to subjects: name one with --subject`
      : `"${chosen}" of account "${name}" has no subject "${subject}"`,
  );
}

/**
 * The kind that an account is asked for where none is named: its only one, or the only one of its own sources that hangs on
 * no other token, as tickets do.
 */
export function mainKind(account: Account): string | undefined {
  if (account.kinds.length === 1) return account.kinds[0]?.kind;
  const roots = [...account.sources()].filter(({ dependsOn = [] }) => dependsOn.length === 0);
  return roots.length === 1 ? roots[0]?.kind : undefined;
}

/** A key is built when it is first asked for: a subject may be too long for one. */
function hasKey(source: TokenSource): boolean {
  try {
    return source.key !== '';
  } catch (error) {
    if (error instanceof TypeError || isTokenError(error)) return false;
    throw error;
  }
}
