import {
  type Account,
  type CallbackReply,
  type CallbackRequest,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { noPushKeys } from '../app-callback.js';
import type { DingTalkSuiteEvent } from '../callback/suite-events.js';
import type { DingTalkClient } from '../client.js';
import { onceOf } from '../options.js';
import { PLATFORM } from '../token-sources.js';
import { type DingTalkUser, openUser } from '../user-client.js';
import { type DingTalkUserId, USER_SIGN_IN, USER_TOKEN, userSignInSource, userTokenSourceOf } from '../user-token.js';
import { corpClient, DingTalkSuiteClient } from './suite-client.js';
import type { SuiteContext } from './suite-context.js';
import { OBTAINABLE_SUITE_KINDS, SUITE_KINDS } from './suite-kinds.js';
import { type DingTalkSuiteOptions, suiteOf, suiteProblems } from './suite-options.js';
import { type SuiteCorpSources, suiteCorpSources, suiteSources } from './suite-sources.js';

/** A corp that has enabled the suite, or has not: a handle says nothing of it. Handles of the same corp mean the same keys. */
export interface DingTalkSuiteCorp {
  /** The organisation. */
  readonly corpId: string;
  /** Kind `corp_access_token`, with `api: 'unified'` `unified_access_token`: works on both hosts. */
  readonly accessToken: TokenSource;
  /** Kind `corp_jsapi_ticket`: what `jsApiConfig` signs with. */
  readonly jsapiTicket: TokenSource;
  /** Kind `corp_authorization`: where the corp stands; its value is no secret and of no use, its `extra` has the facts. */
  readonly authorization: TokenSource;
  /** Kind `permanent_code`: of the old HTTP callbacks, and where SyncHTTP sends one along. Its value is a secret. */
  readonly permanentCode: TokenSource;
  /** Calls as the suite in this corp. */
  client(tokens: Tokens): DingTalkClient;
}

/** An ISV's suite (or custom app) as an account of the manager, with the corps that enable it for subjects. */
export interface DingTalkSuite extends Account<DingTalkSuiteClient> {
  readonly platform: typeof PLATFORM;
  /** The suite key. */
  readonly id: string;
  /** Kind `suite_ticket`: pushed about every 5 hours, good until the next. Of two the later one counts. */
  readonly ticket: TokenSource;
  /** Kind `suite_access_token`: for the suite's own services. */
  readonly accessToken: TokenSource;
  /**
   * A corp's handle.
   *
   * @throws TypeError where `corpId` is empty.
   */
  corp(corpId: string): DingTalkSuiteCorp;
  /**
   * A user who signed in with the suite's key; needs the option `userTokens`.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without that option.
   */
  user(id: DingTalkUserId): DingTalkUser;
  /**
   * Takes pushes by HTTP: tickets, and corps that come and go. Answers once what they brought is stored.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` where the option `push` is missing.
   */
  callback(tokens: Tokens): (request: CallbackRequest) => Promise<CallbackReply>;
  /**
   * The same for events that came another way: over Stream, from the table that RDS has. Resolves once what must not be lost is
   * stored; rejects where it could not be, so that it is to be told again.
   */
  handleEvents(tokens: Tokens, events: readonly DingTalkSuiteEvent[]): Promise<void>;
}

/**
 * A suite of DingTalk: an app that other organisations enable. Its ticket and its authorizations come by push and want a durable store.
 * Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const suite = dingTalkSuite({
 *   name: 'suite',
 *   suiteKey: process.env['DINGTALK_SUITE_KEY'],
 *   suiteSecret: process.env['DINGTALK_SUITE_SECRET'],
 *   push: { token: process.env['DINGTALK_TOKEN'], encodingAESKey: process.env['DINGTALK_AES_KEY'] },
 * });
 */
export function dingTalkSuite(options: DingTalkSuiteOptions): DingTalkSuite {
  const suite = suiteOf(options);
  const { name, suiteKey: id, fetch, fixedTicket, api, userTokens } = suite;
  const users = { ...suite, clientId: id, clientSecret: suite.suiteSecret };
  const { refresh, push } = options;
  const problems = Object.freeze(suiteProblems(options));
  const kinds = fixedTicket !== undefined && push === undefined ? OBTAINABLE_SUITE_KINDS : SUITE_KINDS;
  const own = onceOf(() => suiteSources(suite));
  const corpSources = (corpId: string): SuiteCorpSources => {
    if (typeof corpId !== 'string' || corpId === '') throw new TypeError('"corpId" must be a non-empty string');
    return suiteCorpSources(suite, own(), corpId);
  };
  const context: SuiteContext = {
    suite,
    users,
    get own() {
      return own();
    },
    corp: corpSources,
    source,
  };

  function source(kind: string, subject?: string): TokenSource | undefined {
    if (subject === undefined) return [own().ticket, own().accessToken].find((each) => each.kind === kind);
    if (subject === '') return undefined;
    if (kind === USER_TOKEN.kind) return userTokens ? userTokenSourceOf(users, subject) : undefined;
    if (kind === USER_SIGN_IN.kind) return userTokens ? userSignInSource(users, subject) : undefined;
    return Object.values<TokenSource>({ ...corpSources(subject) }).find((each) => each.kind === kind);
  }

  function corp(corpId: string): DingTalkSuiteCorp {
    const sources = corpSources(corpId);
    return Object.freeze({ corpId, ...sources, client: (tokens: Tokens) => corpClient(context, corpId, tokens) });
  }

  return Object.freeze<DingTalkSuite>({
    platform: PLATFORM,
    name,
    id,
    ...(refresh !== undefined && { refresh }),
    ...(fetch !== undefined && { fetch }),
    kinds: userTokens ? Object.freeze([...kinds, USER_TOKEN, USER_SIGN_IN]) : kinds,
    get ticket() {
      return own().ticket;
    },
    get accessToken() {
      return own().accessToken;
    },
    corp,
    user(who) {
      if (userTokens) return openUser(users, who);
      const message = `account "${name}": "userTokens" must be true: it keeps no tokens of users`;
      throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account: name });
    },
    problems: () => problems,
    // Where no ticket is needed for corps' tokens, the suite's own services are asked on demand.
    sources: () => (api === 'unified' || fixedTicket !== undefined ? [] : [own().ticket, own().accessToken]),
    source,
    client: (tokens) => new DingTalkSuiteClient(context, tokens),
    callback(tokens) {
      if (options.push === undefined) throw noPushKeys(name);
      return async (request) => {
        const { answerSuitePush } = await import('./suite-callback.js');
        return answerSuitePush(context, tokens, request);
      };
    },
    async handleEvents(tokens, events) {
      const { takeEvents } = await import('./take-events.js');
      return takeEvents(context, tokens, events);
    },
  });
}
