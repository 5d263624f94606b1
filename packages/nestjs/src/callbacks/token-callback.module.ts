import { type DynamicModule, Module } from '@nestjs/common';
import type {
  TokenCallbackModuleAsyncOptions,
  TokenCallbackModuleOptions,
} from './interfaces/token-callback-options.interface.js';
import { ConfigurableModuleClass } from './token-callback.module-definition.js';

/**
 * Serves accounts' callbacks, and handlers of the application's own, on paths of its choice: pushes, address checks, sign-ins. Bodies arrive
 * as they were sent, on Express and on Fastify, whatever the application's parsers do with other requests; replies leave as they
 * were given, past every interceptor. Guards, pipes, middleware and exception filters, global ones too, are as on any controller.
 *
 * Registering never throws; a wrong option fails the application's start with `ERR_TOKEN_CONFIGURATION`, whose message
 * names the option and the way out.
 */
@Module({})
export class TokenCallbackModule extends ConfigurableModuleClass {
  /**
   * Registers routes.
   *
   * @example
   * TokenCallbackModule.forRoot({ routes: [{ path: 'hooks/wechat', account: 'platform', decorators: [Public()] }] })
   */
  static override forRoot(options: TokenCallbackModuleOptions): DynamicModule {
    // biome-ignore lint/complexity/noThisInStatic: the module that Nest gets is the class it is called on.
    const definition = super.forRoot({ ...options, registered: options });
    return options?.imports
      ? { ...definition, imports: [...(definition.imports ?? []), ...options.imports] }
      : definition;
  }

  /**
   * Registers routes that come from other providers. What they bind must be instances; `guards` and `decorators` beside
   * the factory may be classes, and are for all routes.
   *
   * @example
   * TokenCallbackModule.forRootAsync({
   *   decorators: [Public()],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ routes: [{ path: config.getOrThrow('WECHAT_HOOK'), account: 'platform' }] }),
   * })
   */
  static override forRootAsync(options: TokenCallbackModuleAsyncOptions): DynamicModule {
    // biome-ignore lint/complexity/noThisInStatic: the module that Nest gets is the class it is called on.
    return super.forRootAsync(options);
  }
}
