import { asObject, type SourceKind, TokenError, type TokenSource, tokenKeyOf } from '@evertoken/core';
import { ask } from './ask.js';
import { issuedIn, jsonPost, TOKEN_PARAMETER } from './dingtalk-wire.js';
import { type CommonSettings, credentialsOf, keyIdOf } from './options.js';
import { PLATFORM, parentOf } from './token-sources.js';

/** Asking again gives the same value and extends it (2016 documents). */
export const SNS_TOKEN = Object.freeze({
  kind: 'sns_access_token',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind);

/** Comes of a sign-in, and has no end. */
export const PERSISTENT_CODE = Object.freeze({
  kind: 'sns_persistent_code',
  issuance: 'pushed',
  keep: 'grant',
} as const satisfies SourceKind);

/** Asking again gives the same value and does not extend it (2016 documents). */
export const SNS_USER_TOKEN = Object.freeze({
  kind: 'sns_user_token',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind);

/** A personal app. Holds the secret. */
export interface SnsContext extends CommonSettings {
  readonly appId: string;
  readonly appSecret: string;
  /** Lifetime of tokens whose answers name none, ms. */
  readonly defaultLifetimeMs: number;
  /** Whether users' persistent codes are kept. */
  readonly persistentCodes: boolean;
}

/** The personal app's own token (page `obtain-personal-application`); its answer names no lifetime. */
export function snsTokenSource(context: SnsContext): TokenSource {
  const { appId, appSecret, baseUrls, circuit } = context;
  const about = { account: context.name, kind: SNS_TOKEN.kind };
  return Object.freeze<TokenSource>({
    ...SNS_TOKEN,
    ...about,
    lifetime: 'extended',
    key: keyOf(context, SNS_TOKEN.kind),
    credentials: credentialsOf(appSecret),
    issue: (request) =>
      ask(request, {
        about,
        circuit,
        wire: { url: `${baseUrls.oapi}/sns/gettoken?${new URLSearchParams({ appid: appId, appsecret: appSecret })}` },
        read: (json) => issuedIn(json, 'token', context.defaultLifetimeMs),
        expected: 'token',
      }),
  });
}

/**
 * A user's persistent code (page `persistent-authorization-code`).
 *
 * @throws TypeError where `openid` is empty.
 */
export function persistentCodeSource(context: SnsContext, openid: string): TokenSource {
  if (typeof openid !== 'string' || openid === '') throw new TypeError('"openid" must be a non-empty string');
  const about = { account: context.name, kind: PERSISTENT_CODE.kind, subject: openid };
  return Object.freeze<TokenSource>({
    ...PERSISTENT_CODE,
    ...about,
    lifetime: 'remaining',
    key: keyOf(context, PERSISTENT_CODE.kind, openid),
    async issue() {
      const message = `account "${context.name}", ${PERSISTENT_CODE.kind}: it comes by a sign-in of the user alone`;
      throw new TokenError('ERR_TOKEN_WAITING', message, about);
    },
  });
}

/** A user's token, asked for with the app's token and the persistent code. */
export function snsUserTokenSource(context: SnsContext, openid: string, accessToken: TokenSource): TokenSource {
  const { baseUrls, circuit, appSecret } = context;
  const persistentCode = persistentCodeSource(context, openid);
  const about = { account: context.name, kind: SNS_USER_TOKEN.kind, subject: openid };
  return Object.freeze<TokenSource>({
    ...SNS_USER_TOKEN,
    ...about,
    lifetime: 'remaining',
    key: keyOf(context, SNS_USER_TOKEN.kind, openid),
    dependsOn: Object.freeze([accessToken, persistentCode]),
    credentials: credentialsOf(appSecret),
    async issue(request) {
      const token = parentOf(request.parents, 0, about);
      const code = parentOf(request.parents, 1, about);
      const query = new URLSearchParams({ [TOKEN_PARAMETER]: token });
      return ask(request, {
        about,
        circuit,
        wire: jsonPost(`${baseUrls.oapi}/sns/get_sns_token?${query}`, { openid, persistent_code: code }),
        blames: { token, reauthorize: code },
        read: (json) => issuedIn(json, 'snsToken', context.defaultLifetimeMs),
        expected: 'token',
      });
    },
  });
}

/** What `/sns/get_persistent_code` answers. */
export function persistentCodeIn(
  json: unknown,
): { readonly code: string; readonly openid: string; readonly unionid?: string } | undefined {
  const { persistent_code: code, openid, unionid } = asObject(json) ?? {};
  if (typeof code !== 'string' || code === '' || typeof openid !== 'string' || openid === '') return undefined;
  return { code, openid, ...(typeof unionid === 'string' && unionid !== '' && { unionid }) };
}

function keyOf({ appId, name }: SnsContext, kind: string, subject?: string) {
  return tokenKeyOf({ platform: PLATFORM, id: keyIdOf(appId, name), kind, ...(subject && { subject: [subject] }) });
}
