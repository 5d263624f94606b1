import { TokenError } from '@evertoken/core';

/** Loads a driver, which is a peer that only users of that database install. */
export async function loadDriver<Driver>(load: () => Promise<Driver>, name: string, store: string): Promise<Driver> {
  try {
    return await load();
  } catch (cause) {
    throw new TokenError('ERR_TOKEN_CONFIGURATION', `${store} needs the package "${name}": npm install ${name}`, {
      cause,
    });
  }
}
