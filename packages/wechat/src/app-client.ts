import type { TokenSource, Tokens } from '@evertoken/core';
import type { App } from './app.js';
import { AppCalls } from './app-calls.js';
import type { WeChatCallOptions, WeChatDownloadOptions, WeChatParams, WeChatPostOptions } from './client.js';
import type { WeChatFile } from './download.js';
import type { ForcedRefresh, ForceRefreshOptions } from './forced-refresh.js';
import type { TokenCheck, WeChatQuota } from './quota.js';
import type { WeChatUpload } from './upload.js';

/** What the clients of official accounts, mini programs and mini games share. */
export abstract class AppClient {
  readonly #calls: AppCalls;

  constructor(app: App, accessToken: TokenSource, tokens: Tokens) {
    this.#calls = new AppCalls(app, accessToken, tokens);
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
}
