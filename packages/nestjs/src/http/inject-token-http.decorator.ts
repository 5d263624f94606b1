import { Inject } from '@nestjs/common';
import { getTokenHttpToken } from './get-token-http-token.util.js';

/**
 * Injects the `HttpService` of the `TokenHttpModule` with this `name`.
 *
 * @example
 * constructor(@InjectTokenHttp('wechat') private readonly http: HttpService) {}
 */
export function InjectTokenHttp(name: string): PropertyDecorator & ParameterDecorator {
  return Inject(getTokenHttpToken(name));
}
