import {
  fingerprint,
  type IssuedToken,
  type IssueRequest,
  labelOf,
  malformedAnswer,
  type PlatformRequest,
  parentRejected,
  type SourceKind,
  sendToPlatform,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { meaningOf, tokenErrorOf } from './dingtalk-errors.js';
import { accessTokenRequest, failureOf, issuedIn, jsapiTicketRequest } from './dingtalk-wire.js';
import type { DingTalkSettings } from './options.js';

export const PLATFORM = 'dingtalk';
export const ACCESS_TOKEN = 'access_token';
export const JSAPI_TICKET = 'jsapi_ticket';

/** Asking again inside the lifetime gives the same value and extends it (pages `obtain-orgapp-token`, `jsapi-authentication`). */
const RENEWABLE = { issuance: 'idempotent', keep: 'obtainable', lifetime: 'extended' } as const;

/** 24 h: however often it is renewed, a JSAPI ticket ends this long after it was made (page `jsapi-authentication`). */
const TICKET_MAX_LIFETIME_MS = 24 * 60 * 60_000;

export const KINDS: readonly SourceKind[] = Object.freeze(
  [ACCESS_TOKEN, JSAPI_TICKET].map((kind) => ({ kind, issuance: RENEWABLE.issuance, keep: RENEWABLE.keep })),
);

/**
 * The account's id in keys: the app key. In the oldest form each secret of an organisation yields a token of its own, so
 * there it is the organisation and the secret's fingerprint. Empty where something is missing.
 */
export function accountIdOf({ credentials }: DingTalkSettings): string {
  if (credentials.form === 'app') return credentials.appKey;
  const { corpId, corpSecret } = credentials;
  return corpId === '' || corpSecret === '' ? '' : `${corpId}.${fingerprint(corpSecret)}`;
}

/** The app's access token. Both API families give the same one, so it has one key. */
export function accessTokenSource(settings: DingTalkSettings): TokenSource {
  const about = { account: settings.name, kind: ACCESS_TOKEN };
  return Object.freeze<TokenSource>({
    ...about,
    ...RENEWABLE,
    key: keyOf(settings, ACCESS_TOKEN),
    credentials: () => credentialsOf(settings),
    issue: (request) => ask(request, about, accessTokenRequest(settings), 'token'),
  });
}

/** The ticket that signs JSAPI calls of pages. */
export function jsapiTicketSource(settings: DingTalkSettings, accessToken: TokenSource): TokenSource {
  const about = { account: settings.name, kind: JSAPI_TICKET };
  return Object.freeze<TokenSource>({
    ...about,
    ...RENEWABLE,
    key: keyOf(settings, JSAPI_TICKET),
    maxLifetimeMs: TICKET_MAX_LIFETIME_MS,
    dependsOn: Object.freeze([accessToken]),
    credentials: () => credentialsOf(settings),
    async issue(request) {
      const parent = request.parents[0]?.value;
      if (!parent) {
        // Sent without one, the platform would call a token invalid that was never there.
        throw new TokenError('ERR_TOKEN_CONFIGURATION', `${labelOf(about)}: its access token must be passed in`, about);
      }
      return ask(request, about, jsapiTicketRequest(settings, parent), 'ticket', parent);
    },
  });
}

/** Sends, and makes of the answer a token or the error that fits; `presented` is the access token the request carries. */
async function ask(
  request: IssueRequest,
  about: { readonly account: string; readonly kind: string },
  wire: Pick<PlatformRequest, 'url' | 'method' | 'headers' | 'body'>,
  what: 'token' | 'ticket',
  presented?: string,
): Promise<IssuedToken> {
  const answer = await sendToPlatform({ ...wire, ...about, fetch: request.fetch, signal: request.signal });
  const failure = failureOf(answer);
  if (failure !== undefined) {
    const meaning = meaningOf(failure);
    if (meaning === 'token' && presented !== undefined) throw parentRejected(presented, failure.code);
    throw tokenErrorOf(failure, meaning, about, request);
  }
  const issued = issuedIn(answer.json, what);
  if (issued === undefined) throw malformedAnswer(about, `it carries no ${what}`, { status: answer.status });
  return issued;
}

/** A handle must be at hand where nothing is configured too: in every test of the user's code. */
function keyOf(settings: DingTalkSettings, kind: string) {
  return tokenKeyOf({ platform: PLATFORM, id: accountIdOf(settings) || `unconfigured:${settings.name}`, kind });
}

function credentialsOf({ credentials }: DingTalkSettings): string {
  return fingerprint(credentials.form === 'app' ? credentials.appSecret : credentials.corpSecret);
}
