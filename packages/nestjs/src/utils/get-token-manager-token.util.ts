import { TokenManager } from '@evertoken/core';
import type { InjectionToken } from '@nestjs/common';

/**
 * The injection token of a manager: the class `TokenManager` itself, or a text for one that was given a `managerName`.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(getTokenManagerToken('partners')).useValue(fixedTokens([]));
 */
export function getTokenManagerToken(managerName?: string): InjectionToken {
  return managerName === undefined ? TokenManager : `EvertokenManager(${managerName})`;
}
