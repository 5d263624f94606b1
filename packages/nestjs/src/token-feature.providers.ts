import type { Account, TokenManager } from '@evertoken/core';
import type { Provider } from '@nestjs/common';
import { readAccounts } from './read-accounts.js';
import { FEATURE_ACCOUNTS, MODULE_TOKEN_MANAGER, TOKEN_MODULE_OPTIONS } from './token.constants.js';
import { configurationError, featureAccountTaken } from './token.messages.js';
import { accountProviders } from './token.providers.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

/** What a feature is made of, apart from its accounts. */
export interface FeatureModule {
  readonly managerName: string | undefined;
  /** What is wrong with its registration: said at the start. */
  readonly problem: string | undefined;
  /** The names that an asynchronous registration promised. */
  readonly promised?: readonly string[];
}

/** Adds a feature's accounts to the manager, before anything of the feature is made, and lets them be injected. */
export function featureProviders(
  names: readonly string[],
  { managerName, problem, promised }: FeatureModule,
): Provider[] {
  return [
    { provide: MODULE_TOKEN_MANAGER, useExisting: getTokenManagerToken(managerName) },
    {
      provide: FEATURE_ACCOUNTS,
      inject: [TOKEN_MODULE_OPTIONS, MODULE_TOKEN_MANAGER],
      useFactory: (accounts: Iterable<Account>, manager: TokenManager) => {
        if (problem !== undefined) throw configurationError(problem);
        return added(readAccounts(accounts, promised), manager);
      },
    },
    ...accountProviders(names, managerName, {
      from: FEATURE_ACCOUNTS,
      accountsIn: (accounts: readonly Account[]) => accounts,
    }),
  ];
}

function added(accounts: readonly Account[], manager: TokenManager): readonly Account[] {
  for (const account of accounts) {
    const known = manager.accounts().find(({ name }) => name === account.name);
    // The same object may be a feature of several modules; another one would quietly replace the first one's options.
    if (known === account) continue;
    if (known) throw configurationError(featureAccountTaken(account.name), account.name);
    manager.add(account);
  }
  return accounts;
}
