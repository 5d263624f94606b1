import {
  type IssueRequest,
  idsOf,
  labelOf,
  type PlatformAnswer,
  parentRejected,
  type SourceKind,
  sendToPlatform,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { type AccessTokenEndpoint, type App, PLATFORM } from './app.js';
import { isDeadToken, issueError } from './wechat-errors.js';
import {
  failureIn,
  issuedIn,
  stableTokenRequest,
  type TicketType,
  ticketRequest,
  tokenRequest,
  type WireRequest,
} from './wechat-wire.js';

/** 5 min: the token before the present one still works that long, and `stable_token` makes a new one that early. */
const HAND_OVER_MS = 5 * 60_000;

const ACCESS_TOKENS = {
  stable_token: {
    kind: 'stable_access_token',
    issuance: 'idempotent',
    keep: 'obtainable',
    overlapMs: HAND_OVER_MS,
  },
  token: { kind: 'access_token', issuance: 'superseding', keep: 'obtainable', overlapMs: HAND_OVER_MS },
} as const satisfies Record<AccessTokenEndpoint, SourceKind>;

const TICKETS = {
  jsapi: { kind: 'jsapi_ticket', issuance: 'idempotent', keep: 'obtainable' },
  wx_card: { kind: 'card_ticket', issuance: 'idempotent', keep: 'obtainable' },
} as const satisfies Record<TicketType, SourceKind>;

/** Facts of the access token of an endpoint. */
export function accessTokenKind(endpoint: AccessTokenEndpoint): SourceKind {
  return ACCESS_TOKENS[endpoint];
}

/** Facts of a ticket. */
export function ticketKind(type: TicketType): SourceKind {
  return TICKETS[type];
}

/** The access token of an app, from the endpoint its options name. */
export function accessTokenSource(app: App): TokenSource {
  const facts = ACCESS_TOKENS[app.endpoint];
  const ids = { account: app.account, kind: facts.kind };
  const stable = app.endpoint === 'stable_token';
  return {
    key: tokenKeyOf({ platform: PLATFORM, id: app.keyId, kind: facts.kind }),
    account: app.account,
    ...facts,
    lifetime: 'remaining',
    credentials: app.credentials,
    // Before its last five minutes the platform answers with the same token.
    ...(stable && {
      renewableFrom: ({ expiresAt, issuedAt }) => (expiresAt ?? issuedAt + HAND_OVER_MS) - HAND_OVER_MS,
    }),
    async issue(request) {
      const wire = stable ? stableTokenRequest(app.baseUrl, app) : tokenRequest(app.baseUrl, app);
      const answer = await ask(wire, request, ids);
      const failure = failureIn(answer, ids);
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [app.secret] });
      return issuedIn(answer, 'access_token', ids);
    },
  };
}

/**
 * A ticket of an app. The platform always names the nominal lifetime, so it counts from when the value was first seen;
 * before its end asking brings the same.
 */
export function ticketSource(app: App, type: TicketType, accessToken: TokenSource): TokenSource {
  const facts = TICKETS[type];
  const ids = { account: app.account, kind: facts.kind };
  return {
    key: tokenKeyOf({ platform: PLATFORM, id: app.keyId, kind: facts.kind }),
    account: app.account,
    ...facts,
    lifetime: 'constant',
    dependsOn: [accessToken],
    renewableFrom: ({ expiresAt, issuedAt }) => expiresAt ?? issuedAt,
    async issue(request) {
      const [parent] = request.parents;
      if (!parent) {
        throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(ids)}: its access token has to come first`, idsOf(ids));
      }
      const answer = await ask(ticketRequest(app.baseUrl, { accessToken: parent.value, type }), request, ids);
      const failure = failureIn(answer, ids);
      if (failure && isDeadToken(failure.errcode)) throw parentRejected(parent.value, String(failure.errcode));
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [parent.value] });
      return issuedIn(answer, 'ticket', ids);
    },
  };
}

function ask(
  wire: WireRequest,
  { fetch, signal }: IssueRequest,
  ids: { account: string; kind: string },
): Promise<PlatformAnswer> {
  return sendToPlatform({ ...wire, ...ids, fetch, signal });
}
