import type { NextEngineUser } from './account.js';
import type { NextEngineCompanyChange } from './company-book.js';
import type { NextEnginePair } from './pair.js';
import type { NextEngineSwitches } from './switches.js';
import type { NextEngineUsage } from './usage-book.js';

/** Steers the simulated NextEngine. Each throws a `TypeError` for an account, user or company that is not there. */
export interface NextEngineControls {
  /** A new pair, as if the user had signed in and the `state` had been exchanged. The pair before is superseded. */
  issuePair(clientId: string, uid: string): NextEnginePair;
  /** A user's living pair, if there is one. */
  currentPair(clientId: string, uid: string): NextEnginePair | undefined;
  /** What the sign-in page would hand to the redirect URI: a `state` to exchange within five minutes. */
  signIn(clientId: string, uid: string): { uid: string; state: string };
  /**
   * A start from NextEngine's menu: the URL it sends the browser to, which is the redirect URI with `uid`, `state` and
   * `id`. `redirectUri` is needed where the account registers none, and must be the registered one elsewhere.
   */
  launch(clientId: string, uid: string, redirectUri?: string): NextEngineLaunch;
  /** No `state` that was handed out can be exchanged any more. Returns how many there were. */
  expireStates(clientId: string): number;
  /** Changes switches; those that are left out stay. Throws a `TypeError` for what is no switch or cannot be. */
  configure(clientId: string, switches: NextEngineSwitches): void;
  /** Suspends a company or cancels its contract for the app, or takes that back. */
  company(clientId: string, companyId: string, change: NextEngineCompanyChange): void;
  /** Another person who can sign in; not after a reset. */
  addUser(clientId: string, user: NextEngineUser): void;
  /** How often the platform was called, by month; of one account, or of each. */
  usage(clientId?: string): NextEngineUsage[];
}

/** A start from NextEngine's menu. */
export interface NextEngineLaunch {
  /** Where the browser goes. */
  readonly url: string;
  /** The user. */
  readonly uid: string;
  /** NextEngine's own state, used once. */
  readonly state: string;
  /** One value per company, app and main function. */
  readonly id: string;
}
