import type { Account, TokenSource } from '@evertoken/core';
import { DingTalkClient } from './client.js';
import { type DingTalkAppOptions, type DingTalkCorpOptions, onceOf, problemsOf, settingsOf } from './options.js';
import {
  ACCESS_TOKEN,
  accessTokenSource,
  accountIdOf,
  JSAPI_TICKET,
  jsapiTicketSource,
  OBTAINABLE_KINDS,
  PLATFORM,
} from './token-sources.js';

/** An internal DingTalk app as an account of the manager. */
export interface DingTalkApp extends Account<DingTalkClient> {
  readonly platform: typeof PLATFORM;
  /** The organisation, where the options name it. */
  readonly corpId?: string;
  /** The app's access token; works on both hosts. */
  readonly accessToken: TokenSource;
  /** The ticket `jsApiConfig` signs with. */
  readonly jsapiTicket: TokenSource;
}

/**
 * An internal DingTalk app, known by `appKey` and `appSecret`, or in the oldest form by `corpId` and `corpSecret`.
 *
 * Throws for no missing or wrong option: the manager's constructor does, with the option's and the account's name.
 */
export function dingTalkApp(options: DingTalkAppOptions | DingTalkCorpOptions): DingTalkApp {
  const settings = settingsOf(options);
  const { name, corpId, fetch } = settings;
  const { refresh } = options;
  const problems = Object.freeze(problemsOf(options));
  const id = onceOf(() => accountIdOf(settings));
  const accessToken = onceOf(() => accessTokenSource(settings));
  const jsapiTicket = onceOf(() => jsapiTicketSource(settings, accessToken()));

  return Object.freeze<DingTalkApp>({
    platform: PLATFORM,
    name,
    get id() {
      return id();
    },
    ...(corpId !== undefined && { corpId }),
    ...(refresh !== undefined && { refresh }),
    ...(fetch !== undefined && { fetch }),
    kinds: OBTAINABLE_KINDS,
    get accessToken() {
      return accessToken();
    },
    get jsapiTicket() {
      return jsapiTicket();
    },
    problems: () => problems,
    sources: () => [accessToken(), jsapiTicket()],
    source(kind, subject) {
      if (subject !== undefined) return undefined;
      if (kind === ACCESS_TOKEN) return accessToken();
      return kind === JSAPI_TICKET ? jsapiTicket() : undefined;
    },
    client(tokens) {
      const { baseUrls, circuit, clock, random } = settings;
      const account = {
        name,
        baseUrls,
        circuit,
        clock,
        random,
        accessToken: accessToken(),
        jsapiTicket: jsapiTicket(),
      };
      return new DingTalkClient(
        { ...account, ...(corpId !== undefined && { corpId }), ...(fetch !== undefined && { fetch }) },
        tokens,
      );
    },
  });
}
