import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TokenHttpFactoryOptions } from './token-http-options.interface.js';

/** What the options factory of `register` and `registerAsync` resolved with. */
export const TOKEN_HTTP_OPTIONS = Symbol('evertoken:http-options');

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TokenHttpFactoryOptions>({
  optionsInjectionToken: TOKEN_HTTP_OPTIONS,
})
  .setFactoryMethodName('createTokenHttpOptions')
  .build();
