import { malformedAnswer } from './platform-request.js';
import type { TokenSource } from './source.js';
import type { IssuedToken } from './token.js';

/**
 * Refuses what is no token: nothing of it may be stored, half a pair least of all (S7).
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT`, its `reason` `malformed`: the platform has done something, nobody knows what.
 */
export function checkIssued(source: TokenSource, issued: IssuedToken): void {
  const wrong = (what: string) => malformedAnswer(source, what, { uncertain: true });
  if (typeof issued?.value !== 'string' || issued.value === '') throw wrong('the token is missing or empty');
  for (const name of ['lifetimeMs', 'refreshTokenLifetimeMs'] as const) {
    const value = issued[name];
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) throw wrong(`"${name}" is no positive number`);
  }
  if (source.issuance === 'rotating' && !issued.refreshToken)
    throw wrong('the refresh token that must come with the access token is missing');
}
