import type { PresentedToken } from './source.js';
import type { TokenPart, TokenRecord } from './store/record.js';
import type { StoreLink } from './store-link.js';
import type { Token } from './token.js';

/** A stored token as callers and sources see it: without what stays in the store, in this process's time. */
export function localToken({ value, issuedAt, expiresAt, extra }: TokenPart, link: StoreLink): Token {
  return {
    value,
    issuedAt: link.toLocal(issuedAt),
    ...(expiresAt !== undefined && { expiresAt: link.toLocal(expiresAt) }),
    ...(extra && { extra }),
  };
}

/** The stored token as a source may present it: with its refresh token. */
export function presentedToken({ token, generation }: TokenRecord, link: StoreLink): PresentedToken | undefined {
  if (!token) return undefined;
  return {
    ...localToken(token, link),
    generation,
    ...(token.refreshToken !== undefined && { refreshToken: token.refreshToken }),
  };
}
