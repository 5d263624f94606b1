import type { TokenManager } from '@evertoken/core';
import { HttpService } from '@nestjs/axios';
import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import axios from 'axios';
import { configurationError, wrongOption } from '../token.messages.js';
import { getTokenManagerToken } from '../utils/get-token-manager-token.util.js';
import { getTokenHttpToken } from './get-token-http-token.util.js';
import { ConfigurableModuleClass, TOKEN_HTTP_OPTIONS } from './token-http.module-definition.js';
import type {
  TokenHttpFactoryOptions,
  TokenHttpModuleAsyncOptions,
  TokenHttpModuleOptions,
  TokenHttpStaticOptions,
} from './token-http-options.interface.js';
import { intercept } from './with-tokens.js';

/**
 * Nest's `HttpModule` with a token in it: each registration makes an `HttpService` whose requests carry a source's token, and
 * are sent once more with a better one where the platform refuses it.
 *
 * Registering never throws; a wrong option fails the application's start with `ERR_TOKEN_CONFIGURATION`.
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class TokenHttpModule {
  /**
   * Registers a client.
   *
   * @example
   * TokenHttpModule.register({
   *   baseURL: 'https://api.weixin.qq.com',
   *   token: { source: shop.accessToken, place: { query: 'access_token' }, isRejected: rejectedByCode('errcode', [40001, 42001]) },
   * })
   */
  static register(options: TokenHttpModuleOptions): DynamicModule {
    const { name, managerName, global, imports, ...rest } = options;
    return httpModule(ConfigurableModuleClass.register(rest), options);
  }

  /**
   * Registers a client whose options come from other providers.
   *
   * @example
   * TokenHttpModule.registerAsync({
   *   name: 'wechat',
   *   inject: [getAccountToken('shop')],
   *   useFactory: (shop: OfficialAccount) => ({ baseURL: 'https://api.weixin.qq.com', token: { source: shop.accessToken } }),
   * })
   */
  static registerAsync(options: TokenHttpModuleAsyncOptions): DynamicModule {
    const { name, managerName, global, imports, ...rest } = options;
    return httpModule(ConfigurableModuleClass.registerAsync(rest), options);
  }
}

function httpModule(
  definition: DynamicModule,
  { name, managerName, global = false, imports = [] }: TokenHttpStaticOptions,
): DynamicModule {
  const service: FactoryProvider<HttpService> = {
    provide: getTokenHttpToken(name),
    inject: [TOKEN_HTTP_OPTIONS, getTokenManagerToken(managerName)],
    useFactory: createHttpService,
  };
  return {
    ...definition,
    module: TokenHttpModule,
    global,
    imports: [...(definition.imports ?? []), ...imports],
    providers: [...(definition.providers ?? []), service],
    exports: [service.provide],
  };
}

function createHttpService(options: TokenHttpFactoryOptions, tokens: TokenManager): HttpService {
  if (typeof options?.token !== 'object' || options.token === null) {
    throw configurationError(wrongOption('token', 'an object with a "source"'));
  }
  const { token, ...defaults } = options;
  const instance = axios.create(defaults);
  intercept(instance, { ...token, tokens }, 'token.');
  return new HttpService(instance);
}
