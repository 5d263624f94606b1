import { Inject } from '@nestjs/common';
import { getTokenManagerToken } from '../utils/get-token-manager-token.util.js';

/**
 * Injects a `TokenManager`: the one with this `managerName`, or the one without a name.
 *
 * @example
 * constructor(@InjectTokens('partners') private readonly tokens: TokenManager) {}
 */
export function InjectTokens(managerName?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getTokenManagerToken(managerName));
}
