import { type ConfigurableModuleAsyncOptions, type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HealthIndicatorService } from '@nestjs/terminus';
import { HealthParts } from './health-parts.js';
import { TokenHealthIndicator } from './token-health.indicator.js';
import {
  ConfigurableModuleClass,
  GIVEN_HEALTH_OPTIONS,
  TOKEN_HEALTH_OPTIONS,
} from './token-health.module-definition.js';
import { readHealthOptions, type TokenHealthOptions } from './token-health-options.js';

/** Options of `TokenHealthModule.forRootAsync`: `useFactory`, `useClass` or `useExisting`, as Nest knows them. */
export type TokenHealthModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  TokenHealthOptions,
  'createTokenHealthOptions'
>;

/**
 * Lets the importing module inject `TokenHealthIndicator`. Imported as it is, with the default options.
 *
 * @example
 * @Module({ imports: [TerminusModule, TokenHealthModule], controllers: [HealthController] })
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    HealthParts,
    HealthIndicatorService,
    TokenHealthIndicator,
    {
      provide: TOKEN_HEALTH_OPTIONS,
      inject: [{ token: GIVEN_HEALTH_OPTIONS, optional: true }],
      useFactory: (options: TokenHealthOptions = {}) => {
        readHealthOptions(options, 'TokenHealthModule');
        return options;
      },
    },
  ],
  exports: [TokenHealthIndicator],
})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class TokenHealthModule {
  /**
   * The same with options. Wrong ones fail the application's start with `ERR_TOKEN_CONFIGURATION`.
   *
   * @example
   * TokenHealthModule.forRoot({ maxAgeMs: 30_000 })
   */
  static forRoot(options: TokenHealthOptions): DynamicModule {
    return { ...ConfigurableModuleClass.forRoot(options), module: TokenHealthModule };
  }

  /** The same with options that come from other providers. */
  static forRootAsync(options: TokenHealthModuleAsyncOptions): DynamicModule {
    return { ...ConfigurableModuleClass.forRootAsync(options), module: TokenHealthModule };
  }
}
