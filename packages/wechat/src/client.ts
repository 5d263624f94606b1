import {
  malformedAnswer,
  type PlatformAnswer,
  sendToPlatform,
  systemClock,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { isDeadToken, WeChatError } from './wechat-errors.js';
import { failureIn, JSON_HEADERS } from './wechat-wire.js';

/** Query parameters of a call; what is undefined is left out. `access_token` is put in by the client and wins. */
export type WeChatParams = Readonly<Record<string, string | number | boolean | undefined>>;

/** How one call is made. */
export interface WeChatCallOptions {
  /** Ends the call for this caller. */
  readonly signal?: AbortSignal | undefined;
  /** Limit of each request, ms. Default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How one `post` is made. */
export interface WeChatPostOptions extends WeChatCallOptions {
  /** Query parameters beside the token. */
  readonly params?: WeChatParams | undefined;
}

/** What a client needs of an account. */
export interface ClientAccount {
  readonly name: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly fetch?: typeof fetch;
  readonly accessToken: TokenSource;
}

/** 10 s: what the manager gives a token request, too. */
const TIMEOUT_MS = 10_000;

/** The two calls all clients have. */
export interface WeChatApi {
  get<T>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T>;
  post<T>(path: string, body: unknown, options?: WeChatPostOptions): Promise<T>;
}

interface Call extends WeChatCallOptions {
  readonly path: string;
  readonly url: URL;
  readonly body?: string;
}

/**
 * Calls of an account's API: puts the token in, reads `errcode`, and where the platform says that the token is dead
 * reports it and tries once more with a better one. Never repeats anything else.
 */
export function weChatApi(account: ClientAccount, tokens: Tokens): WeChatApi {
  const source = account.accessToken;

  async function run<T>(call: Call): Promise<T> {
    const token = await tokens.get(source, call.signal && { signal: call.signal });
    const first = await attempt<T>(call, token.value);
    if (!(first instanceof WeChatError)) return first.value;
    if (!isDeadToken(first.errcode)) throw first;
    const better = await untilAborted(tokens.reject(source, token), call.signal, account.name);
    const second = await attempt<T>(call, better.value);
    if (second instanceof WeChatError) throw second;
    return second.value;
  }

  async function attempt<T>(call: Call, accessToken: string): Promise<{ readonly value: T } | WeChatError> {
    const answer = await request(call, accessToken);
    const failure = failureIn(answer, { account: account.name });
    if (failure) {
      const now = systemClock.now();
      return new WeChatError(failure, { account: account.name, path: call.path, now, secrets: [accessToken] });
    }
    // A gateway's own error in JSON has no errcode either.
    if (answer.status >= 300)
      throw malformedAnswer({ account: account.name }, 'no "errcode"', { status: answer.status });
    return { value: answer.json as T };
  }

  function request(
    { url, body, headers, signal, timeoutMs = TIMEOUT_MS }: Call,
    accessToken: string,
  ): Promise<PlatformAnswer> {
    const withToken = new URL(url);
    withToken.searchParams.set('access_token', accessToken);
    const timeout = AbortSignal.timeout(timeoutMs);
    const allHeaders = new Headers(headers);
    if (body !== undefined) for (const [name, value] of Object.entries(JSON_HEADERS)) allHeaders.set(name, value);
    return sendToPlatform({
      url: withToken,
      account: account.name,
      fetch: account.fetch ?? globalThis.fetch,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: Object.fromEntries(allHeaders),
      ...(body !== undefined && { method: 'POST', body }),
    });
  }

  return {
    async get(path, params, options) {
      return run({ ...options, ...addressOf(account.baseUrl, path, params) });
    },
    async post(path, body, { params, ...options } = {}) {
      return run({ ...options, ...addressOf(account.baseUrl, path, params), body: JSON.stringify(body ?? {}) });
    },
  };
}

function addressOf(baseUrl: string, path: string, params: WeChatParams = {}): Pick<Call, 'path' | 'url'> {
  // Anything else could name another host once it stands behind ours: the token would go there.
  if (!path.startsWith('/')) throw new TypeError('"path" must begin with "/", such as "/cgi-bin/user/get"');
  const url = new URL(baseUrl + path);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  url.hash = '';
  return { path: path.replace(/[?#].*$/s, ''), url };
}

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
