import type { Account } from '@evertoken/core';
import { type DynamicModule, Module } from '@nestjs/common';
import type {
  TokenFeatureAsyncOptions,
  TokenFeatureOptions,
  TokenModuleAsyncOptions,
  TokenModuleOptions,
} from './interfaces/token-module-options.interface.js';
import { listed, namesOf } from './read-accounts.js';
import { featureProblem } from './read-module-options.js';
import { TOKEN_MODULE_OPTIONS } from './token.constants.js';
import { configurationError, noFactory } from './token.messages.js';
import { ConfigurableModuleClass } from './token.module-definition.js';
import { ConfigurableFeatureClass, featureModule } from './token-feature.module-definition.js';

/**
 * Keeps the tokens of the application's accounts valid: makes a `TokenManager`, starts, refreshes, drains and closes it
 * with the application, and makes manager, accounts and clients injectable.
 *
 * Registering never throws; a wrong option fails the application's start with `ERR_TOKEN_CONFIGURATION`, whose message
 * names the option and the way out.
 */
@Module({})
export class TokenModule extends ConfigurableModuleClass {
  /**
   * Registers a manager with its accounts.
   *
   * @example
   * TokenModule.forRoot({ accounts: [shop], schedule: { cron: '0 * * * * *' } })
   */
  static override forRoot(options: TokenModuleOptions): DynamicModule {
    const accounts = listed(options.accounts);
    // biome-ignore lint/complexity/noThisInStatic: the module that Nest gets is the class it is called on.
    return super.forRoot({ ...options, ...(accounts && { accounts }), form: 'forRoot' });
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
  static override forRootAsync(options: TokenModuleAsyncOptions): DynamicModule {
    // biome-ignore lint/complexity/noThisInStatic: the module that Nest gets is the class it is called on.
    return super.forRootAsync({ ...withFactory(options, 'forRootAsync'), form: 'forRootAsync' });
  }

  /** Adds a feature's accounts to the manager; the importing module can inject them and their clients. */
  static forFeature(accounts: Iterable<Account>, options: TokenFeatureOptions = {}): DynamicModule {
    const list = listed(accounts) ?? accounts;
    const { imports = [], managerName } = options;
    const providers = [{ provide: TOKEN_MODULE_OPTIONS, useValue: list }];
    const problem = featureProblem(options, 'forFeature');
    return featureModule({ module: TokenModule, imports, providers }, namesOf(list), { managerName, problem });
  }

  /**
   * The same for accounts that are made from other providers. `accountNames` names those the factory makes.
   *
   * @example
   * TokenModule.forFeatureAsync({ accountNames: ['crm'], inject: [CrmConfig], useFactory: (config: CrmConfig) => [config.account()] })
   */
  static forFeatureAsync(options: TokenFeatureAsyncOptions): DynamicModule {
    const definition = ConfigurableFeatureClass.forFeatureAsync(withFactory(options, 'forFeatureAsync'));
    return { ...definition, module: TokenModule };
  }
}

/** Nest's own word for options that are made by nothing names nothing. */
function withFactory<Options extends TokenModuleAsyncOptions | TokenFeatureAsyncOptions>(
  options: Options,
  form: string,
): Options {
  if (options.useFactory || options.useClass || options.useExisting) return options;
  const useFactory = () => {
    throw configurationError(noFactory(form));
  };
  return { ...options, useFactory };
}
