import type { Account, TokenManagerOptions } from '@evertoken/core';
import type { ConfigurableModuleAsyncOptions, ModuleMetadata } from '@nestjs/common';
import type { TokenAccountsLoader } from './token-account-entry.interface.js';

/** When `refreshDue` is called: a cron job of @nestjs/schedule, whose `ScheduleModule.forRoot()` the application imports. */
export interface TokenScheduleOptions {
  /** A cron expression, seconds first if it has six fields. Default every 30 seconds. */
  readonly cron?: string | undefined;
  /** An IANA name, such as `Asia/Tokyo`. Default: the process's. */
  readonly timeZone?: string | undefined;
  /** The job's name in `SchedulerRegistry`. Default `evertoken:refresh`, and for a named manager `evertoken:refresh:<managerName>`. */
  readonly name?: string | undefined;
}

/** What a factory of `forRootAsync` resolves with: every option of `TokenManager`, and when to refresh. */
export interface TokenModuleFactoryOptions extends TokenManagerOptions {
  /** When tokens are refreshed ahead of their end; `false`: never by itself, only on demand. */
  readonly schedule?: TokenScheduleOptions | false | undefined;
  /**
   * When refreshing may begin: `bootstrap` (default) with the application, `signal` once your code has called
   * `manager.start()`. `get` works before either.
   */
  readonly startOn?: 'bootstrap' | 'signal' | undefined;
  /**
   * Says which accounts there are besides `accounts`: rows of a table, say. Called before the manager is started, before each
   * sweep, and by `TokenAccounts.reload()`. Default: none.
   */
  readonly accountsFrom?: TokenAccountsLoader | undefined;
}

/** What decides injection tokens, and therefore has to be known before any provider exists. */
export interface TokenModuleStaticOptions {
  /** Tells the managers of an application apart; all but one need it. Default: none. */
  readonly managerName?: string | undefined;
  /** Whether manager, accounts and clients can be injected without importing the module again. Default true. */
  readonly isGlobal?: boolean | undefined;
}

/** Options of `TokenModule.forRoot`. */
export interface TokenModuleOptions extends TokenModuleFactoryOptions, TokenModuleStaticOptions {}

/** What a class given to `forRootAsync` as `useClass` or `useExisting` implements. */
export interface TokenOptionsFactory {
  /** Called once, when the application starts. What it throws fails the start. */
  createTokenOptions(): TokenModuleFactoryOptions | Promise<TokenModuleFactoryOptions>;
}

/** Options of `TokenModule.forRootAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them, and what is static. */
export interface TokenModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<TokenModuleFactoryOptions, 'createTokenOptions'>,
    TokenModuleStaticOptions {
  /** Names of the accounts the factory makes: they decide injection tokens. Checked against its result. Default: none. */
  readonly accountNames?: readonly string[] | undefined;
}

/** Options of `TokenModule.forFeature`. */
export interface TokenFeatureOptions extends Pick<ModuleMetadata, 'imports'> {
  /** The manager that gets the accounts. Default: the one without a name. */
  readonly managerName?: string | undefined;
}

/** What a class given to `forFeatureAsync` as `useClass` or `useExisting` implements. */
export interface TokenAccountsFactory {
  /** Called once, when the application starts. What it throws fails the start. */
  createTokenAccounts(): Iterable<Account> | Promise<Iterable<Account>>;
}

/** Options of `TokenModule.forFeatureAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them, and what is static. */
export interface TokenFeatureAsyncOptions
  extends ConfigurableModuleAsyncOptions<Iterable<Account>, 'createTokenAccounts'>,
    Omit<TokenFeatureOptions, 'imports'> {
  /** Names of the accounts the factory makes: they decide injection tokens. Checked against its result. Default: none. */
  readonly accountNames?: readonly string[] | undefined;
}
