import { systemClock, type TokenSource, type Tokens } from '@evertoken/core';
import {
  API,
  type CallingAccount,
  callerOf,
  type DingTalkCallOptions,
  type DingTalkDownloadOptions,
  OAPI,
} from './calls.js';
import type { DingTalkFile } from './download.js';
import { type JsApiDigest, jsApiSignature } from './jsapi-signature.js';
import type { DingTalkUpload } from './upload.js';

/**
 * Calls to `api.dingtalk.com`, whose paths begin with `/v1.0/` or `/v2.0/`; bodies are JSON both ways. Every call rejects
 * with `DingTalkError` where the platform refuses it, with `TokenError` where no token is to be had or no readable answer
 * came, and with `TypeError` for a path that does not begin with a slash or a parameter or header that is the token's.
 */
export interface DingTalkApi {
  /** Calls with GET. */
  get<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
  /** Calls with POST. */
  post<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  /** Calls with PUT. */
  put<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  /** Calls with PATCH. */
  patch<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  /** Calls with DELETE. */
  delete<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
  /** A call whose answer is a file; with `body` it is a POST. */
  download(path: string, options?: DingTalkDownloadOptions): Promise<DingTalkFile>;
}

/** Calls to `oapi.dingtalk.com`, such as `/topapi/v2/user/get`; errors as with `DingTalkApi`. */
export interface DingTalkOapi {
  /** Calls with GET. */
  get<T = unknown>(path: string, options?: DingTalkCallOptions): Promise<T>;
  /** An object travels as JSON; `FormData`, `URLSearchParams`, `Blob`, bytes and text as they are. */
  post<T = unknown>(path: string, body?: unknown, options?: DingTalkCallOptions): Promise<T>;
  /** Sends a file as a form: `upload('/media/upload', { media, fields: { type: 'image' } })`. */
  upload<T = unknown>(path: string, upload: DingTalkUpload, options?: DingTalkCallOptions): Promise<T>;
  /** A call whose answer is a file; with `body` it is a POST. */
  download(path: string, options?: DingTalkDownloadOptions): Promise<DingTalkFile>;
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
  /** AgentId of the app. */
  readonly agentId?: string | number;
  /** The organisation. */
  readonly corpId?: string;
  /** Seconds, signed along. */
  readonly timeStamp: number;
  /** Random text that was signed along. */
  readonly nonceStr: string;
  /** The signature, hexadecimal. */
  readonly signature: string;
}

/** What a client needs to know of its account; no secret is among it. */
export interface DingTalkClientAccount extends CallingAccount {
  /** The organisation, where the app belongs to one. */
  readonly corpId?: string;
  /** The ticket pages are signed with. */
  readonly jsapiTicket: TokenSource;
}

/** 50 MiB: more than any media the platform hands out in one piece. */
const MAX_BYTES = 50 * 1024 * 1024;

/** Calls of the new API with one token. */
export function apiOf(account: CallingAccount, tokens: Tokens): DingTalkApi {
  const call = callerOf(API, account, tokens);
  return Object.freeze<DingTalkApi>({
    get: (path, options) => call({ method: 'GET', path, options }),
    post: (path, body, options) => call({ method: 'POST', path, body, options }),
    put: (path, body, options) => call({ method: 'PUT', path, body, options }),
    patch: (path, body, options) => call({ method: 'PATCH', path, body, options }),
    delete: (path, options) => call({ method: 'DELETE', path, options }),
    download: (path, options) => call(downloadOf(path, options)),
  });
}

/** Calls of the old API with one token. */
export function oapiOf(account: CallingAccount, tokens: Tokens): DingTalkOapi {
  const call = callerOf(OAPI, account, tokens);
  return Object.freeze<DingTalkOapi>({
    get: (path, options) => call({ method: 'GET', path, options }),
    post: (path, body, options) => call({ method: 'POST', path, body, options }),
    async upload<T>(path: string, upload: DingTalkUpload, options?: DingTalkCallOptions) {
      const { formOf } = await import('./upload.js');
      return call<T>({ method: 'POST', path, body: formOf(upload), options });
    },
    download: (path, options) => call(downloadOf(path, options)),
  });
}

function downloadOf(path: string, { body, maxBytes = MAX_BYTES, ...options }: DingTalkDownloadOptions = {}) {
  // Fetching a file twice does no harm, whatever the method.
  return {
    method: body === undefined ? 'GET' : 'POST',
    path,
    body,
    maxBytes,
    options: { repeatable: true, ...options },
  };
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
    this.api = apiOf(account, tokens);
    this.oapi = oapiOf(account, tokens);
  }

  /**
   * What a page passes to `dd.config`, signed for its address.
   *
   * Rejects with `TokenError` where no ticket is to be had, with `TypeError` where `url` or an option cannot be signed.
   */
  async jsApiConfig(url: string, options: JsApiConfigOptions = {}): Promise<JsApiConfig> {
    const { digest, agentId, signal } = options;
    const { corpId, jsapiTicket, clock = systemClock } = this.#account;
    const timeStamp = options.timeStamp ?? Math.floor(clock.now() / 1000);
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
