import type { InjectionToken } from '@nestjs/common';
import { TokenAccounts } from '../token-accounts.js';

/** The injection token of a manager's `TokenAccounts`: the class itself, or a text for a manager that was given a `managerName`. */
export function getTokenAccountsToken(managerName?: string): InjectionToken {
  return managerName === undefined ? TokenAccounts : `EvertokenAccounts(${managerName})`;
}
