import { Inject } from '@nestjs/common';
import { getClientToken } from '../utils/get-client-token.util.js';

/**
 * Injects the platform's API client of a configured account, by the account's name.
 *
 * @example
 * constructor(@InjectClient('shop') private readonly wechat: OfficialAccountClient) {}
 */
export function InjectClient(name: string, managerName?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getClientToken(name, managerName));
}
