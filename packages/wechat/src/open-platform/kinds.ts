import type { SourceKind } from '@evertoken/core';

/** The pushed ticket that component tokens are asked for with. */
export const VERIFY_TICKET = {
  kind: 'component_verify_ticket',
  issuance: 'pushed',
  keep: 'grant',
} as const satisfies SourceKind;

/**
 * The component's own token. What asking again does and how long the old token then lives is not documented (sheet §12.1), so
 * both count as the worst: it supersedes, with no overlap. What that costs: a copy is confirmed by the store every 5 s, and
 * after a lost answer a new token is asked for. The other way round, callers would be served a dead token.
 */
export const COMPONENT_TOKEN = {
  kind: 'component_access_token',
  issuance: 'superseding',
  keep: 'obtainable',
} as const satisfies SourceKind;

/** An authorizer's token and the refresh token behind it, which stays the same: asking again spends nothing. Its overlap is unknown, too. */
export const AUTHORIZER_TOKEN = {
  kind: 'authorizer_access_token',
  issuance: 'superseding',
  keep: 'grant',
} as const satisfies SourceKind;

/** Tickets of an authorizer, by the platform's `type`. */
export const AUTHORIZER_TICKETS = {
  jsapi: { kind: 'authorizer_jsapi_ticket', issuance: 'idempotent', keep: 'obtainable' },
  wx_card: { kind: 'authorizer_card_ticket', issuance: 'idempotent', keep: 'obtainable' },
} as const satisfies Record<'jsapi' | 'wx_card', SourceKind>;

/** All that a third-party platform can hold. */
export const COMPONENT_KINDS: readonly SourceKind[] = Object.freeze([
  VERIFY_TICKET,
  COMPONENT_TOKEN,
  AUTHORIZER_TOKEN,
  AUTHORIZER_TICKETS.jsapi,
  AUTHORIZER_TICKETS.wx_card,
]);
