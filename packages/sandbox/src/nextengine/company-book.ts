import { assertBoolean, assertKnownKeys, assertOneOf, assertRecord } from '../check.js';
import type { NextEngineUser } from './account.js';
import { companyIdOf } from './profile.js';
import { SUSPENSIONS } from './switches.js';

/** What can befall a company while the sandbox runs. Members that are left out stay as they are. */
export interface NextEngineCompanyChange {
  /** Its NextEngine (002003, and 001007 at sign-in) or its main function (003003) is suspended. */
  readonly suspended?: false | '002003' | '003003';
  /** It no longer uses the app. */
  readonly cancelled?: boolean;
}

/** What befell companies at run time; it goes over what their users were configured with. */
export class CompanyBook {
  readonly #changes = new Map<string, NextEngineCompanyChange>();

  change(companyId: string, change: NextEngineCompanyChange): void {
    assertKnownKeys("a company's changes", assertRecord('company', change), ['suspended', 'cancelled']);
    if (change.suspended !== undefined) assertOneOf('suspended', change.suspended, SUSPENSIONS);
    if (change.cancelled !== undefined) assertBoolean('cancelled', change.cancelled);
    this.#changes.set(companyId, { ...this.#changes.get(companyId), ...change });
  }

  suspended(user: NextEngineUser): false | '002003' | '003003' {
    return this.#changes.get(companyIdOf(user))?.suspended ?? user.suspended ?? false;
  }

  cancelled(user: NextEngineUser): boolean {
    return this.#changes.get(companyIdOf(user))?.cancelled ?? user.cancelled ?? false;
  }
}
