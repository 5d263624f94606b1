import type { TokenSource, Tokens } from '@evertoken/core';
import type { App } from './app.js';
import { AppClient } from './app-client.js';
import type { WeChatCallOptions } from './client.js';
import type { WeChatLogin } from './login.js';

/** The API of a mini program or mini game. Holds the account and the tokens' keeper, no state of its own. */
export class MiniProgramClient extends AppClient {
  readonly #app: App;

  /** Made by the account. */
  constructor(app: App, accessToken: TokenSource, tokens: Tokens) {
    super(app, accessToken, tokens);
    this.#app = app;
  }

  /**
   * Whom a code of `wx.login()` belongs to. The code works once; the session key comes back to the caller and is nowhere kept.
   *
   * Rejects with `WeChatError`: 40029 and 40163 (the app has to call `wx.login()` again), 45011 (too often for this user), 40226 (the
   * platform refuses a user it takes for a risk), 40013 and 40125 (configuration).
   */
  async code2session(jsCode: string, options?: WeChatCallOptions): Promise<WeChatLogin> {
    const { code2session } = await import('./login.js');
    return code2session(this.#app, jsCode, options);
  }
}
