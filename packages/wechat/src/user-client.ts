import { TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import { type App, targetOf } from './app.js';
import { type WeChatApi, type WeChatCallOptions, type WeChatParams, weChatApi } from './client.js';
import { type ErrorTable, WECHAT_ERRORS } from './wechat-errors.js';

/** After a change of password both of a user's tokens are dead: asking for another one shows it, and marks the grant. */
const USER_ERRORS: ErrorTable = Object.freeze({
  ...WECHAT_ERRORS,
  42007: { reason: 'token', meaning: 'the user changed the password', source: 'sdk' },
});

/** Calls as one user who signed in on the web. */
export class WeChatUserClient {
  /** The user's id in this account. */
  readonly openid: string;
  readonly #source: TokenSource;
  readonly #tokens: Tokens;
  readonly #api: WeChatApi;

  constructor(app: App, source: TokenSource, tokens: Tokens) {
    this.openid = source.subject ?? '';
    this.#source = source;
    this.#tokens = tokens;
    this.#api = weChatApi({ ...targetOf(app), token: source, errors: USER_ERRORS }, tokens);
  }

  /**
   * Calls an API below `/sns/` with the user's token; `openid` is put in. `get('/sns/userinfo', { lang: 'zh_CN' })` tells name and
   * picture, where the user granted `snsapi_userinfo`.
   *
   * Rejects as the account's `get` does; `ERR_TOKEN_REAUTHORIZATION_REQUIRED` means that the user has to sign in (again).
   */
  async get<T = unknown>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T> {
    if (!path.startsWith('/sns/')) {
      throw new TypeError(
        '"path" of a user’s call must begin with "/sns/": elsewhere the platform takes no user’s token',
      );
    }
    return this.#api.get(path, { openid: this.openid, ...params }, options);
  }

  /**
   * Whether the user is still signed in, by the platform's word (`/sns/auth`): a token that ended is renewed for it. False where
   * the user has to sign in again. Rejects where the platform says neither.
   */
  async check(options?: WeChatCallOptions): Promise<boolean> {
    try {
      await this.get('/sns/auth', {}, options);
      return true;
    } catch (error) {
      if (error instanceof TokenError && error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') return false;
      throw error;
    }
  }

  /** Takes the user's tokens away: only a sign-in brings them back. No error where there are none. */
  forget(): Promise<void> {
    return this.#tokens.forget(this.#source, { grant: true });
  }
}
