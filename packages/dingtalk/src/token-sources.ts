import {
  fingerprint,
  labelOf,
  type SourceKind,
  type Token,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { ask } from './ask.js';
import { accessTokenRequest, issuedIn, jsapiTicketRequest, unifiedTokenRequest } from './dingtalk-wire.js';
import { type CommonSettings, credentialsOf, type DingTalkSettings, keyIdOf } from './options.js';

export const PLATFORM = 'dingtalk';
export const ACCESS_TOKEN = 'access_token';
export const JSAPI_TICKET = 'jsapi_ticket';
export const UNIFIED_ACCESS_TOKEN = 'unified_access_token';

/** Asking again inside the lifetime gives the same value and extends it (pages `obtain-orgapp-token`, `jsapi-authentication`). */
const RENEWABLE = { issuance: 'idempotent', keep: 'obtainable', lifetime: 'extended' } as const;

/** Whether asking again extends it is not documented: an unchanged value is not counted on beyond its first lifetime. */
const PERHAPS_RENEWABLE = { issuance: 'idempotent', keep: 'obtainable', lifetime: 'constant' } as const;

/** 24 h: however often it is renewed, a JSAPI ticket ends this long after it was made (page `jsapi-authentication`). */
const TICKET_MAX_LIFETIME_MS = 24 * 60 * 60_000;

/** Kinds of an app that can be had again by asking. */
export const OBTAINABLE_KINDS: readonly SourceKind[] = Object.freeze(
  [ACCESS_TOKEN, JSAPI_TICKET, UNIFIED_ACCESS_TOKEN].map((kind) => ({
    kind,
    issuance: 'idempotent' as const,
    keep: 'obtainable' as const,
  })),
);

/**
 * The account's id in keys: the app key. In the oldest form each secret of an organisation yields a token of its own, so
 * there it is the organisation and the secret's fingerprint. Empty where something is missing.
 */
export function accountIdOf({ credentials }: Pick<DingTalkSettings, 'credentials'>): string {
  if (credentials.form === 'app') return credentials.appKey;
  const { corpId, corpSecret } = credentials;
  return corpId === '' || corpSecret === '' ? '' : `${corpId}.${fingerprint(corpSecret)}`;
}

/** The app's access token. Both API families give the same one, so it has one key. */
export function accessTokenSource(settings: DingTalkSettings): TokenSource {
  const { name: account, circuit, credentials } = settings;
  const about = { account, kind: ACCESS_TOKEN };
  return Object.freeze<TokenSource>({
    ...about,
    ...RENEWABLE,
    key: keyOf(settings, ACCESS_TOKEN),
    credentials: credentialsOf(secretOf(credentials)),
    issue: (request) =>
      ask(request, {
        about,
        circuit,
        wire: accessTokenRequest(settings),
        read: (json) => issuedIn(json, 'token'),
        expected: 'token',
      }),
  });
}

/** Whose token a unified one is, and what obtains it: an internal app's key and secret, or a suite's. */
export interface UnifiedSettings extends Pick<CommonSettings, 'name' | 'baseUrls' | 'circuit'> {
  /** The account's id. */
  readonly clientId: string;
  readonly clientSecret: string;
}

/** The token of an app in one organisation, from the endpoint that is to replace the others (page `api-gettoken`). */
export function unifiedTokenSource(settings: UnifiedSettings, corpId: string): TokenSource {
  if (typeof corpId !== 'string' || corpId === '') throw new TypeError('"corpId" must be a non-empty string');
  const { name: account, clientId, clientSecret, circuit } = settings;
  const about = { account, kind: UNIFIED_ACCESS_TOKEN, subject: corpId };
  return Object.freeze<TokenSource>({
    ...about,
    ...PERHAPS_RENEWABLE,
    key: tokenKeyOf({
      platform: PLATFORM,
      id: keyIdOf(clientId, account),
      kind: UNIFIED_ACCESS_TOKEN,
      subject: [corpId],
    }),
    credentials: credentialsOf(clientSecret),
    issue: (request) =>
      ask(request, {
        about,
        circuit,
        wire: unifiedTokenRequest(settings.baseUrls, { corpId, clientId, clientSecret }),
        read: (json) => issuedIn(json, 'token'),
        expected: 'token',
      }),
  });
}

/** The ticket that signs JSAPI calls of pages. */
export function jsapiTicketSource(settings: DingTalkSettings, accessToken: TokenSource): TokenSource {
  const { name: account, circuit, credentials } = settings;
  const about = { account, kind: JSAPI_TICKET };
  return Object.freeze<TokenSource>({
    ...about,
    ...RENEWABLE,
    key: keyOf(settings, JSAPI_TICKET),
    maxLifetimeMs: TICKET_MAX_LIFETIME_MS,
    dependsOn: Object.freeze([accessToken]),
    credentials: credentialsOf(secretOf(credentials)),
    async issue(request) {
      const parent = parentOf(request.parents, 0, about);
      return ask(request, {
        about,
        circuit,
        wire: jsapiTicketRequest(settings, parent),
        blames: { token: parent },
        read: (json) => issuedIn(json, 'ticket'),
        expected: 'ticket',
      });
    },
  });
}

/**
 * The value of a parent's token. Sent without one, the platform would call a token invalid that was never there.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` where it is missing.
 */
export function parentOf(
  parents: readonly Token[],
  index: number,
  about: { readonly account: string; readonly kind: string },
): string {
  const value = parents[index]?.value;
  if (value) return value;
  throw new TokenError('ERR_TOKEN_CONFIGURATION', `${labelOf(about)}: its parent's token must be passed in`, about);
}

function keyOf(settings: DingTalkSettings, kind: string) {
  return tokenKeyOf({ platform: PLATFORM, id: keyIdOf(accountIdOf(settings), settings.name), kind });
}

function secretOf(credentials: DingTalkSettings['credentials']): string {
  return credentials.form === 'app' ? credentials.appSecret : credentials.corpSecret;
}
