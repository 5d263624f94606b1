import type { TokenPart } from './store/record.js';
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
