import type { TokenSource, Tokens } from '@evertoken/core';
import type { DingTalkCallOptions } from './calls.js';
import { apiOf, type DingTalkApi } from './client.js';
import { type DingTalkUserId, type UserContext, userTokenSource } from './user-token.js';

/** A user who signed in. */
export interface DingTalkUser extends DingTalkUserId {
  /** Kind `user_access_token`: lives 2 h; a person has to sign in again once it has not been renewed for 30 days. */
  readonly accessToken: TokenSource;
  /** Calls as this user. */
  client(tokens: Tokens): DingTalkUserClient;
}

/** A user's handle. Costs one key build; handles of the same user mean the same key. */
export function openUser(context: UserContext, id: DingTalkUserId): DingTalkUser {
  const accessToken = userTokenSource(context, id);
  return Object.freeze({
    unionId: id.unionId,
    ...(id.corpId !== undefined && { corpId: id.corpId }),
    accessToken,
    client: (tokens: Tokens) => new DingTalkUserClient(context, accessToken, tokens),
  });
}

/** Calls as one user who signed in. */
export class DingTalkUserClient {
  /** `api.dingtalk.com` with the user's token; the old API takes none. */
  readonly api: DingTalkApi;
  readonly #source: TokenSource;
  readonly #tokens: Tokens;

  constructor(context: UserContext, source: TokenSource, tokens: Tokens) {
    const { name, baseUrls, fetch, clock, random, circuit } = context;
    const account = { name, baseUrls, accessToken: source, clock, random, circuit, ...(fetch && { fetch }) };
    this.api = apiOf(account, tokens);
    this.#source = source;
    this.#tokens = tokens;
  }

  /** Who the user is: `GET /v1.0/contact/users/me`. The app needs the permission `Contact.User.Read`. */
  me<T = unknown>(options?: DingTalkCallOptions): Promise<T> {
    return this.api.get('/v1.0/contact/users/me', options);
  }

  /** Takes the user's tokens away: only a sign-in brings them back. No error where there are none. */
  forget(): Promise<void> {
    return this.#tokens.forget(this.#source, { grant: true });
  }
}
