import { Inject } from '@nestjs/common';
import { getAccountToken } from '../utils/get-account-token.util.js';

/**
 * Injects a configured account, by its name.
 *
 * @example
 * constructor(@InjectAccount('shop') private readonly shop: OfficialAccount) {}
 */
export function InjectAccount(name: string, managerName?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getAccountToken(name, managerName));
}
