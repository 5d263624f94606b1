import { type Account, systemClock, type TokenSource, type Tokens } from '@evertoken/core';
import { type AppOptions, accountFacts, readApp, targetOf } from './app.js';
import {
  type WeChatApi,
  type WeChatCallOptions,
  type WeChatParams,
  type WeChatPostOptions,
  weChatApi,
} from './client.js';
import { cardSignature, jsSdkSignature, nonce } from './js-sdk.js';
import { accessTokenKind, accessTokenSource, ticketKind, ticketSource } from './sources.js';

/** What `officialAccount` takes. */
export interface OfficialAccountOptions extends AppOptions {}

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
}

/**
 * An official account. Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const shop = officialAccount({ name: 'shop', appId: process.env['WECHAT_APPID'], secret: process.env['WECHAT_SECRET'] });
 */
export function officialAccount(options: OfficialAccountOptions): OfficialAccount {
  const app = readApp(options);
  const kinds = [accessTokenKind(app.endpoint), ticketKind('jsapi'), ticketKind('wx_card')];
  let accessToken: TokenSource | undefined;
  let jsapiTicket: TokenSource | undefined;
  let cardTicket: TokenSource | undefined;
  const account: OfficialAccount = Object.freeze({
    ...accountFacts(app, options, kinds),
    get accessToken() {
      accessToken ??= accessTokenSource(app);
      return accessToken;
    },
    get jsapiTicket() {
      jsapiTicket ??= ticketSource({ ...app, type: 'jsapi', accessToken: account.accessToken });
      return jsapiTicket;
    },
    get cardTicket() {
      cardTicket ??= ticketSource({ ...app, type: 'wx_card', accessToken: account.accessToken });
      return cardTicket;
    },
    sources: () => [account.accessToken, account.jsapiTicket, account.cardTicket],
    source(kind: string, subject?: string) {
      if (subject !== undefined) return undefined;
      return [account.accessToken, account.jsapiTicket, account.cardTicket].find((source) => source.kind === kind);
    },
    client: (tokens: Tokens) => new OfficialAccountClient(account, tokens),
  });
  return account;
}

/** What a signature is made with, where the defaults will not do. */
export interface SignOptions {
  /** Unix seconds. Default: now. */
  readonly timestamp?: number | undefined;
  /** Default: 16 random characters. */
  readonly nonceStr?: string | undefined;
  /** Ends this caller's wait for the ticket. */
  readonly signal?: AbortSignal | undefined;
}

/** What `jsSdkConfig` takes besides the page's URL. */
export interface JsSdkConfigOptions extends SignOptions {
  /** Interfaces the page uses. Default: none. */
  readonly jsApiList?: readonly string[] | undefined;
  /** Open tags the page uses. */
  readonly openTagList?: readonly string[] | undefined;
  /** Shows every call of the page in an alert. */
  readonly debug?: boolean | undefined;
}

/** The argument of `wx.config`. */
export interface JsSdkConfig {
  readonly appId: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly nonceStr: string;
  readonly signature: string;
  readonly jsApiList: readonly string[];
  readonly openTagList?: readonly string[];
  readonly debug?: boolean;
}

/** What a card's signature covers besides ticket, timestamp and nonce; what the page's call leaves out is left out here. */
export interface CardSignatureInput {
  readonly cardId?: string | undefined;
  readonly code?: string | undefined;
  readonly openid?: string | undefined;
  /** For `wx.chooseCard`. */
  readonly appId?: string | undefined;
  /** For `wx.chooseCard`. */
  readonly cardType?: string | undefined;
  /** For `wx.chooseCard`: `shopId`, in older pages `location_id`. */
  readonly shopId?: string | undefined;
}

/** A card's signature and what it was made with. */
export interface CardSignature {
  /** Unix seconds, as the text that card calls want. */
  readonly timestamp: string;
  readonly nonceStr: string;
  readonly signature: string;
}

/** A card to be offered by `wx.addCard`. */
export interface CardExtInput {
  readonly cardId: string;
  /** For cards with codes of one's own. */
  readonly code?: string | undefined;
  /** For cards that only this user may take. */
  readonly openid?: string | undefined;
  /** Where the card was offered, for statistics; not signed. */
  readonly outerStr?: string | undefined;
  /** Unix seconds; not signed. */
  readonly fixedBegintimestamp?: number | undefined;
}

/** The API of an official account. Holds the account and the tokens' keeper, no state of its own. */
export class OfficialAccountClient {
  readonly #account: OfficialAccount;
  readonly #tokens: Tokens;
  readonly #api: WeChatApi;

  constructor(account: OfficialAccount, tokens: Tokens) {
    this.#account = account;
    this.#tokens = tokens;
    this.#api = weChatApi(targetOf(account), tokens);
  }

  /**
   * Calls an API with GET and resolves with the answer.
   *
   * Rejects with `WeChatError` where the answer has an `errcode`, with the `TokenError`s of `Tokens.get` and
   * `Tokens.reject`, and with `ERR_TOKEN_TRANSPORT` or `ERR_TOKEN_ABORTED` where no usable answer came.
   */
  get<T = unknown>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T> {
    return this.#api.get(path, params, options);
  }

  /** Calls an API with POST and a JSON body (`{}` where there is none). Rejects as `get` does. */
  post<T = unknown>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T> {
    return this.#api.post(path, body, options);
  }

  /**
   * The argument of `wx.config` for a page. The URL must be the page's as the browser has it, query included; `#` and what
   * follows is left out. Rejects as `Tokens.get` does for the ticket.
   *
   * A browser's `invalid signature` for the right URL means a dead ticket. The platform does not tell the server, so tell
   * us: `tokens.reject(shop.jsapiTicket, ticket)`.
   */
  async jsSdkConfig(url: string, options: JsSdkConfigOptions = {}): Promise<JsSdkConfig> {
    const { jsApiList = [], openTagList, debug } = options;
    const { timestamp, nonceStr, ticket } = await this.#prepare(this.#account.jsapiTicket, options);
    return {
      appId: this.#account.id,
      timestamp,
      nonceStr,
      signature: jsSdkSignature({ jsapiTicket: ticket, nonceStr, timestamp, url }),
      jsApiList,
      ...(openTagList !== undefined && { openTagList }),
      ...(debug !== undefined && { debug }),
    };
  }

  /** Signs a card with the card ticket: for `wx.chooseCard`, and wherever `cardExt` will not do. Rejects as `Tokens.get` does. */
  async cardSignature(card: CardSignatureInput, options: SignOptions = {}): Promise<CardSignature> {
    const { timestamp, nonceStr, ticket } = await this.#prepare(this.#account.cardTicket, options);
    const { cardId, code, openid, appId, cardType, shopId } = card;
    const values = [cardId, code, openid, appId, cardType, shopId].filter((value) => value !== undefined);
    return {
      timestamp: String(timestamp),
      nonceStr,
      signature: cardSignature([ticket, String(timestamp), nonceStr, ...values]),
    };
  }

  /** The `cardExt` of one card of `wx.addCard`, signed: JSON text. Rejects as `Tokens.get` does. */
  async cardExt(card: CardExtInput, options: SignOptions = {}): Promise<string> {
    const { cardId, code, openid, outerStr, fixedBegintimestamp } = card;
    const { timestamp, nonceStr, signature } = await this.cardSignature({ cardId, code, openid }, options);
    return JSON.stringify({
      code,
      openid,
      timestamp,
      nonce_str: nonceStr,
      fixed_begintimestamp: fixedBegintimestamp,
      outer_str: outerStr,
      signature,
    });
  }

  async #prepare(
    source: TokenSource,
    { timestamp = Math.floor(systemClock.now() / 1000), nonceStr = nonce(), signal }: SignOptions,
  ): Promise<{ readonly timestamp: number; readonly nonceStr: string; readonly ticket: string }> {
    const { value } = await this.#tokens.get(source, signal && { signal });
    return { timestamp, nonceStr, ticket: value };
  }
}
