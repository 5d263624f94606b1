import type { Account, Keep, StoreTraits, TokenManagerOptions } from '@evertoken/core';

const WAY_OUT =
  "Such as: store: fileStore({ directory: 'data/tokens' }) from @evertoken/core/file on one host; for several " +
  'redisStore from @evertoken/store-redis or postgresStore from @evertoken/store-sql/postgres';

/**
 * What is wrong with a configuration for a second process, as far as the options show it. Without a store in common the
 * command line would see nothing of what the application keeps, and nothing of what it does would reach the application.
 */
export function storeProblem(
  { store, grantStore }: TokenManagerOptions,
  accounts: readonly Account[],
): string | undefined {
  if (store !== undefined) return undefined;
  if (grantStore !== undefined) return unshared(accounts, 'obtainable', 'there is no "store"');
  return `"store" must be given: the command line shares nothing with the application otherwise. ${WAY_OUT}`;
}

/**
 * What is wrong with a store that only one process sees, whatever `singleInstance` says: this is a second process. Without
 * leases in common each new token would kill the application's, and a grant would be lost with this process.
 */
export function scopeProblem(
  { scope }: StoreTraits,
  { name, accounts, keeps }: { name: string; accounts: readonly Account[]; keeps: readonly Keep[] },
): string | undefined {
  if (scope !== 'process') return undefined;
  const problems = keeps.map((keep) => unshared(accounts, keep, `only one process sees ${name}`));
  return problems.find((problem) => problem !== undefined);
}

function unshared(accounts: readonly Account[], keep: Keep, why: string): string | undefined {
  for (const { name, kinds } of accounts) {
    const kind = kinds.find((facts) => facts.keep === keep && (keep === 'grant' || facts.issuance === 'superseding'));
    if (!kind) continue;
    const [option, harm] =
      keep === 'grant'
        ? ['grantStore', 'a grant would be lost with the command line’s process']
        : ['store', `each new ${kind.kind} kills the last one`];
    return (
      `"${option}" must be shared with the application that uses account "${name}": ${why}, and ${harm}. ` +
      `The command line is a second process, whatever "singleInstance" says. ${WAY_OUT}`
    );
  }
  return undefined;
}
