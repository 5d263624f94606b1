import type { Account } from '@evertoken/core';
import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type {
  TokenModuleFactoryOptions,
  TokenModuleStaticOptions,
} from './interfaces/token-module-options.interface.js';
import { namesOf } from './read-accounts.js';
import { type ModuleSettings, registrationProblem } from './read-module-options.js';
import { TOKEN_MODULE_OPTIONS, TOKEN_MODULE_SETTINGS } from './token.constants.js';
import { accountProviders, accountTokens, rootProviders } from './token.providers.js';
import { getTokenAccountsToken } from './utils/get-token-accounts-token.util.js';
import { getTokenManagerToken } from './utils/get-token-manager-token.util.js';

/** What a registration says besides the module's options. */
export interface TokenModuleExtras extends TokenModuleStaticOptions {
  readonly accountNames?: readonly string[] | undefined;
  /** Not among the defaults below, which means that the options keep it: the names of a `forRoot` are read from here. */
  readonly accounts?: Iterable<Account>;
  /** Which method was called. */
  readonly form?: 'forRoot' | 'forRootAsync';
}

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TokenModuleFactoryOptions>({
  optionsInjectionToken: TOKEN_MODULE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTokenOptions')
  .setExtras<TokenModuleExtras>(
    { isGlobal: true, managerName: undefined, accountNames: undefined, form: 'forRoot' },
    rootModule,
  )
  .build();

function rootModule(definition: DynamicModule, extras: TokenModuleExtras): DynamicModule {
  const { isGlobal = true, managerName, accountNames = [] } = extras;
  const isAsync = extras.form === 'forRootAsync';
  const names = isAsync ? accountNames : namesOf(extras.accounts);
  const root = {
    isGlobal,
    managerName,
    problem: registrationProblem(extras),
    ...(isAsync && { accountNames }),
  };
  return {
    ...definition,
    global: isGlobal,
    imports: [...(definition.imports ?? []), DiscoveryModule],
    providers: [
      ...(definition.providers ?? []),
      ...rootProviders(root),
      ...accountProviders(names, managerName, {
        from: TOKEN_MODULE_SETTINGS,
        accountsIn: ({ manager }: ModuleSettings) => manager.accounts,
      }),
    ],
    exports: [
      getTokenManagerToken(managerName),
      getTokenAccountsToken(managerName),
      ...accountTokens(names, managerName),
    ],
  };
}
