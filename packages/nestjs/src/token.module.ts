import type { Account } from '@evertoken/core';
import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type {
  TokenFeatureAsyncOptions,
  TokenFeatureOptions,
  TokenModuleAsyncOptions,
  TokenModuleOptions,
} from './interfaces/token-module-options.interface.js';
import type { ModuleSettings } from './read-module-options.js';
import { TOKEN_MODULE_SETTINGS } from './token.constants.js';
import { ConfigurableModuleClass } from './token.module-definition.js';
import { accountProviders, accountTokens, type RootModule, rootProviders } from './token.providers.js';
import { featureProviders } from './token-feature.providers.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

/**
 * Keeps the tokens of the application's accounts valid: makes a `TokenManager`, starts, refreshes, drains and closes it
 * with the application, and makes manager, accounts and clients injectable.
 *
 * Registering never throws; a wrong option fails the application's start with `ERR_TOKEN_CONFIGURATION`, whose message
 * names the option and the way out.
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class TokenModule {
  /**
   * Registers a manager with its accounts.
   *
   * @example
   * TokenModule.forRoot({ accounts: [shop], schedule: { cron: '0 * * * * *' } })
   */
  static forRoot(options: TokenModuleOptions): DynamicModule {
    const { managerName, isGlobal, ...rest } = options;
    const accounts = listed(rest.accounts);
    const registered = accounts ? { ...rest, accounts } : rest;
    const root = { ...(managerName !== undefined && { managerName }), ...(isGlobal !== undefined && { isGlobal }) };
    return rootModule(ConfigurableModuleClass.forRoot(registered), root, namesOf(accounts ?? []));
  }

  /**
   * Registers a manager whose options come from other providers. `accountNames` names the accounts the factory makes.
   *
   * @example
   * TokenModule.forRootAsync({
   *   accountNames: ['shop'],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ accounts: [officialAccount({ name: 'shop', appId: config.get('WECHAT_APPID'), secret: config.get('WECHAT_SECRET') })] }),
   * })
   */
  static forRootAsync(options: TokenModuleAsyncOptions): DynamicModule {
    const { managerName, isGlobal, accountNames = [], ...rest } = options;
    const root = {
      accountNames,
      ...(managerName !== undefined && { managerName }),
      ...(isGlobal !== undefined && { isGlobal }),
    };
    return rootModule(ConfigurableModuleClass.forRootAsync(rest), root, accountNames);
  }

  /** Adds a feature's accounts to the manager; the importing module can inject them and their clients. */
  static forFeature(accounts: Iterable<Account>, options: TokenFeatureOptions = {}): DynamicModule {
    const list = listed(accounts) ?? accounts;
    const names = namesOf(list);
    return featureModule(names, options, featureProviders(names, options.managerName, { useFactory: () => list }));
  }

  /** The same for accounts that are made from other providers. `accountNames` names those the factory makes. */
  static forFeatureAsync(options: TokenFeatureAsyncOptions): DynamicModule {
    const { accountNames = [], inject, useFactory } = options;
    const make = { useFactory, ...(inject && { inject }) };
    const providers = featureProviders(accountNames, options.managerName, make, accountNames);
    return featureModule(accountNames, options, providers);
  }
}

function rootModule(definition: DynamicModule, root: RootModule, names: readonly string[]): DynamicModule {
  return {
    ...definition,
    module: TokenModule,
    global: root.isGlobal ?? true,
    imports: [...(definition.imports ?? []), DiscoveryModule],
    providers: [
      ...(definition.providers ?? []),
      ...rootProviders(root),
      ...accountProviders(names, root.managerName, {
        from: TOKEN_MODULE_SETTINGS,
        accountsIn: ({ manager }: ModuleSettings) => manager.accounts,
      }),
    ],
    exports: [getTokenManagerToken(root.managerName), ...accountTokens(names, root.managerName)],
  };
}

function featureModule(
  names: readonly string[],
  { imports = [], managerName }: TokenFeatureOptions,
  providers: NonNullable<DynamicModule['providers']>,
): DynamicModule {
  return { module: TokenModule, imports, providers, exports: accountTokens(names, managerName) };
}

/** A list of what may be iterated once only. Anything else is left for the check at the start: a decorator's argument must not throw. */
function listed(accounts: Iterable<Account> | undefined): readonly Account[] | undefined {
  return typeof accounts === 'object' && accounts !== null && Symbol.iterator in accounts ? [...accounts] : undefined;
}

function namesOf(accounts: Iterable<Account>): readonly string[] {
  return (listed(accounts) ?? []).map((account) => account?.name).filter((name) => typeof name === 'string');
}
