import type { Account, TokenManager } from '@evertoken/core';
import { type InjectionToken, Logger, type Provider } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { AccountsFollower } from './accounts-follower.js';
import { AccountsLoad } from './accounts-load.js';
import type {
  TokenModuleFactoryOptions,
  TokenModuleStaticOptions,
} from './interfaces/token-module-options.interface.js';
import { createTokenManager, ModuleTokenManager } from './module-token-manager.js';
import { type ModuleSettings, readModuleOptions } from './read-module-options.js';
import { createRefreshJob } from './refresh-job.js';
import { RefreshRunner } from './refresh-runner.js';
import {
  ACCOUNTS_LOAD,
  CACHE_MANAGER,
  MODULE_TOKEN_MANAGER,
  REFRESH_JOB,
  TOKEN_LOGGER,
  TOKEN_MODULE_OPTIONS,
  TOKEN_MODULE_SETTINGS,
} from './token.constants.js';
import { TokenLifecycle } from './token.lifecycle.js';
import { configurationError, managersNotApart } from './token.messages.js';
import { TokenAccounts } from './token-accounts.js';
import { TokenEventExplorer } from './token-event.explorer.js';
import { logTokenEvents } from './token-event.logger.js';
import { getAccountToken } from './utils/get-account-token.util.js';
import { getClientToken } from './utils/get-client-token.util.js';
import { getTokenAccountsToken } from './utils/get-token-accounts-token.util.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

/** What a root module is made of, apart from its options. `accountNames`: promised by an asynchronous registration. */
export interface RootModule extends TokenModuleStaticOptions {
  readonly accountNames?: readonly string[];
  /** What is wrong with the registration: said at the start. */
  readonly problem: string | undefined;
}

/** Settings, manager and everything that works with it. All of it takes the manager from its injection token, so that tests can override it. */
export function rootProviders(root: RootModule): Provider[] {
  return [
    {
      provide: TOKEN_MODULE_SETTINGS,
      inject: [TOKEN_MODULE_OPTIONS, DiscoveryService],
      useFactory: (options: TokenModuleFactoryOptions, discovery: DiscoveryService) => {
        if (root.problem !== undefined) throw configurationError(root.problem);
        checkApart(root.managerName, discovery);
        return readModuleOptions(options, root);
      },
    },
    {
      provide: getTokenManagerToken(root.managerName),
      inject: [TOKEN_MODULE_SETTINGS, ModuleRef, { token: CACHE_MANAGER, optional: true }],
      useFactory: createTokenManager,
    },
    { provide: MODULE_TOKEN_MANAGER, useExisting: getTokenManagerToken(root.managerName) },
    {
      provide: TOKEN_LOGGER,
      inject: [MODULE_TOKEN_MANAGER],
      useFactory: (manager: TokenManager) => {
        const logger = new Logger(root.managerName === undefined ? 'Evertoken' : `Evertoken(${root.managerName})`);
        logTokenEvents(manager, logger);
        return logger;
      },
    },
    {
      provide: ACCOUNTS_LOAD,
      inject: [MODULE_TOKEN_MANAGER, TOKEN_MODULE_SETTINGS],
      useFactory: createAccountsLoad,
    },
    {
      provide: getTokenAccountsToken(root.managerName),
      inject: [MODULE_TOKEN_MANAGER, ACCOUNTS_LOAD],
      useFactory: (manager: TokenManager, load: AccountsLoad | null) => new TokenAccounts(manager, load ?? undefined),
    },
    {
      provide: AccountsFollower,
      inject: [ACCOUNTS_LOAD, TOKEN_MODULE_SETTINGS, TOKEN_LOGGER, MODULE_TOKEN_MANAGER],
      useFactory: (load: AccountsLoad | null, settings: ModuleSettings, logger: Logger, manager: TokenManager) => {
        const follower = new AccountsFollower(load ?? undefined, settings, logger);
        if (settings.startOn === 'signal' && manager instanceof ModuleTokenManager)
          manager.beforeStart(() => follower.follow());
        return follower;
      },
    },
    {
      provide: RefreshRunner,
      inject: [MODULE_TOKEN_MANAGER, TOKEN_MODULE_SETTINGS, TOKEN_LOGGER, AccountsFollower],
      useFactory: (...parts: ConstructorParameters<typeof RefreshRunner>) => new RefreshRunner(...parts),
    },
    {
      provide: REFRESH_JOB,
      inject: [TOKEN_MODULE_SETTINGS, RefreshRunner],
      useFactory: ({ job }: ModuleSettings, runner: RefreshRunner) => (job ? createRefreshJob(job, runner) : null),
    },
    {
      provide: TokenEventExplorer,
      inject: [MODULE_TOKEN_MANAGER, DiscoveryService, MetadataScanner, TOKEN_LOGGER],
      useFactory: (manager: TokenManager, discovery: DiscoveryService, scanner: MetadataScanner, logger: Logger) =>
        new TokenEventExplorer({ manager, managerName: root.managerName, discovery, scanner, logger }),
    },
    {
      provide: TokenLifecycle,
      inject: [
        MODULE_TOKEN_MANAGER,
        TOKEN_MODULE_SETTINGS,
        RefreshRunner,
        TOKEN_LOGGER,
        AccountsFollower,
        { token: SchedulerRegistry, optional: true },
      ],
      useFactory: (
        manager: TokenManager,
        settings: ModuleSettings,
        runner: RefreshRunner,
        logger: Logger,
        accounts: AccountsFollower,
        registry: SchedulerRegistry | undefined,
      ) => new TokenLifecycle({ manager, settings, runner, logger, accounts, hasSchedule: registry !== undefined }),
    },
  ];
}

function createAccountsLoad(manager: TokenManager, settings: ModuleSettings): AccountsLoad | null {
  const { accountsFrom } = settings;
  if (accountsFrom === undefined) return null;
  // Those of features are in the manager by the first load; a double has none.
  const configured = () => [...settings.manager.accounts, ...manager.accounts()].map(({ name }) => name);
  return new AccountsLoad(manager, accountsFrom, configured);
}

/** Of two managers with one name, injection would find either. */
function checkApart(managerName: string | undefined, discovery: DiscoveryService): void {
  const token = getTokenManagerToken(managerName);
  const ours = discovery
    .getProviders()
    .filter((provider) => provider.token === token && provider.host?.providers.has(TOKEN_MODULE_SETTINGS));
  if (ours.length > 1) throw configurationError(managersNotApart(managerName));
}

/** What can be injected of accounts: each and its client. `from`: the token of the value `accountsIn` finds them in. */
export function accountProviders<Source>(
  names: readonly string[],
  managerName: string | undefined,
  { from, accountsIn }: { from: InjectionToken; accountsIn: (source: Source) => readonly Account[] },
): Provider[] {
  return listed(names).flatMap((name) => [
    {
      provide: getAccountToken(name, managerName),
      inject: [from],
      useFactory: (source: Source) => accountsIn(source).find((account) => account.name === name),
    },
    {
      provide: getClientToken(name, managerName),
      inject: [getAccountToken(name, managerName), getTokenManagerToken(managerName)],
      useFactory: (account: Account, manager: TokenManager) => account.client(manager),
    },
  ]);
}

/** The injection tokens of accounts and clients, for a module's exports. */
export function accountTokens(names: readonly string[], managerName: string | undefined): string[] {
  return listed(names).flatMap((name) => [getAccountToken(name, managerName), getClientToken(name, managerName)]);
}

/** A wrong `accountNames` is reported at the start: a decorator's argument must not throw. */
function listed(names: readonly string[]): readonly string[] {
  return Array.isArray(names) ? names : [];
}
