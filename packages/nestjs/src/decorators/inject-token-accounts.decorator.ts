import { Inject } from '@nestjs/common';
import { getTokenAccountsToken } from '../utils/get-token-accounts-token.util.js';

/**
 * Injects the `TokenAccounts` of a manager: of the one with this `managerName`, or of the one without a name.
 *
 * @example
 * constructor(@InjectTokenAccounts('partners') private readonly tenants: TokenAccounts<OfficialAccount>) {}
 */
export function InjectTokenAccounts(managerName?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getTokenAccountsToken(managerName));
}
