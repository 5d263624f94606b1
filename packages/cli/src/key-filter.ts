import type { Account, KeyFilter } from '@evertoken/core';
import { findAccount } from './find-source.js';
import { quoted, UsageError } from './usage-error.js';

/**
 * A filter from arguments; what is left out means all.
 *
 * @throws UsageError for an account or a kind that does not exist: a mistyped one must not look like nothing to do.
 */
export function keyFilter(
  accounts: readonly Account[],
  named: {
    readonly account?: string | undefined;
    readonly kind?: string | undefined;
    readonly subject?: string | undefined;
  },
): KeyFilter {
  const { account, kind, subject } = named;
  const meant = account === undefined ? accounts : [findAccount(accounts, account)];
  const kinds = new Set(meant.flatMap((each) => each.kinds.map((facts) => facts.kind)));
  if (kind !== undefined && !kinds.has(kind)) {
    const of = account === undefined ? 'the configuration' : `account "${account}"`;
    throw new UsageError(`--kind: ${of} has no "${kind}": expected ${quoted(kinds)}`);
  }
  return {
    ...(account !== undefined && { accounts: [account] }),
    ...(kind !== undefined && { kinds: [kind] }),
    ...(subject !== undefined && { subjects: [subject] }),
  };
}
