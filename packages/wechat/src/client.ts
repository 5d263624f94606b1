import {
  type Clock,
  malformedAnswer,
  type PlatformRequest,
  type Random,
  sendToPlatform,
  systemClock,
  systemRandom,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { receiveFile, type WeChatFile } from './download.js';
import { pause } from './pause.js';
import { formOf, type WeChatUpload } from './upload.js';
import { type ErrorTable, isDeadToken, WeChatError } from './wechat-errors.js';
import { failureIn, JSON_HEADERS } from './wechat-wire.js';

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

/** Where calls go, and whose token they carry. */
export interface ApiTarget {
  /** The account's name. */
  readonly name: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  readonly token: TokenSource;
  /** Query parameter of the token. Default: `access_token`. */
  readonly tokenParam?: string | undefined;
  /** What the codes mean. Default: `WECHAT_ERRORS`. */
  readonly errors?: ErrorTable | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** The calls all clients have. */
export interface WeChatApi {
  get<T>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T>;
  post<T>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T>;
  upload<T>(path: string, upload: WeChatUpload, options?: WeChatPostOptions): Promise<T>;
  download(path: string, params?: WeChatParams, options?: WeChatDownloadOptions): Promise<WeChatFile>;
}

/** 10 s: what the manager gives a token request, too. */
const TIMEOUT_MS = 10_000;
/** 50 MiB: more than any media the platform hands out in one piece. */
const MAX_BYTES = 50 * 1024 * 1024;
/** 4: a call and the three repetitions that the platform advises where it is busy. */
const TRIES = 4;
/** 250 ms: first distance of the repetitions; doubles, half of it random. */
const FIRST_DELAY_MS = 250;

interface Call extends WeChatCallOptions {
  readonly path: string;
  readonly url: URL;
  readonly body?: string | FormData;
  /** Of a download. */
  readonly maxBytes?: number;
}

/** An answer, or the platform's refusal. */
type Outcome = { readonly value: unknown } | WeChatError;

/**
 * Calls of an API with one token: puts it in and reads `errcode`. Where the platform says that the token is dead, reports it
 * and tries exactly once more with a better one. Where it is busy, repeats a few times: it has done nothing then. An answer
 * that was lost is asked for again with GET alone: a POST may have had its effect.
 */
export function weChatApi(target: ApiTarget, tokens: Tokens): WeChatApi {
  const { name: account, token: source, tokenParam = 'access_token', errors } = target;
  const { clock = systemClock, random = systemRandom } = target;

  async function run(call: Call): Promise<unknown> {
    const token = await tokens.get(source, call.signal && { signal: call.signal });
    const first = await patiently(call, token.value);
    if (!(first instanceof WeChatError)) return first.value;
    if (!isDeadToken(first.errcode, errors)) throw first;
    const better = await untilAborted(tokens.reject(source, token), call.signal, account);
    const other = better.value !== token.value;
    const second = await patiently(call, better.value, other ? ANOTHER_PARTY : undefined);
    if (second instanceof WeChatError) throw second;
    return second.value;
  }

  async function patiently(call: Call, token: string, hint?: string): Promise<Outcome> {
    const { timeoutMs = TIMEOUT_MS, signal } = call;
    const startedAt = clock.monotonic();
    for (let tries = 1; ; tries++) {
      const outcome = await attempt(call, token, hint).catch((error: unknown) => {
        if (mayAskAgain(error, call)) return { lost: error };
        throw error;
      });
      const again = 'lost' in outcome || (outcome instanceof WeChatError && outcome.reason === 'busy');
      const delay = FIRST_DELAY_MS * 2 ** (tries - 1) * (0.5 + random() / 2);
      if (!again || tries >= TRIES || clock.monotonic() - startedAt + delay > 2 * timeoutMs) {
        if ('lost' in outcome) throw outcome.lost;
        return outcome;
      }
      await pause(clock, delay, { signal, account });
    }
  }

  async function attempt(call: Call, token: string, hint?: string): Promise<Outcome> {
    const request = requestOf(call, token);
    const { answer, file } =
      call.maxBytes === undefined
        ? { answer: await sendToPlatform(request), file: undefined }
        : await receiveFile(request, call.maxBytes);
    // A file need not be JSON; what is none of the platform's messages is the file.
    const failure = file && answer.json === undefined ? undefined : failureIn(answer, { account });
    if (failure) {
      return new WeChatError(failure, {
        account,
        path: call.path,
        now: clock.now(),
        secrets: [token],
        errors,
        ...(hint !== undefined && isDeadToken(failure.errcode, errors) && { hint }),
      });
    }
    // A gateway's own error in JSON has no errcode either.
    if (answer.status >= 300) throw malformedAnswer({ account }, 'no "errcode"', { status: answer.status });
    return { value: file ?? answer.json };
  }

  function requestOf(call: Call, token: string): PlatformRequest {
    const { url, body, headers, signal, timeoutMs = TIMEOUT_MS } = call;
    const withToken = new URL(url);
    withToken.searchParams.set(tokenParam, token);
    const timeout = AbortSignal.timeout(timeoutMs);
    const allHeaders = new Headers(headers);
    if (typeof body === 'string') {
      for (const [name, value] of Object.entries(JSON_HEADERS)) allHeaders.set(name, value);
    }
    // A form's own content type names its boundary.
    if (body instanceof FormData) allHeaders.delete('content-type');
    return {
      url: withToken,
      account,
      fetch: target.fetch ?? globalThis.fetch,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: Object.fromEntries(allHeaders),
      ...(body !== undefined && { method: 'POST', body }),
    };
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

/** Whether nobody can have acted on the call, or acting on it twice does no harm. */
function mayAskAgain(error: unknown, { body }: Call): error is TokenError {
  if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_TRANSPORT' || !error.retryable) return false;
  return body === undefined || !error.uncertain;
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
