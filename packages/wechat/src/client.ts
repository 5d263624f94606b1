import { type Clock, type Random, TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import type { WeChatFile } from './download.js';
import { addressOf, type Call, patiently } from './patient-call.js';
import { formOf, type WeChatUpload } from './upload.js';
import { type ErrorTable, isDeadToken, WeChatError } from './wechat-errors.js';

/** Query parameters of a call; what is undefined is left out. The token's parameter is put in by the client and wins. */
export type WeChatParams = Readonly<Record<string, string | number | boolean | undefined>>;

/** How one call is made. */
export interface WeChatCallOptions {
  /** Ends the call for this caller. */
  readonly signal?: AbortSignal | undefined;
  /** Limit of each request, ms; none is begun later than twice that after the first. Default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How one `post` or `upload` is made. */
export interface WeChatPostOptions extends WeChatCallOptions {
  /** Query parameters beside the token. */
  readonly params?: WeChatParams | undefined;
}

/** How one `download` is made. */
export interface WeChatDownloadOptions extends WeChatCallOptions {
  /** Sent as JSON with POST. Default: none, and GET. */
  readonly body?: unknown;
  /** Longest file that is taken, bytes. Default 50 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Where calls go. */
export interface CallTarget {
  /** The account's name. */
  readonly name: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** What the codes mean. Default: `WECHAT_ERRORS`. */
  readonly errors?: ErrorTable | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** Where calls go, and whose token they carry. */
export interface ApiTarget extends CallTarget {
  readonly token: TokenSource;
  /** Query parameter of the token. Default: `access_token`. */
  readonly tokenParam?: string | undefined;
}

/** The calls all clients have. */
export interface WeChatApi {
  get<T>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T>;
  post<T>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T>;
  upload<T>(path: string, upload: WeChatUpload, options?: WeChatPostOptions): Promise<T>;
  download(path: string, params?: WeChatParams, options?: WeChatDownloadOptions): Promise<WeChatFile>;
}

/** 50 MiB: more than any media the platform hands out in one piece. */
const MAX_BYTES = 50 * 1024 * 1024;

/**
 * Calls of an API with one token: puts it in and reads `errcode`. Where the platform says that the token is dead, reports it
 * and tries exactly once more with a better one. Where it is busy, repeats a few times: it has done nothing then. An answer
 * that was lost is asked for again with GET alone: a POST may have had its effect.
 */
export function weChatApi(target: ApiTarget, tokens: Tokens): WeChatApi {
  const { name: account, token: source, tokenParam = 'access_token', errors } = target;

  async function run(call: Call): Promise<unknown> {
    const token = await tokens.get(source, call.signal && { signal: call.signal });
    const first = await patiently(target, withToken(call, token.value));
    if (!(first instanceof WeChatError)) return first.value;
    if (!isDeadToken(first.errcode, errors)) throw first;
    const better = await untilAborted(tokens.reject(source, token), call.signal, account);
    const hint = better.value === token.value ? undefined : ANOTHER_PARTY;
    const second = await patiently(target, withToken(call, better.value), hint);
    if (second instanceof WeChatError) throw second;
    return second.value;
  }

  function withToken(call: Call, token: string): Call {
    const url = new URL(call.url);
    url.searchParams.set(tokenParam, token);
    return { ...call, url, secrets: [token] };
  }

  return {
    async get<T>(path: string, params?: WeChatParams, options?: WeChatCallOptions) {
      return (await run({ ...options, ...addressOf(target.baseUrl, path, params) })) as T;
    },
    async post<T>(path: string, body?: unknown, { params, ...options }: WeChatPostOptions = {}) {
      const call = { ...options, ...addressOf(target.baseUrl, path, params), body: JSON.stringify(body ?? {}) };
      return (await run(call)) as T;
    },
    async upload<T>(path: string, upload: WeChatUpload, { params, ...options }: WeChatPostOptions = {}) {
      const call = { ...options, ...addressOf(target.baseUrl, path, params), body: formOf(upload) };
      return (await run(call)) as T;
    },
    async download(path, params, { body, maxBytes = MAX_BYTES, ...options } = {}) {
      const address = addressOf(target.baseUrl, path, params);
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await run({ ...options, ...address, ...sent, maxBytes })) as WeChatFile;
    },
  };
}

/** What a dead token right after a renewal hints at (sheet §6.1). */
const ANOTHER_PARTY =
  'the token was renewed just before: another program may be using this app’s secret, or the address is another account’s';

/** Lets this caller give up; the work goes on for the others. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, account: string): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new TokenError('ERR_TOKEN_ABORTED', `account "${account}": the call was aborted`, { account }));
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
