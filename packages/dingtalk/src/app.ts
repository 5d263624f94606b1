import {
  type Account,
  type CallbackReply,
  type CallbackRequest,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { appCallback, type DingTalkPushHandling, noPushKeys } from './app-callback.js';
import { DingTalkAppClient } from './app-client.js';
import { type DingTalkPush, openCallback } from './callback/open-callback.js';
import { type DingTalkAppOptions, type DingTalkCorpOptions, onceOf, problemsOf, settingsOf } from './options.js';
import {
  ACCESS_TOKEN,
  accessTokenSource,
  accountIdOf,
  JSAPI_TICKET,
  jsapiTicketSource,
  OBTAINABLE_KINDS,
  PLATFORM,
  UNIFIED_ACCESS_TOKEN,
  unifiedTokenSource,
} from './token-sources.js';
import { type DingTalkUser, openUser } from './user-client.js';
import {
  type DingTalkUserId,
  USER_SIGN_IN,
  USER_TOKEN,
  type UserContext,
  userSignInSource,
  userTokenSourceOf,
} from './user-token.js';

/** An internal DingTalk app as an account of the manager. */
export interface DingTalkApp extends Account<DingTalkAppClient> {
  readonly platform: typeof PLATFORM;
  /** The organisation, where the options name it. */
  readonly corpId?: string;
  /** The token its client uses, on both hosts. Kind `access_token`, or `unified_access_token` with `api: 'unified'`. */
  readonly accessToken: TokenSource;
  /** The ticket `jsApiConfig` signs with. */
  readonly jsapiTicket: TokenSource;
  /**
   * The app's token in one organisation (default: `corpId`) from the endpoint that is to replace the others; a token of its own.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where no organisation is named, or the app has no app key.
   */
  unifiedAccessToken(corpId?: string): TokenSource;
  /**
   * A user who signed in; needs the option `userTokens`.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without that option.
   */
  user(id: DingTalkUserId): DingTalkUser;
  /**
   * Answers requests to the app's callback address: checks of it, and events, of which `onPush` is told: that of `handling`,
   * else the app's.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the option `push` is missing; the answering itself never rejects.
   */
  callback(tokens: Tokens, handling?: DingTalkPushHandling): (request: CallbackRequest) => Promise<CallbackReply>;
  /**
   * Judges a push to the app's callback address: for its app key, or its organisation where the address was registered through
   * the old API. Rejects with `ERR_TOKEN_CONFIGURATION` where the option `push` is missing, and never else.
   */
  openPush(request: CallbackRequest): Promise<DingTalkPush>;
}

/**
 * An internal DingTalk app, known by `appKey` and `appSecret`, or in the oldest form by `corpId` and `corpSecret`.
 *
 * Throws for no missing or wrong option: the manager's constructor does, with the option's and the account's name.
 */
export function dingTalkApp(options: DingTalkAppOptions | DingTalkCorpOptions): DingTalkApp {
  const settings = settingsOf(options);
  const { name, corpId, fetch, credentials, userTokens } = settings;
  const { refresh } = options;
  const problems = Object.freeze(problemsOf(options));
  const users: UserContext | undefined =
    credentials.form === 'app'
      ? { ...settings, clientId: credentials.appKey, clientSecret: credentials.appSecret }
      : undefined;
  const id = onceOf(() => accountIdOf(settings));
  const ownUnified = onceOf(() => (users && corpId !== undefined ? unifiedTokenSource(users, corpId) : undefined));
  const accessToken = onceOf(
    () => (settings.api === 'unified' ? ownUnified() : undefined) ?? accessTokenSource(settings),
  );
  const jsapiTicket = onceOf(() => jsapiTicketSource(settings, accessToken()));
  const checkPush = () => {
    if (settings.push.length === 0) throw noPushKeys(name);
  };
  const openPush = async (request: CallbackRequest) => {
    checkPush();
    const { push: keys, clock } = settings;
    const ownerKeys = [users?.clientId, corpId].filter((each) => each !== undefined && each !== '') as string[];
    return openCallback(request, { keys, ownerKeys, now: () => clock.now() });
  };
  const client = (tokens: Tokens) => {
    const { baseUrls, circuit, clock, random } = settings;
    const own = { ...(corpId !== undefined && { corpId }), ...(fetch !== undefined && { fetch }) };
    const sources = { accessToken: accessToken(), jsapiTicket: jsapiTicket() };
    return new DingTalkAppClient({ name, baseUrls, circuit, clock, random, ...sources, ...own }, tokens, users);
  };
  const answering = appCallback({ settings, openPush, client, onPush: options.onPush });

  return Object.freeze<DingTalkApp>({
    platform: PLATFORM,
    name,
    get id() {
      return id();
    },
    ...(corpId !== undefined && { corpId }),
    ...(refresh !== undefined && { refresh }),
    ...(fetch !== undefined && { fetch }),
    kinds: userTokens ? Object.freeze([...OBTAINABLE_KINDS, USER_TOKEN, USER_SIGN_IN]) : OBTAINABLE_KINDS,
    get accessToken() {
      return accessToken();
    },
    get jsapiTicket() {
      return jsapiTicket();
    },
    unifiedAccessToken(corp = corpId) {
      if (!users) throw misconfigured(name, 'a token of one organisation needs "appKey" and "appSecret"');
      if (corp === undefined) throw misconfigured(name, '"corpId" must name an organisation');
      return (corp === corpId ? ownUnified() : undefined) ?? unifiedTokenSource(users, corp);
    },
    user(who) {
      if (!users || !userTokens) throw misconfigured(name, '"userTokens" must be true: it keeps no tokens of users');
      return openUser(users, who);
    },
    openPush,
    callback(tokens, handling) {
      checkPush();
      return answering(tokens, handling);
    },
    problems: () => problems,
    sources: () => [accessToken(), jsapiTicket()],
    source(kind, subject) {
      if (kind === UNIFIED_ACCESS_TOKEN) {
        if (subject === undefined || subject === corpId) return ownUnified();
        return users && subject !== '' ? unifiedTokenSource(users, subject) : undefined;
      }
      if (subject === undefined) {
        if (kind === JSAPI_TICKET) return jsapiTicket();
        // Beside a unified token the app's own one can still be stored.
        if (kind !== ACCESS_TOKEN) return undefined;
        return accessToken().kind === ACCESS_TOKEN ? accessToken() : accessTokenSource(settings);
      }
      if (!users || !userTokens || subject === '') return undefined;
      if (kind === USER_TOKEN.kind) return userTokenSourceOf(users, subject);
      return kind === USER_SIGN_IN.kind ? userSignInSource(users, subject) : undefined;
    },
    client,
  });
}

function misconfigured(account: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', `account "${account}": ${what}`, { account });
}
