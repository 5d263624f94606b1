import type { Account, CallbackReply, CallbackRequest, TokenSource, Tokens } from '@evertoken/core';
import { contextOf } from './app-context.js';
import { type NextEngineAppOptions, problemsOf, settingsOf } from './app-settings.js';
import { NextEngineClient } from './next-engine-client.js';
import { quotaOf } from './usage.js';
import { NextEngineUserClient } from './user-client.js';
import { ACCESS_TOKEN, USER_TOKEN_FACTS, UserTokenSource } from './user-token-source.js';

/** One NextEngine app. Its tokens belong to users, so it has none of its own. */
export interface NextEngineApp extends Account<NextEngineClient> {
  readonly platform: 'nextengine';
  /** The client id. */
  readonly id: string;
  /**
   * Answers requests to the redirect URI: begins sign-ins, and ends them as the option `signIn` says. See `NextEngineClient.answerSignIn`,
   * which is the same for handlers that know more.
   */
  callback(tokens: Tokens): (request: CallbackRequest) => Promise<CallbackReply>;
  /** A user's handle. Costs one key build; handles of the same user mean the same key. */
  user(uid: string | undefined): NextEngineUser;
}

/** A user of the app. Can be made without a `uid`; using it then rejects with `ERR_TOKEN_REAUTHORIZATION_REQUIRED`. */
export interface NextEngineUser {
  /** The user's id. */
  readonly uid: string | undefined;
  /** The user's access token: valid 1 day, renewable for 2 more. */
  readonly accessToken: TokenSource;
  /** Calls as this user. */
  client(tokens: Tokens): NextEngineUserClient;
}

/**
 * An account for a NextEngine app. Touches nothing and throws for no missing value; the manager's constructor does.
 *
 * @example
 * const erp = nextEngineApp({ name: 'erp', clientId: process.env['NE_CLIENT_ID'], clientSecret: process.env['NE_CLIENT_SECRET'] });
 */
export function nextEngineApp(options: NextEngineAppOptions): NextEngineApp {
  const settings = settingsOf(options);
  const problems = problemsOf(options);
  const context = contextOf(settings);
  const sourceOf = (uid: string | undefined) => new UserTokenSource(context, uid);
  return {
    platform: 'nextengine',
    name: settings.name,
    id: settings.clientId,
    kinds: [{ ...USER_TOKEN_FACTS, quota: quotaOf(settings) }],
    ...(options.refresh && { refresh: options.refresh }),
    ...(options.fetch && { fetch: options.fetch }),
    problems: () => problems,
    sources: () => [],
    source: (kind, subject) => (kind === ACCESS_TOKEN && subject ? sourceOf(subject) : undefined),
    client: (tokens) => new NextEngineClient(context, tokens),
    callback: (tokens) => {
      const client = new NextEngineClient(context, tokens);
      return (request) => client.answerSignIn(request);
    },
    user: (uid) => ({
      uid,
      accessToken: sourceOf(uid),
      client: (tokens) => new NextEngineUserClient(context, tokens, uid),
    }),
  };
}
