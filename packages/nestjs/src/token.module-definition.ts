import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TokenModuleFactoryOptions } from './interfaces/token-module-options.interface.js';
import { TOKEN_MODULE_OPTIONS } from './token.constants.js';

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TokenModuleFactoryOptions>({
  optionsInjectionToken: TOKEN_MODULE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTokenOptions')
  .build();
