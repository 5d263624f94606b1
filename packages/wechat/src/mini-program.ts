import type { Account, TokenSource, Tokens } from '@evertoken/core';
import { type AppOptions, accountFacts, readApp, targetOf } from './app.js';
import {
  type WeChatApi,
  type WeChatCallOptions,
  type WeChatParams,
  type WeChatPostOptions,
  weChatApi,
} from './client.js';
import { accessTokenKind, accessTokenSource } from './sources.js';

/** What `miniProgram` takes. */
export interface MiniProgramOptions extends AppOptions {}

/** A mini program or mini game: an access token, no tickets. */
export interface MiniProgram extends Account<MiniProgramClient> {
  /** Where its requests go, without a slash at the end. */
  readonly baseUrl: string;
  /** Kind `stable_access_token`, or `access_token` where the endpoint is `token`. */
  readonly accessToken: TokenSource;
}

/**
 * A mini program. Touches nothing and never throws for a missing value: the manager's constructor reports it.
 *
 * @example
 * export const app = miniProgram({ name: 'app', appId: process.env['WECHAT_APPID'], secret: process.env['WECHAT_SECRET'] });
 */
export function miniProgram(options: MiniProgramOptions): MiniProgram {
  const app = readApp(options);
  const kinds = [accessTokenKind(app.endpoint)];
  let accessToken: TokenSource | undefined;
  const account: MiniProgram = Object.freeze({
    ...accountFacts(app, options, kinds),
    get accessToken() {
      accessToken ??= accessTokenSource(app);
      return accessToken;
    },
    sources: () => [account.accessToken],
    source(kind: string, subject?: string) {
      return subject === undefined && kind === account.accessToken.kind ? account.accessToken : undefined;
    },
    client: (tokens: Tokens) => new MiniProgramClient(account, tokens),
  });
  return account;
}

/** The API of a mini program. Holds the account and the tokens' keeper, no state of its own. */
export class MiniProgramClient {
  readonly #api: WeChatApi;

  constructor(account: MiniProgram, tokens: Tokens) {
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
}
