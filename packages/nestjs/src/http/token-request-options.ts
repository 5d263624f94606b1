import type { TokenSource, Tokens } from '@evertoken/core';
import { configurationError, unknownOption, wrongOption } from '../token.messages.js';
import { readOrigins } from './origins.js';
import { rejectedByStatus, type TokenAnswer } from './token-answer.js';
import { type PlaceSettings, readPlace, type TokenPlace } from './token-place.js';

/** How an HTTP client is given a source's token. `Request` is the client's own word for a request. */
export interface TokenRequestOptions<Request> {
  /** Where tokens come from: the manager, or `fixedTokens` in a test. */
  readonly tokens: Tokens;
  /**
   * Whose token it is: a source, or a function that finds it for each request (a user's, say). A request for which it finds
   * none is sent without a token.
   */
  readonly source: TokenSource | ((request: Request) => TokenSource | undefined | Promise<TokenSource | undefined>);
  /** Where the platform expects it. Default `{ header: 'Authorization', scheme: 'Bearer' }`. */
  readonly place?: TokenPlace | undefined;
  /**
   * Whether an answer says that the platform refused the token. Default: RFC 6750, that is status 401 and `invalid_token`; see
   * `rejectedByCode` for platforms that answer 200 with an error's code.
   */
  readonly isRejected?: ((answer: TokenAnswer) => boolean | Promise<boolean>) | undefined;
  /** How long the token must live at least, ms: longer than the request takes. Default 0. */
  readonly minValidityMs?: number | undefined;
  /**
   * Where tokens may be sent to: origins, such as `https://api.example`. A request to any other, and a redirect there, goes
   * without. HTTPS, or this machine.
   */
  readonly origins: readonly string[];
}

/** The options, checked, with every default filled in. */
export interface RequestSettings<Request> {
  readonly tokens: Tokens;
  readonly sourceOf: (request: () => Request) => Promise<TokenSource | undefined>;
  readonly place: PlaceSettings;
  readonly isRejected: (answer: TokenAnswer) => boolean | Promise<boolean>;
  readonly minValidityMs: number;
  readonly origins: ReadonlySet<string>;
}

/** The names of the options that all clients share. */
export const REQUEST_OPTIONS: readonly string[] = [
  'tokens',
  'source',
  'place',
  'isRejected',
  'minValidityMs',
  'origins',
];

/**
 * Checks the options and fills in the defaults. `prefix` stands before their names in messages.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function readRequestOptions<Request>(
  options: TokenRequestOptions<Request>,
  { owner, known = REQUEST_OPTIONS, prefix = '' }: { owner: string; known?: readonly string[]; prefix?: string },
): RequestSettings<Request> {
  if (typeof options !== 'object' || options === null) {
    throw configurationError(wrongOption(prefix === '' ? 'options' : prefix.slice(0, -1), 'an object'));
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw configurationError(unknownOption(prefix + unknown, owner, known));
  const { tokens, source, isRejected = rejectedByStatus, minValidityMs = 0 } = options;
  if (typeof tokens?.get !== 'function' || typeof tokens.reject !== 'function') {
    throw configurationError(wrongOption(`${prefix}tokens`, 'a TokenManager'));
  }
  if (typeof source !== 'function' && typeof source?.key !== 'string') {
    const expected = 'a token source, such as shop.accessToken, or a function that finds one';
    throw configurationError(wrongOption(`${prefix}source`, expected));
  }
  if (typeof isRejected !== 'function') throw configurationError(wrongOption(`${prefix}isRejected`, 'a function'));
  if (typeof minValidityMs !== 'number' || !(minValidityMs >= 0)) {
    throw configurationError(wrongOption(`${prefix}minValidityMs`, 'a number of at least 0'));
  }
  return {
    tokens,
    sourceOf: async (request) => (typeof source === 'function' ? source(request()) : source),
    place: readPlace(`${prefix}place`, options.place),
    isRejected,
    minValidityMs,
    origins: readOrigins(`${prefix}origins`, options.origins),
  };
}
