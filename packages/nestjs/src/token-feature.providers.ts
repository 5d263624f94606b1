import type { Account, TokenManager } from '@evertoken/core';
import type { FactoryProvider, Provider } from '@nestjs/common';
import { readAccounts } from './read-module-options.js';
import { FEATURE_ACCOUNTS, MODULE_TOKEN_MANAGER, TOKEN_MODULE_OPTIONS } from './token.constants.js';
import { configurationError, featureAccountTaken } from './token.messages.js';
import { accountProviders } from './token.providers.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

/** Adds a feature's accounts to the manager, before anything of the feature is made, and lets them be injected. */
export function featureProviders(
  names: readonly string[],
  managerName: string | undefined,
  make: Pick<FactoryProvider<Iterable<Account>>, 'inject' | 'useFactory'>,
  promised?: readonly string[],
): Provider[] {
  return [
    { provide: TOKEN_MODULE_OPTIONS, ...make },
    { provide: MODULE_TOKEN_MANAGER, useExisting: getTokenManagerToken(managerName) },
    {
      provide: FEATURE_ACCOUNTS,
      inject: [TOKEN_MODULE_OPTIONS, MODULE_TOKEN_MANAGER],
      useFactory: (accounts: Iterable<Account>, manager: TokenManager) =>
        added(readAccounts(accounts, promised), manager),
    },
    ...accountProviders(names, managerName, {
      from: FEATURE_ACCOUNTS,
      accountsIn: (accounts: readonly Account[]) => accounts,
    }),
  ];
}

function added(accounts: readonly Account[], manager: TokenManager): readonly Account[] {
  for (const account of accounts) {
    const known = manager.accounts().find(({ name }) => name === account?.name);
    // The same object may be a feature of several modules; another one would quietly replace the first one's options.
    if (known === account) continue;
    if (known) throw configurationError(featureAccountTaken(account.name), account.name);
    manager.add(account);
  }
  return accounts;
}
