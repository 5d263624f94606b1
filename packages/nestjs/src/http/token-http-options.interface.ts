import type { ConfigurableModuleAsyncOptions, ModuleMetadata } from '@nestjs/common';
import type { CreateAxiosDefaults } from 'axios';
import type { WithTokensOptions } from './with-tokens.js';

/** What a factory of `registerAsync` resolves with: the options of `axios.create`, and whose token goes where. */
export interface TokenHttpFactoryOptions extends CreateAxiosDefaults {
  /** Whose token is put into requests, and where; the manager is injected. */
  readonly token: Omit<WithTokensOptions, 'tokens'>;
}

/** What decides injection tokens, and therefore has to be known before any provider exists. */
export interface TokenHttpStaticOptions extends Pick<ModuleMetadata, 'imports'> {
  /** Tells several clients apart: then inject with `@InjectTokenHttp(name)`. Default: none, and `HttpService` is injected by class. */
  readonly name?: string;
  /** The manager whose tokens are meant. Default: the one without a name. */
  readonly managerName?: string;
  /** Whether the client can be injected without importing the module. Default false, as of `HttpModule`. */
  readonly global?: boolean;
}

/** Options of `TokenHttpModule.register`. */
export interface TokenHttpModuleOptions extends TokenHttpFactoryOptions, TokenHttpStaticOptions {}

/** What a class given as `useClass` or `useExisting` implements. */
export interface TokenHttpOptionsFactory {
  /** Makes the options, once, when the application starts. */
  createTokenHttpOptions(): TokenHttpFactoryOptions | Promise<TokenHttpFactoryOptions>;
}

/** Options of `TokenHttpModule.registerAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them, and what is static. */
export interface TokenHttpModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<TokenHttpFactoryOptions, 'createTokenHttpOptions'>,
    TokenHttpStaticOptions {}
