import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { TokenHealthOptions } from './token-health-options.js';

/** The options, checked; none where the module is imported as it is. */
export const TOKEN_HEALTH_OPTIONS = Symbol('evertoken:health-options');
/** The options as the user wrote them. */
export const GIVEN_HEALTH_OPTIONS = Symbol('evertoken:health-given-options');

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<TokenHealthOptions>({
  optionsInjectionToken: GIVEN_HEALTH_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTokenHealthOptions')
  .build();
