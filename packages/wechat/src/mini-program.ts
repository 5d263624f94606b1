import type { Account, CallbackReply, CallbackRequest, TokenSource, Tokens } from '@evertoken/core';
import { type AccessTokenEndpoint, type AppOptions, accountFacts, readApp } from './app.js';
import { appCallback, handlerProblems } from './app-callback.js';
import { appSources } from './app-sources.js';
import { MiniProgramClient } from './mini-program-client.js';
import type { Push } from './push/open-push.js';
import type { PushContext, PushHandling } from './push/push-handler.js';

/** What `miniProgram` and `miniGame` take. */
export interface MiniProgramOptions extends AppOptions, PushHandling<PushContext<MiniProgramClient>> {}

/** A mini program or mini game: an access token, no tickets. */
export interface MiniProgram extends Account<MiniProgramClient> {
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `stable_access_token`, or `access_token` where the endpoint is `token`. */
  readonly accessToken: TokenSource;
  /**
   * The access token from one of the account's endpoints, where it has both.
   *
   * @throws TypeError for an endpoint that the options do not name.
   */
  accessTokenFrom(endpoint: AccessTokenEndpoint): TokenSource;
  /**
   * Answers requests to the address of the console's "message push": its verification, messages and events, of which `onPush` is told:
   * that of `handling`, else the account's.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the option `push` is missing; the answering itself never rejects.
   */
  callback(
    tokens: Tokens,
    handling?: PushHandling<PushContext<MiniProgramClient>>,
  ): (request: CallbackRequest) => Promise<CallbackReply>;
  /** Judges a push for this account. Rejects with `ERR_TOKEN_CONFIGURATION` where the option `push` is missing, and never else. */
  openPush(request: CallbackRequest): Promise<Push>;
}

/**
 * A mini program. Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const app = miniProgram({ name: 'app', appId: process.env['WECHAT_APPID'], secret: process.env['WECHAT_SECRET'] });
 */
export function miniProgram(options: MiniProgramOptions): MiniProgram {
  const app = readApp(options);
  const own = appSources(app);
  const facts = accountFacts(app, options, {
    kinds: own.kinds,
    more: { names: ['onPush'], problems: () => handlerProblems(options) },
  });
  const client = (tokens: Tokens) => new MiniProgramClient(app, account.accessToken, tokens);
  const account: MiniProgram = Object.freeze({
    ...facts,
    get accessToken() {
      return own.from(app.endpoints[0]);
    },
    accessTokenFrom: own.from,
    sources: own.all,
    source: (kind: string, subject?: string) =>
      subject === undefined ? own.all().find((source) => source.kind === kind) : undefined,
    client,
    callback: appCallback({ app, openPush: facts.openPush, client, onPush: options.onPush }),
  });
  return account;
}

/** A mini game, which the platform treats as a mini program: see `miniProgram`. */
export function miniGame(options: MiniProgramOptions): MiniProgram {
  return miniProgram(options);
}
