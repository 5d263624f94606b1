import { HttpService } from '@nestjs/axios';
import type { InjectionToken } from '@nestjs/common';

/**
 * The injection token of the `HttpService` of a `TokenHttpModule`: the class itself, or a text for one that was given a `name`.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(getTokenHttpToken('wechat')).useValue(double);
 */
export function getTokenHttpToken(name?: string): InjectionToken {
  return name === undefined ? HttpService : `EvertokenHttp(${name})`;
}
