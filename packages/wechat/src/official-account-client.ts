import type { TokenSource, Tokens } from '@evertoken/core';
import { type App, appWithoutSecret } from './app.js';
import { AppCalls } from './app-calls.js';
import type { WeChatCallOptions, WeChatDownloadOptions, WeChatParams, WeChatPostOptions } from './client.js';
import type { WeChatFile } from './download.js';
import type { ForcedRefresh, ForceRefreshOptions } from './forced-refresh.js';
import {
  type CardExtInput,
  type CardSignature,
  type CardSignatureInput,
  type JsSdkConfig,
  type JsSdkConfigOptions,
  PageSigner,
  type SignOptions,
} from './page-signer.js';
import type { TokenCheck, WeChatQuota } from './quota.js';
import type { SignInCallback } from './sign-in.js';
import { type SignInOptions, type SignInStart, startSignIn } from './sign-in-start.js';
import type { WeChatUpload } from './upload.js';
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
  readonly fetch?: typeof fetch;
  readonly accessToken: TokenSource;
  readonly jsapiTicket: TokenSource;
  readonly cardTicket: TokenSource;
}

/** The API of an official account. Holds the account and the tokens' keeper, no state of its own. */
export class OfficialAccountClient {
  readonly #app: App;
  readonly #tokens: Tokens;
  readonly #calls: AppCalls;
  readonly #signer: PageSigner;

  /** Made by the account. `app`: its options, where it calls for itself and not a component on its behalf. */
  constructor(account: OfficialAccountTarget, tokens: Tokens, app: App = appWithoutSecret(account)) {
    const { id: appId, accessToken, jsapiTicket, cardTicket } = account;
    this.#app = app;
    this.#tokens = tokens;
    this.#calls = new AppCalls(app, accessToken, tokens);
    this.#signer = new PageSigner({ appId, jsapiTicket, cardTicket, clock: app.clock }, tokens);
  }

  /**
   * Calls an API with GET and resolves with the answer.
   *
   * Rejects with `WeChatError` where the answer has an `errcode`, with the `TokenError`s of `Tokens.get` and
   * `Tokens.reject`, and with `ERR_TOKEN_TRANSPORT` or `ERR_TOKEN_ABORTED` where no usable answer came.
   */
  get<T = unknown>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T> {
    return this.#calls.api.get(path, params, options);
  }

  /** Calls an API with POST and a JSON body (`{}` where there is none). Rejects as `get` does. */
  post<T = unknown>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T> {
    return this.#calls.api.post(path, body, options);
  }

  /** Sends a file as a multipart form, such as to `/cgi-bin/media/upload` with `params: { type: 'image' }`. Rejects as `get` does. */
  upload<T = unknown>(path: string, upload: WeChatUpload, options?: WeChatPostOptions): Promise<T> {
    return this.#calls.api.upload(path, upload, options);
  }

  /**
   * Fetches a file, with GET or, given a `body`, with POST. Rejects as `get` does, and with `ERR_TOKEN_TRANSPORT`, its `reason`
   * `oversized`, where it is longer than `maxBytes`.
   */
  download(path: string, params?: WeChatParams, options?: WeChatDownloadOptions): Promise<WeChatFile> {
    return this.#calls.api.download(path, params, options);
  }

  /**
   * What the day allows of an API, by its path (`/cgi-bin/user/get`). Rejects as `get` does: 76021 for a path it does not know,
   * 76022 for one of another kind of token.
   */
  quota(cgiPath: string, options?: WeChatCallOptions): Promise<WeChatQuota> {
    return this.#calls.quota(cgiPath, options);
  }

  /** Sets all of the app's counters back. Ten times a month, the console's and `clearQuotaBySecret`'s included; then 48006. */
  clearQuota(options?: WeChatCallOptions): Promise<void> {
    return this.#calls.clearQuota(options);
  }

  /** The same without a token: for when the calls for tokens themselves are used up. */
  clearQuotaBySecret(options?: WeChatCallOptions): Promise<void> {
    return this.#calls.clearQuotaBySecret(options);
  }

  /**
   * Asks the platform whether the access token still works, and has it replaced where it does not: tokens may die before their
   * time. Costs one call; nothing calls it by itself. Rejects where the token is dead and no other is to be had.
   */
  checkToken(options?: WeChatCallOptions): Promise<TokenCheck> {
    return this.#calls.checkToken(options);
  }

  /**
   * Makes the platform issue another token at once, for one that leaked and for nothing else: 20 times a day and 30 s apart, counted
   * for all processes on one store. The new token is stored for all of them.
   *
   * Rejects with `ERR_TOKEN_QUOTA` and `retryAt` where it is too soon or too often (no call is made then), with
   * `ERR_TOKEN_CONFIGURATION` where the account's endpoint is `token`, with `ERR_TOKEN_STORE` and as a token request does.
   */
  forceRefresh(options: ForceRefreshOptions): Promise<ForcedRefresh> {
    return this.#calls.forceRefresh(options);
  }

  /** Addresses of the platform's API servers. Rejects as `get` does. */
  apiDomainIps(options?: WeChatCallOptions): Promise<readonly string[]> {
    return this.#calls.apiDomainIps(options);
  }

  /** Addresses that pushes come from, ranges (`203.0.113.128/25`) included. Rejects as `get` does. */
  callbackIps(options?: WeChatCallOptions): Promise<readonly string[]> {
    return this.#calls.callbackIps(options);
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
