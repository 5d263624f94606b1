import { join } from 'node:path';
import { type Clock, systemClock } from '@evertoken/core';
import { type Accounts, accountsOf } from './accounts.js';
import { LocalSandbox } from './sandbox/local-sandbox.js';
import type { Settings } from './settings.js';

/** Injects `Platforms`. */
export const PLATFORMS = Symbol('platforms');

/** What the application talks to: the real platforms, or the sandbox. */
export interface Platforms {
  readonly accounts: Accounts;
  /** The clock of manager and stores. */
  readonly clock: Clock;
  /** Where grants are kept, and what their store has not acknowledged. */
  readonly directory: string;
  /** In sandbox mode only. */
  readonly sandbox?: LocalSandbox;
}

/** With credentials the platforms they are for; without any the sandbox, started here. `url`: where browsers find the application. */
export async function openPlatforms({ credentials, dataDirectory }: Settings, url: string): Promise<Platforms> {
  if (Object.keys(credentials).length > 0) {
    return {
      accounts: accountsOf(credentials),
      clock: systemClock,
      directory: dataDirectory,
    };
  }
  // Beside the real grants, not among them: the sandbox's clock may be days ahead.
  const directory = join(dataDirectory, 'sandbox');
  const sandbox = await LocalSandbox.open(directory, { redirectUri: `${url}/nextengine/callback` });
  return {
    accounts: accountsOf(sandbox.credentials),
    // Tokens age as the sandbox's time passes; timers stay real.
    clock: { ...systemClock, now: () => sandbox.handle.now() },
    directory,
    sandbox,
  };
}
