import type { TokenSource, Tokens } from '@evertoken/core';
import { type App, appWithoutSecret } from './app.js';
import { AppClient } from './app-client.js';
import type { WeChatCallOptions } from './client.js';
import {
  type CardExtInput,
  type CardSignature,
  type CardSignatureInput,
  type JsSdkConfig,
  type JsSdkConfigOptions,
  PageSigner,
  type SignOptions,
} from './page-signer.js';
import type { SignInCallback } from './sign-in.js';
import { type SignInOptions, type SignInStart, startSignIn } from './sign-in-start.js';
import { openUser } from './user.js';
import type { WeChatUserClient } from './user-client.js';
import type { WeChatUserFacts } from './user-token.js';

/** Whose API it is. */
export interface OfficialAccountTarget {
  /** The account's name. */
  readonly name: string;
  /** The app id that pages and calls name. */
  readonly id: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** What sends its calls. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** The token its calls carry. */
  readonly accessToken: TokenSource;
  /** The ticket its pages are signed with. */
  readonly jsapiTicket: TokenSource;
  /** The ticket its cards are signed with. */
  readonly cardTicket: TokenSource;
}

/** The API of an official account. Holds the account and the tokens' keeper, no state of its own. */
export class OfficialAccountClient extends AppClient {
  readonly #app: App;
  readonly #tokens: Tokens;
  readonly #signer: PageSigner;

  /** Made by the account. `app`: its options, where it calls for itself and not a component on its behalf. */
  constructor(account: OfficialAccountTarget, tokens: Tokens, app: App = appWithoutSecret(account)) {
    const { id: appId, accessToken, jsapiTicket, cardTicket } = account;
    super(app, accessToken, tokens);
    this.#app = app;
    this.#tokens = tokens;
    this.#signer = new PageSigner({ appId, jsapiTicket, cardTicket, clock: app.clock }, tokens);
  }

  /**
   * The argument of `wx.config` for a page. The URL must be the page's as the browser has it, query included; `#` and what
   * follows is left out. Rejects as `Tokens.get` does for the ticket.
   *
   * A browser's `invalid signature` for the right URL means a dead ticket. The platform does not tell the server, so tell
   * us: `tokens.reject(shop.jsapiTicket, ticket)`.
   */
  jsSdkConfig(url: string, options?: JsSdkConfigOptions): Promise<JsSdkConfig> {
    return this.#signer.jsSdkConfig(url, options);
  }

  /** Signs a card with the card ticket: for `wx.chooseCard`, and wherever `cardExt` will not do. Rejects as `Tokens.get` does. */
  cardSignature(card: CardSignatureInput, options?: SignOptions): Promise<CardSignature> {
    return this.#signer.cardSignature(card, options);
  }

  /** The `cardExt` of one card of `wx.addCard`, signed: JSON text. Rejects as `Tokens.get` does. */
  cardExt(card: CardExtInput, options?: SignOptions): Promise<string> {
    return this.#signer.cardExt(card, options);
  }

  /**
   * Begins a sign-in on the web, inside WeChat's browser: send the user to `url` and keep `binding` in the session.
   *
   * @throws TypeError where an option makes no sense; TokenError `ERR_TOKEN_CONFIGURATION` where there is no secret.
   */
  signIn(options: SignInOptions): SignInStart {
    return startSignIn(this.#app, options);
  }

  /**
   * Ends a sign-in: whose code it is. With the account's option `userTokens`, and where the user granted more than `snsapi_base`, the
   * user's tokens are kept for `user(openid)`. Never resolves with a token.
   *
   * Rejects, and the browser has to begin again, with `ERR_TOKEN_REFUSED`, its `reason` `unbound` (no binding in the session),
   * `foreign` (another session's callback) or `declined` (the user said no), and with a `WeChatError` whose `reason` is
   * `reauthorize` (40029, 40163, 42003: the code is none, was used or is too old). A lost answer is `ERR_TOKEN_TRANSPORT`; the
   * code may be spent then.
   */
  async exchange(callback: SignInCallback, options?: WeChatCallOptions): Promise<WeChatUserFacts> {
    const { exchangeSignIn } = await import('./sign-in.js');
    return exchangeSignIn(this.#app, this.#tokens, callback, options);
  }

  /**
   * Calls as a user who signed in; needs the account's option `userTokens`.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without that option.
   */
  user(openid: string): WeChatUserClient {
    return openUser(this.#app, openid).client(this.#tokens);
  }
}
