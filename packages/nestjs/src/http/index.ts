export { type FetchWithTokenOptions, fetchWithToken } from './fetch-with-token.js';
export { getTokenHttpToken } from './get-token-http-token.util.js';
export { InjectTokenHttp } from './inject-token-http.decorator.js';
export { rejectedByCode, type TokenAnswer } from './token-answer.js';
export { TokenHttpModule } from './token-http.module.js';
export type {
  TokenHttpFactoryOptions,
  TokenHttpModuleAsyncOptions,
  TokenHttpModuleOptions,
  TokenHttpOptionsFactory,
  TokenHttpStaticOptions,
} from './token-http-options.interface.js';
export type { TokenPlace } from './token-place.js';
export type { TokenRequestOptions } from './token-request-options.js';
export { type WithTokensOptions, withTokens } from './with-tokens.js';
