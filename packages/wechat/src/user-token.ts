import {
  asObject,
  type IssuedToken,
  malformedAnswer,
  type SourceKind,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { type App, PLATFORM } from './app.js';
import { ask } from './sources.js';
import { issueError } from './wechat-errors.js';
import { failureIn, issuedIn, userRefreshRequest } from './wechat-wire.js';

/** 30 days: how long a user's refresh token lives from the sign-in on (sheet §1.8). */
export const REFRESH_TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000;

/**
 * Facts of a user's token. The platform answers a renewal with the same access token, extended, or with a new one once it has
 * ended, and takes the same refresh token again: an answer that was lost loses nothing, so this is no rotation, and of two
 * answers at one time the one that lives longer is as good as any. Losing the refresh token costs a person a sign-in.
 */
export const USER_TOKEN = Object.freeze({
  kind: 'user_access_token',
  issuance: 'idempotent',
  keep: 'grant',
} as const satisfies SourceKind);

/** Who a user's token belongs to, as it travels with the token. */
export interface WeChatUserFacts {
  /** The user's id in this account. */
  readonly openid: string;
  /** The user's id in all accounts of one Open Platform account; absent where there is none. */
  readonly unionid?: string;
  /** `snsapi_base`, `snsapi_userinfo`; several are joined by commas. */
  readonly scope: string;
}

/** The access token of a user who signed in on the web. */
export function userTokenSource(app: App, openid: string): TokenSource {
  if (typeof openid !== 'string' || openid === '') throw new TypeError('"openid" must be a non-empty string');
  const ids = { account: app.account, kind: USER_TOKEN.kind, subject: openid };
  return {
    ...USER_TOKEN,
    ...ids,
    key: tokenKeyOf({ platform: PLATFORM, id: app.keyId, kind: USER_TOKEN.kind, subject: [openid] }),
    // An unchanged value lives anew from the renewal on.
    lifetime: 'extended',
    async issue(request) {
      const refreshToken = request.current?.refreshToken;
      if (refreshToken === undefined) {
        const message = `account "${app.account}", ${USER_TOKEN.kind}: the user has to sign in first`;
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, ids);
      }
      const answer = await ask(userRefreshRequest(app.baseUrl, { id: app.id, refreshToken }), request, ids);
      const failure = failureIn(answer, ids);
      const secrets = [refreshToken, request.current?.value ?? ''];
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets, grant: true });
      const { issued, facts } = userTokenIn(answer.json, ids);
      if (facts.openid !== openid) throw malformedAnswer(ids, '"openid" is another user’s', { status: answer.status });
      // The same one again ends when it did; only another one begins to count.
      const { refreshToken: next, refreshTokenLifetimeMs, ...rest } = issued;
      const extra = { ...request.current?.extra, ...facts };
      return next === undefined || next === refreshToken ? { ...rest, extra } : { ...issued, extra };
    },
  };
}

/**
 * What an exchange or a renewal brings.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` where a field is missing or of the wrong type.
 */
export function userTokenIn(
  json: unknown,
  ids: { readonly account: string; readonly kind: string },
): { readonly issued: IssuedToken; readonly facts: WeChatUserFacts } {
  const { openid, unionid, scope, refresh_token: refreshToken } = asObject(json) ?? {};
  const issued = issuedIn({ json, status: 200 }, 'access_token', ids);
  if (typeof openid !== 'string' || openid === '') throw malformedAnswer(ids, '"openid" is no text');
  const facts = {
    openid,
    ...(typeof unionid === 'string' && unionid !== '' && { unionid }),
    scope: typeof scope === 'string' ? scope : '',
  };
  const renewable = typeof refreshToken === 'string' && refreshToken !== '';
  return {
    issued: {
      ...issued,
      ...(renewable && { refreshToken, refreshTokenLifetimeMs: REFRESH_TOKEN_LIFETIME_MS }),
      extra: facts,
    },
    facts,
  };
}
