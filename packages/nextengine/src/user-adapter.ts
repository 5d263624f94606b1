import { TokenError } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import type { NextEngineUserFacts } from './user-facts.js';

/** Saves facts in the application's own table. By then the pair is stored, whatever comes of this. */
export async function saveFacts({ name, users }: AppSettings, facts: NextEngineUserFacts): Promise<void> {
  try {
    await users?.save(facts);
  } catch (cause) {
    throw adapterError(
      { account: name, subject: facts.uid },
      'could not save the facts of a user; the pair is stored, and users.sync() saves them again',
      cause,
    );
  }
}

/** `ERR_TOKEN_STORE`, reason `users`: the application's adapter failed. */
export function adapterError(
  ids: { readonly account: string; readonly subject?: string },
  what: string,
  cause: unknown,
): TokenError {
  return new TokenError('ERR_TOKEN_STORE', `account "${ids.account}": "users" ${what}`, {
    ...ids,
    reason: 'users',
    uncertain: false,
    cause,
  });
}
