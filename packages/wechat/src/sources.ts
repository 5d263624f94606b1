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
  type WireIds,
  type WireRequest,
} from './wechat-wire.js';

/** 5 min: the token before the present one still works that long, and `stable_token` makes a new one that early. */
const HAND_OVER_MS = 5 * 60_000;

/** What a used-up quota lasts to is the end of a day in China (sheet §6, 45009). */
const DAILY = { period: 'day', scope: 'account', utcOffsetMinutes: 480 } as const;

const ACCESS_TOKENS = {
  stable_token: {
    kind: 'stable_access_token',
    issuance: 'idempotent',
    keep: 'obtainable',
    overlapMs: HAND_OVER_MS,
    /** Sheet §1.2. */
    quota: { calls: 500_000, ...DAILY },
  },
  token: {
    kind: 'access_token',
    issuance: 'superseding',
    keep: 'obtainable',
    overlapMs: HAND_OVER_MS,
    /** Of a newly registered account; a test account has 200, a large one more (sheet §1.1). */
    quota: { calls: 2_000, ...DAILY },
  },
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

/** The access token of an app from one of the endpoints. */
export function accessTokenSource(app: App, endpoint: AccessTokenEndpoint): TokenSource {
  const facts = ACCESS_TOKENS[endpoint];
  const ids = { account: app.account, kind: facts.kind };
  const stable = endpoint === 'stable_token';
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

/** What a ticket is asked for with, and for whom. */
export interface TicketSettings {
  /** The account's name. */
  readonly account: string;
  /** The app id as keys have it. */
  readonly keyId: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly type: TicketType;
  /** The token it is asked for with. */
  readonly accessToken: TokenSource;
  /** Default: `jsapi_ticket`, `card_ticket`. */
  readonly kind?: string;
  /** Whose ticket it is below the account, where it is not the account's own. */
  readonly subject?: string;
}

/**
 * A ticket. The platform always names the nominal lifetime, so it counts from when the value was first seen; before its end
 * asking brings the same. A newer access token does not make it invalid.
 */
export function ticketSource({
  account,
  keyId,
  baseUrl,
  type,
  accessToken,
  subject,
  kind = TICKETS[type].kind,
}: TicketSettings): TokenSource {
  const ids = { account, kind, ...(subject !== undefined && { subject }) };
  return {
    ...TICKETS[type],
    ...ids,
    key: tokenKeyOf({ platform: PLATFORM, id: keyId, kind, ...(subject !== undefined && { subject: [subject] }) }),
    lifetime: 'constant',
    dependsOn: [accessToken],
    renewableFrom: ({ expiresAt, issuedAt }) => expiresAt ?? issuedAt,
    async issue(request) {
      const [parent] = request.parents;
      if (!parent) {
        throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(ids)}: its access token has to come first`, idsOf(ids));
      }
      const answer = await ask(ticketRequest(baseUrl, { accessToken: parent.value, type }), request, ids);
      const failure = failureIn(answer, ids);
      if (failure && isDeadToken(failure.errcode)) throw parentRejected(parent.value, String(failure.errcode));
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [parent.value] });
      return issuedIn(answer, 'ticket', ids);
    },
  };
}

/** Sends a token request as `issue` has to: through the request's fetch, until its time is up. */
export function ask(
  wire: WireRequest,
  { fetch, signal }: Pick<IssueRequest, 'fetch' | 'signal'>,
  ids: WireIds,
): Promise<PlatformAnswer> {
  return sendToPlatform({ ...wire, ...ids, fetch, signal });
}
