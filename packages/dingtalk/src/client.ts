import { systemClock, type TokenSource, type Tokens } from '@evertoken/core';
import { API, callerOf, type DingTalkCallOptions, OAPI } from './calls.js';
import { type JsApiDigest, jsApiSignature } from './jsapi-signature.js';

/**
 * Calls to `api.dingtalk.com`, whose paths begin with `/v1.0/` or `/v2.0/`; bodies are JSON both ways. Every call rejects
 * with `DingTalkError` where the platform refuses it, with `TokenError` where no token is to be had or no readable answer
 * came, and with `TypeError` for a path that does not begin with a slash or a parameter or header that is the token's.
 */
export interface DingTalkApi {
  get<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
  post<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  put<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  patch<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  delete<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
}

/** Calls to `oapi.dingtalk.com`, such as `/topapi/v2/user/get`; errors as with `DingTalkApi`. */
export interface DingTalkOapi {
  get<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
  /** An object travels as JSON; `FormData`, `URLSearchParams`, `Blob`, bytes and text as they are. */
  post<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
}

/** How a page's configuration is made. */
export interface JsApiConfigOptions {
  /** Default `'sha256'`. */
  readonly digest?: JsApiDigest;
  /** The app's AgentId, passed on to the page. */
  readonly agentId?: string | number;
  /** Default: random. */
  readonly nonceStr?: string;
  /** Default: now, in seconds. */
  readonly timeStamp?: number;
  /** Ends the wait for the ticket. */
  readonly signal?: AbortSignal;
}

/** The parameters of `dd.config`; the page adds its `jsApiList`. Never holds the ticket. */
export interface JsApiConfig {
  readonly agentId?: string | number;
  readonly corpId?: string;
  readonly timeStamp: number;
  readonly nonceStr: string;
  readonly signature: string;
}

/** What a client needs to know of its account; no secret is among it. */
export interface DingTalkClientAccount {
  readonly name: string;
  readonly corpId?: string;
  /** Without a slash at the end. */
  readonly baseUrls: { readonly api: string; readonly oapi: string };
  readonly accessToken: TokenSource;
  readonly jsapiTicket: TokenSource;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

/**
 * DingTalk's API with an app's token: puts the token in, and where the platform calls it dead, has it replaced and tries
 * once more. Made by `account.client(tokens)`; cheap, keeps nothing.
 */
export class DingTalkClient {
  /** The present API, `api.dingtalk.com`. */
  readonly api: DingTalkApi;
  /** The old API, `oapi.dingtalk.com`. */
  readonly oapi: DingTalkOapi;
  readonly #account: DingTalkClientAccount;
  readonly #tokens: Tokens;

  constructor(account: DingTalkClientAccount, tokens: Tokens) {
    this.#account = account;
    this.#tokens = tokens;
    const api = callerOf(API, account, tokens);
    const oapi = callerOf(OAPI, account, tokens);
    this.api = {
      get: (path, options) => api({ method: 'GET', path, options }),
      post: (path, body, options) => api({ method: 'POST', path, body, options }),
      put: (path, body, options) => api({ method: 'PUT', path, body, options }),
      patch: (path, body, options) => api({ method: 'PATCH', path, body, options }),
      delete: (path, options) => api({ method: 'DELETE', path, options }),
    };
    this.oapi = {
      get: (path, options) => oapi({ method: 'GET', path, options }),
      post: (path, body, options) => oapi({ method: 'POST', path, body, options }),
    };
  }

  /**
   * What a page passes to `dd.config`, signed for its address.
   *
   * Rejects with `TokenError` where no ticket is to be had, with `TypeError` where `url` or an option cannot be signed.
   */
  async jsApiConfig(url: string, options: JsApiConfigOptions = {}): Promise<JsApiConfig> {
    const { digest, agentId, signal } = options;
    const { corpId, jsapiTicket } = this.#account;
    const timeStamp = options.timeStamp ?? Math.floor(systemClock.now() / 1000);
    const nonceStr = options.nonceStr ?? process.getBuiltinModule('node:crypto').randomUUID().replaceAll('-', '');
    const { value: ticket } = await this.#tokens.get(jsapiTicket, signal ? { signal } : {});
    return {
      ...(agentId !== undefined && { agentId }),
      ...(corpId !== undefined && { corpId }),
      timeStamp,
      nonceStr,
      signature: jsApiSignature({ ticket, nonceStr, timeStamp, url, digest }),
    };
  }
}
