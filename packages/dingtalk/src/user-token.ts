import { type SourceKind, TokenError, type TokenSource, tokenKeyOf } from '@evertoken/core';
import { ask } from './ask.js';
import { type CommonSettings, credentialsOf, keyIdOf } from './options.js';
import { PLATFORM } from './token-sources.js';
import { idIn, userTokenIn, userTokenRequest } from './user-wire.js';

/** Facts of a user's pair. Each refresh token works once: DingTalk's own client takes it so, and its documents deny nothing of it. */
export const USER_TOKEN = Object.freeze({
  kind: 'user_access_token',
  issuance: 'rotating',
  keep: 'grant',
} as const satisfies SourceKind);

/** Facts of a pair whose user is not known yet: nobody renews it, it waits for the sign-in to be ended. */
export const USER_SIGN_IN = Object.freeze({
  kind: 'user_sign_in',
  issuance: 'pushed',
  keep: 'grant',
} as const satisfies SourceKind);

/** Whose users they are: an app's, or a suite's. Holds the secret. */
export interface UserContext extends CommonSettings {
  /** The console's AppKey or SuiteKey; the account's id. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether their tokens are kept. */
  readonly userTokens: boolean;
}

/** Who somebody is in DingTalk. */
export interface DingTalkUserId {
  /** The user's id in all apps of the developer. */
  readonly unionId: string;
  /** The organisation the sign-in was for, where its scope had `corpid`: each has tokens of its own. */
  readonly corpId?: string | undefined;
}

/**
 * A user's access token, renewed with the stored refresh token, which each renewal replaces.
 *
 * @throws TypeError where an id is empty, or holds a slash or blanks.
 */
export function userTokenSource(context: UserContext, { unionId, corpId }: DingTalkUserId): TokenSource {
  if (idIn(unionId) === undefined) throw new TypeError('"unionId" must be a user\'s union id');
  if (corpId !== undefined && idIn(corpId) === undefined) throw new TypeError('"corpId" must be an organisation\'s id');
  const { name: account, clientId, clientSecret, circuit } = context;
  const subject = corpId === undefined ? [unionId] : [unionId, corpId];
  const about = { account, kind: USER_TOKEN.kind, subject: subject.join('/') };
  return Object.freeze<TokenSource>({
    ...USER_TOKEN,
    ...about,
    key: tokenKeyOf({ platform: PLATFORM, id: keyIdOf(clientId, account), kind: USER_TOKEN.kind, subject }),
    lifetime: 'remaining',
    credentials: credentialsOf(clientSecret),
    async issue(request) {
      const { current } = request;
      const refreshToken = current?.refreshToken;
      if (refreshToken === undefined) {
        const message = `account "${account}", ${USER_TOKEN.kind}: the user has to sign in first`;
        throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, about);
      }
      return ask(request, {
        about,
        circuit,
        wire: userTokenRequest(context.baseUrls, context, { grantType: 'refresh_token', refreshToken }),
        grant: true,
        read: (json) => {
          const answered = userTokenIn(json);
          return answered && { ...answered.issued, ...(current?.extra && { extra: current.extra }) };
        },
        expected: 'token',
      });
    },
  });
}

/** The source a stored subject belongs to; undefined where it is none. */
export function userTokenSourceOf(context: UserContext, subject: string): TokenSource | undefined {
  const [unionId = '', corpId, ...more] = subject.split('/');
  if (more.length > 0 || !idIn(unionId) || (corpId !== undefined && !idIn(corpId))) return undefined;
  return userTokenSource(context, { unionId, corpId });
}

/** Where a pair waits that a sign-in brought before it was known whose it is. `subject`: of the sign-in. */
export function userSignInSource({ name: account, clientId }: UserContext, subject: string): TokenSource {
  const about = { account, kind: USER_SIGN_IN.kind, subject };
  return Object.freeze<TokenSource>({
    ...USER_SIGN_IN,
    ...about,
    key: tokenKeyOf({
      platform: PLATFORM,
      id: keyIdOf(clientId, account),
      kind: USER_SIGN_IN.kind,
      subject: [subject],
    }),
    lifetime: 'remaining',
    async issue() {
      const message = `account "${account}", ${USER_SIGN_IN.kind}: it comes by a sign-in alone`;
      throw new TokenError('ERR_TOKEN_WAITING', message, about);
    },
  });
}
