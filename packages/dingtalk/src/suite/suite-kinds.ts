import type { SourceKind } from '@evertoken/core';
import { UNIFIED_ACCESS_TOKEN } from '../token-sources.js';

/** The pushed ticket that tokens are asked for with; has no end, and is good until the next one. */
export const SUITE_TICKET = { kind: 'suite_ticket', issuance: 'pushed', keep: 'grant' } as const satisfies SourceKind;

/**
 * The suite's own token. What asking again does is not documented, so it counts as the worst: it supersedes, with no overlap. What
 * that costs: a copy is confirmed by the store every 5 s. The other way round, callers would be served a dead token.
 */
export const SUITE_TOKEN = {
  kind: 'suite_access_token',
  issuance: 'superseding',
  keep: 'obtainable',
} as const satisfies SourceKind;

/** That a corp has enabled the suite, and what is known of it. Comes by push; holds no secret. */
export const AUTHORIZATION = {
  kind: 'corp_authorization',
  issuance: 'pushed',
  keep: 'grant',
} as const satisfies SourceKind;

/** What an authorization code of the old HTTP callbacks is exchanged for. */
export const PERMANENT_CODE = {
  kind: 'permanent_code',
  issuance: 'pushed',
  keep: 'grant',
} as const satisfies SourceKind;

/**
 * A corp's token. Asking again gives a new one each time (pages `obtain-isvapp-token`,
 * `obtain-the-access-token-of-the-authorized-enterprise-1`); whether the old one goes on working is not documented: no overlap.
 */
export const CORP_TOKEN = {
  kind: 'corp_access_token',
  issuance: 'superseding',
  keep: 'obtainable',
} as const satisfies SourceKind;

/** A corp's ticket for signing pages: the same one inside its lifetime. */
export const CORP_JSAPI_TICKET = {
  kind: 'corp_jsapi_ticket',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind;

/** A corp's token from the endpoint that needs no ticket. */
export const CORP_UNIFIED_TOKEN = {
  kind: UNIFIED_ACCESS_TOKEN,
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind;

/** All that a suite can hold. */
export const SUITE_KINDS: readonly SourceKind[] = Object.freeze([
  SUITE_TICKET,
  SUITE_TOKEN,
  AUTHORIZATION,
  PERMANENT_CODE,
  CORP_TOKEN,
  CORP_UNIFIED_TOKEN,
  CORP_JSAPI_TICKET,
]);

/** What needs no push: all that a custom app holds whose address is not given. */
export const OBTAINABLE_SUITE_KINDS: readonly SourceKind[] = Object.freeze(
  SUITE_KINDS.filter(({ keep }) => keep === 'obtainable'),
);
