export type { TokenCallbackHandler, TokenCallbackHttp } from './interfaces/token-callback-handler.interface.js';
export type {
  TokenAccountRoute,
  TokenAccountsRoute,
  TokenCallbackFactoryOptions,
  TokenCallbackMethod,
  TokenCallbackModuleAsyncOptions,
  TokenCallbackModuleOptions,
  TokenCallbackOptionsFactory,
  TokenCallbackRoute,
  TokenCallbackRouteOptions,
  TokenCallbackStaticOptions,
  TokenHandlerRoute,
} from './interfaces/token-callback-options.interface.js';
export { TokenCallbackModule } from './token-callback.module.js';
