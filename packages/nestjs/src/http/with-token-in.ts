import { type Token, TokenError } from '@evertoken/core';
import type { PlaceSettings } from './token-place.js';

/** What a header can carry (RFC 9110 §5.5), of which no token needs more. */
const VISIBLE = /^[\x20-\x7e]+$/;

/** A header with the token, as the platform wants it; undefined where it stands in the query. */
export function headerFor(place: PlaceSettings, { value }: Token): readonly [name: string, value: string] | undefined {
  if (place.header === undefined) return undefined;
  if (!VISIBLE.test(value)) {
    // What the client would say of it quotes the token.
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"place.header" cannot carry this token: it has characters that no header may have`,
    );
  }
  return [place.header, place.prefix + value];
}

/** The address with the token in its query, where it belongs there. */
export function withTokenIn(url: URL, place: PlaceSettings, { value }: Token): URL {
  if (place.query === undefined) return url;
  const placed = new URL(url);
  placed.searchParams.set(place.query, value);
  return placed;
}

/** The address without the token's value, for whoever looks at it. */
export function withoutTokenIn(url: string | URL, place: PlaceSettings): URL {
  const clean = new URL(url);
  if (place.query !== undefined) clean.searchParams.delete(place.query);
  return clean;
}

/** Whether a text holds the token, in clear or percent-encoded. */
export function holdsToken(text: string, { value }: Token): boolean {
  return text.includes(value) || text.includes(encodeURIComponent(value)) || text.includes(formEncoded(value));
}

/** The error of a redirect that would have taken a token elsewhere. */
export function tokenInRedirect(origin: string): TokenError {
  return new TokenError(
    'ERR_TOKEN_TRANSPORT',
    `the platform redirects to ${origin}, which is none of "origins", with the token in the address: not followed`,
    { reason: 'redirect', retryable: false },
  );
}

function formEncoded(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
