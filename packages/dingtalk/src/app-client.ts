import type { Tokens } from '@evertoken/core';
import {
  type DingTalkApi,
  DingTalkClient,
  type DingTalkClientAccount,
  type DingTalkOapi,
  type JsApiConfig,
  type JsApiConfigOptions,
} from './client.js';
import { SigningInClient } from './signing-in-client.js';
import type { UserContext } from './user-token.js';

/** An internal app's calls, and its users' sign-ins. Made by `account.client(tokens)`; cheap, keeps nothing. */
export class DingTalkAppClient extends SigningInClient {
  /** The present API, `api.dingtalk.com`. */
  readonly api: DingTalkApi;
  /** The old API, `oapi.dingtalk.com`. */
  readonly oapi: DingTalkOapi;
  readonly #client: DingTalkClient;

  constructor(account: DingTalkClientAccount, tokens: Tokens, users: UserContext | undefined) {
    super(account.name, tokens, users);
    this.#client = new DingTalkClient(account, tokens);
    this.api = this.#client.api;
    this.oapi = this.#client.oapi;
  }

  /** What a page passes to `dd.config`; see `DingTalkClient.jsApiConfig`. */
  jsApiConfig(url: string, options?: JsApiConfigOptions): Promise<JsApiConfig> {
    return this.#client.jsApiConfig(url, options);
  }
}
