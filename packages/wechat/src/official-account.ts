import type { Account, CallbackReply, CallbackRequest, TokenSource, Tokens } from '@evertoken/core';
import { type AccessTokenEndpoint, type AppOptions, accountFacts, isBaseUrl, readApp, type SignInHost } from './app.js';
import { appCallback, handlerProblems } from './app-callback.js';
import { appSources } from './app-sources.js';
import { OfficialAccountClient } from './official-account-client.js';
import type { Push } from './push/open-push.js';
import type { PushContext, PushHandling } from './push/push-handler.js';
import { ticketKind, ticketSource } from './sources.js';
import { openUser, type WeChatUser } from './user.js';
import { USER_TOKEN } from './user-token.js';

/** What `officialAccount` takes. */
export interface OfficialAccountOptions
  extends AppOptions,
    SignInHost,
    PushHandling<PushContext<OfficialAccountClient>> {}

/** An official account (service or subscription): an access token and two tickets asked for with it. */
export interface OfficialAccount extends Account<OfficialAccountClient> {
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `stable_access_token`, or `access_token` where the endpoint is `token`. */
  readonly accessToken: TokenSource;
  /**
   * Kind `jsapi_ticket`: signs pages for the JS-SDK. Only a browser sees that a ticket is dead (`invalid signature`), so
   * say it with `tokens.reject(shop.jsapiTicket, ticket)`.
   */
  readonly jsapiTicket: TokenSource;
  /** Kind `card_ticket` (`wx_card`): signs cards and coupons. */
  readonly cardTicket: TokenSource;
  /**
   * The access token from one of the account's endpoints, where it has both.
   *
   * @throws TypeError for an endpoint that the options do not name.
   */
  accessTokenFrom(endpoint: AccessTokenEndpoint): TokenSource;
  /**
   * A user who signed in on the web; needs the option `userTokens`.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without that option.
   */
  user(openid: string): WeChatUser;
  /**
   * Answers requests to the account's server address, what the console calls "server configuration": its verification, messages and events. A user
   * who withdraws the authorization loses the stored tokens; then `onPush` is told: that of `handling`, else the account's.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the option `push` is missing; the answering itself never rejects.
   */
  callback(
    tokens: Tokens,
    handling?: PushHandling<PushContext<OfficialAccountClient>>,
  ): (request: CallbackRequest) => Promise<CallbackReply>;
  /** Judges a push for this account. Rejects with `ERR_TOKEN_CONFIGURATION` where the option `push` is missing, and never else. */
  openPush(request: CallbackRequest): Promise<Push>;
}

/**
 * An official account. Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const shop = officialAccount({ name: 'shop', appId: process.env['WECHAT_APPID'], secret: process.env['WECHAT_SECRET'] });
 */
export function officialAccount(options: OfficialAccountOptions): OfficialAccount {
  const app = readApp(options);
  const own = appSources(app);
  const appKinds = [...own.kinds, ticketKind('jsapi'), ticketKind('wx_card')];
  // Users' tokens are renewed when they are wanted: by default nobody spends a call every two hours on each who ever signed in.
  const refresh = app.userTokens
    ? { refresh: { kinds: appKinds.map(({ kind }) => kind), ...options.refresh } }
    : undefined;
  const facts = accountFacts(app, options, {
    kinds: app.userTokens ? [...appKinds, USER_TOKEN] : appKinds,
    more: {
      names: ['userTokens', 'signInBaseUrl', 'onPush'],
      problems: () => [...signInProblems(options), ...handlerProblems(options)],
    },
  });
  const client = (tokens: Tokens) => new OfficialAccountClient(account, tokens, app);
  let jsapiTicket: TokenSource | undefined;
  let cardTicket: TokenSource | undefined;
  const account: OfficialAccount = Object.freeze({
    ...facts,
    ...refresh,
    get accessToken() {
      return own.from(app.endpoints[0]);
    },
    accessTokenFrom: own.from,
    get jsapiTicket() {
      jsapiTicket ??= ticketSource({ ...app, type: 'jsapi', accessToken: account.accessToken });
      return jsapiTicket;
    },
    get cardTicket() {
      cardTicket ??= ticketSource({ ...app, type: 'wx_card', accessToken: account.accessToken });
      return cardTicket;
    },
    sources: () => [...own.all(), account.jsapiTicket, account.cardTicket],
    source(kind: string, subject?: string) {
      if (subject !== undefined) {
        return kind === USER_TOKEN.kind && app.userTokens ? openUser(app, subject).accessToken : undefined;
      }
      return [...own.all(), account.jsapiTicket, account.cardTicket].find((source) => source.kind === kind);
    },
    user: (openid: string) => openUser(app, openid),
    client,
    callback: appCallback({ app, openPush: facts.openPush, client, onPush: options.onPush }),
  });
  return account;
}

function signInProblems({ userTokens, signInBaseUrl }: SignInHost): string[] {
  const problems: string[] = [];
  if (userTokens !== undefined && typeof userTokens !== 'boolean') {
    problems.push(`"userTokens" must be true or false, got ${typeof userTokens}`);
  }
  if (signInBaseUrl !== undefined && !isBaseUrl(signInBaseUrl)) {
    problems.push('"signInBaseUrl" must be an http or https URL without credentials, query and fragment');
  }
  return problems;
}
