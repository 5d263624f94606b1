import { join } from 'node:path';
import { type Clock, type Random, systemClock, systemRandom } from '@evertoken/core';
import { type Accounts, accountsOf, pushedNamesOf } from './accounts.js';
import { ExampleSandbox } from './sandbox/example-sandbox.js';
import type { Settings } from './settings.js';

/** Injects `Platforms`. */
export const PLATFORMS = Symbol('platforms');

/** What the application talks to: the real platforms, or the sandbox. */
export interface Platforms {
  readonly accounts: Accounts;
  /** Names of those that the platform pushes to, at `/callbacks/<name>`. */
  readonly pushed: readonly string[];
  /** The clock of manager and stores. */
  readonly clock: Clock;
  /** The manager's jitter. */
  readonly random: Random;
  /** Where grants are kept, and what their store has not acknowledged. */
  readonly directory: string;
  /** In sandbox mode only. */
  readonly sandbox?: ExampleSandbox;
}

/**
 * With credentials the platforms they are for; without any the sandbox: the one at `sandboxUrl`, or one that is started here.
 * `url`: where browsers find the application.
 */
export async function openPlatforms(settings: Settings, url: string): Promise<Platforms> {
  const { credentials, dataDirectory, sandboxUrl, callbackUrl } = settings;
  if (Object.keys(credentials).length > 0) {
    return {
      accounts: accountsOf(credentials),
      pushed: pushedNamesOf(credentials),
      clock: systemClock,
      random: systemRandom,
      directory: dataDirectory,
    };
  }
  // Beside the real grants, not among them: the sandbox's clock may be days ahead.
  const directory = join(dataDirectory, 'sandbox');
  const sandbox = await ExampleSandbox.open({ sandboxUrl, directory, url, callbackUrl });
  // Tokens age as the sandbox's time passes; timers stay real.
  const clock: Clock = { ...systemClock, now: () => sandbox.now() };
  return {
    accounts: accountsOf(sandbox.credentials, clock),
    pushed: pushedNamesOf(sandbox.credentials),
    clock,
    // Whoever moves that clock by hours wants to see what is due renewed at once, and not a random quarter of an hour later.
    random: () => 0,
    directory,
    sandbox,
  };
}
