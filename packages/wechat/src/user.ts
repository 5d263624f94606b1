import { TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import type { App } from './app.js';
import { WeChatUserClient } from './user-client.js';
import { userTokenSource } from './user-token.js';

/** A user of an official account who signed in on the web. */
export interface WeChatUser {
  /** The person, for this account. */
  readonly openid: string;
  /** Kind `user_access_token`: lives 2 h, renewed when it is wanted, for 30 days after the sign-in. */
  readonly accessToken: TokenSource;
  /** Calls as this user. */
  client(tokens: Tokens): WeChatUserClient;
}

/**
 * A user's handle. Costs one key build; handles of the same user mean the same key.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the account keeps no users' tokens.
 */
export function openUser(app: App, openid: string): WeChatUser {
  if (!app.userTokens) {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"userTokens" of account "${app.account}" must be true: it keeps no tokens of users`,
      { account: app.account },
    );
  }
  const accessToken = userTokenSource(app, openid);
  return Object.freeze({
    openid,
    accessToken,
    client: (tokens: Tokens) => new WeChatUserClient(app, accessToken, tokens),
  });
}
