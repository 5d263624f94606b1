import { type Clock, systemClock, type TokenSource, type Tokens } from '@evertoken/core';
import { cardSignature, jsSdkSignature, nonce } from './js-sdk.js';

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
  /** AppID of the account the page belongs to. */
  readonly appId: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Random text that was signed along. */
  readonly nonceStr: string;
  /** The signature: SHA-1, hexadecimal. */
  readonly signature: string;
  /** Functions the page may call. */
  readonly jsApiList: readonly string[];
  /** Open tags the page may hold. */
  readonly openTagList?: readonly string[];
  /** Whether the page shows what it calls. */
  readonly debug?: boolean;
}

/** What a card's signature covers besides ticket, timestamp and nonce; what the page's call leaves out is left out here. */
export interface CardSignatureInput {
  /** The card. */
  readonly cardId?: string | undefined;
  /** Its code, of cards that have one. */
  readonly code?: string | undefined;
  /** The only person who may take it. */
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
  /** Random text that was signed along. */
  readonly nonceStr: string;
  /** The signature: SHA-1, hexadecimal. */
  readonly signature: string;
}

/** A card to be offered by `wx.addCard`. */
export interface CardExtInput {
  /** The card. */
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

/** Whose pages and cards are signed. */
export interface PageSignerSettings {
  /** What `wx.config` is told: the account's own app id, an authorizer's too. */
  readonly appId: string;
  readonly jsapiTicket: TokenSource;
  readonly cardTicket: TokenSource;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** Signs pages and cards with the tickets of one official account. */
export class PageSigner {
  readonly #settings: PageSignerSettings;
  readonly #tokens: Tokens;
  readonly #clock: Clock;

  constructor(settings: PageSignerSettings, tokens: Tokens) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#clock = settings.clock ?? systemClock;
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
    const { timestamp, nonceStr, ticket } = await this.#prepare(this.#settings.jsapiTicket, options);
    return {
      appId: this.#settings.appId,
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
    const { timestamp, nonceStr, ticket } = await this.#prepare(this.#settings.cardTicket, options);
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
    { timestamp = Math.floor(this.#clock.now() / 1000), nonceStr = nonce(), signal }: SignOptions,
  ): Promise<{ readonly timestamp: number; readonly nonceStr: string; readonly ticket: string }> {
    const { value } = await this.#tokens.get(source, signal && { signal });
    return { timestamp, nonceStr, ticket: value };
  }
}
