import type { Account, TokenManagerOptions } from '@evertoken/core';
import type { ConfigurableModuleAsyncOptions, FactoryProvider, ModuleMetadata } from '@nestjs/common';

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
}

/** What decides injection tokens, and therefore has to be known before any provider exists. */
export interface TokenModuleStaticOptions {
  /** Tells the managers of an application apart; all but one need it. Default: none. */
  readonly managerName?: string;
  /** Whether manager, accounts and clients can be injected without importing the module again. Default true. */
  readonly isGlobal?: boolean;
}

/** Options of `TokenModule.forRoot`. */
export interface TokenModuleOptions extends TokenModuleFactoryOptions, TokenModuleStaticOptions {}

/** What a class given as `useClass` or `useExisting` implements. */
export interface TokenOptionsFactory {
  createTokenOptions(): TokenModuleFactoryOptions | Promise<TokenModuleFactoryOptions>;
}

/** Options of `TokenModule.forRootAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them, and what is static. */
export interface TokenModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<TokenModuleFactoryOptions, 'createTokenOptions'>,
    TokenModuleStaticOptions {
  /** Names of the accounts the factory makes: they decide injection tokens. Checked against its result. */
  readonly accountNames: readonly string[];
}

/** Options of `TokenModule.forFeature`. */
export interface TokenFeatureOptions extends Pick<ModuleMetadata, 'imports'> {
  /** The manager that gets the accounts. Default: the one without a name. */
  readonly managerName?: string;
}

/** Options of `TokenModule.forFeatureAsync`. */
export interface TokenFeatureAsyncOptions extends TokenFeatureOptions {
  /** Names of the accounts the factory makes: they decide injection tokens. Checked against its result. */
  readonly accountNames: readonly string[];
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<Iterable<Account>>['useFactory'];
}
