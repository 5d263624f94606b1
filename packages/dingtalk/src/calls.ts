import {
  asObject,
  malformedAnswer,
  type PlatformRequest,
  sendToPlatform,
  systemClock,
  systemRandom,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { DingTalkError, meaningOf, retryAtOf } from './dingtalk-errors.js';
import { failureOf, JSON_CONTENT, TOKEN_HEADER, TOKEN_PARAMETER } from './dingtalk-wire.js';

/** What a call may bring besides its path and body. */
export interface DingTalkCallOptions {
  /** Query parameters; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends this call. */
  readonly signal?: AbortSignal;
  /** Time limit of each request, ms; a call makes at most two. Default 10 s. */
  readonly timeoutMs?: number;
}

/** Whose calls they are. */
export interface CallingAccount {
  readonly name: string;
  readonly baseUrls: { readonly api: string; readonly oapi: string };
  readonly accessToken: TokenSource;
  readonly fetch?: typeof fetch;
}

/** A call as the client's user makes it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly options?: DingTalkCallOptions | undefined;
}

/** One API family: where its token goes, what its bodies are. */
export interface Family {
  readonly host: 'api' | 'oapi';
  place(request: Draft, token: string): Draft;
  bodyOf(body: unknown): { readonly body: Body; readonly type?: string };
  /** Whether an answer that refuses nothing is a success. */
  accepts(json: unknown): boolean;
}

type Body = NonNullable<PlatformRequest['body']>;

/** A request, with or without its token. */
interface Draft {
  readonly method: string;
  readonly url: URL;
  /** Names in lowercase. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body;
}

/** What one request came to. */
type Outcome<T> = { readonly body: T } | { readonly error: DingTalkError; readonly tokenIsDead: boolean };

/** 10 s; the platform itself gives up after 3 s. */
const DEFAULT_TIMEOUT_MS = 10_000;

export const API: Family = Object.freeze<Family>({
  host: 'api',
  place: (draft, token) => ({ ...draft, headers: { ...draft.headers, [TOKEN_HEADER]: token } }),
  bodyOf(body) {
    if (isRaw(body)) throw new TypeError('"body" must be a JSON value: api.dingtalk.com takes nothing else');
    return { body: JSON.stringify(body), type: JSON_CONTENT };
  },
  accepts: () => true,
});

export const OAPI: Family = Object.freeze<Family>({
  host: 'oapi',
  place(draft, token) {
    const url = new URL(draft.url);
    url.searchParams.set(TOKEN_PARAMETER, token);
    return { ...draft, url };
  },
  bodyOf(body) {
    if (!isRaw(body)) return { body: JSON.stringify(body), type: JSON_CONTENT };
    // The old host reads a token from a form as well.
    if (body instanceof URLSearchParams || body instanceof FormData) refuseToken(body.keys(), TOKEN_PARAMETER);
    return { body };
  },
  accepts: (json) => asObject(json) !== undefined,
});

/** Makes calls of one family: with the account's token, and once more with a better one where the platform calls it dead. */
export function callerOf(family: Family, account: CallingAccount, tokens: Tokens): <T>(call: Call) => Promise<T> {
  return async <T>(call: Call): Promise<T> => {
    const draft = draftOf(family, account.baseUrls[family.host], call);
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = call.options ?? {};
    const attempt = async (token: string): Promise<Outcome<T>> => {
      const timeout = AbortSignal.timeout(timeoutMs);
      return outcomeOf<T>(family, account, {
        ...family.place(draft, token),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    };

    const token = await tokens.get(account.accessToken, signal ? { signal } : {});
    const first = await attempt(token.value);
    if ('body' in first) return first.body;
    if (!first.tokenIsDead) throw first.error;
    const better = await tokens.reject(account.accessToken, token);
    // Nothing better came: the same request would be refused again.
    if (better.value === token.value) throw first.error;
    const second = await attempt(better.value);
    if ('body' in second) return second.body;
    throw second.error;
  };
}

async function outcomeOf<T>(
  family: Family,
  { name: account, fetch = globalThis.fetch }: CallingAccount,
  request: Draft & { readonly signal: AbortSignal },
): Promise<Outcome<T>> {
  const answer = await sendToPlatform({ ...request, fetch, account });
  const { status, json } = answer;
  const failure = failureOf(answer);
  if (failure === undefined && family.accepts(json)) return { body: json as T };
  const meaning = failure === undefined ? 'unreadable' : meaningOf(failure);
  if (failure === undefined || meaning === 'unreadable') {
    throw malformedAnswer({ account }, 'it is no answer of DingTalk', { status });
  }
  const retryAt = retryAtOf(meaning, systemClock.now(), systemRandom);
  const error = new DingTalkError(failure, {
    account,
    method: request.method,
    path: request.url.pathname,
    retryable: retryAt !== undefined,
    ...(retryAt !== undefined && { retryAt }),
  });
  return { error, tokenIsDead: meaning === 'token' };
}

function draftOf(family: Family, base: string, { method, path, body, options = {} }: Call): Draft {
  // Without the slash a path could go on with the host's name and take the token elsewhere.
  if (typeof path !== 'string' || !path.startsWith('/')) throw new TypeError('"path" must begin with a slash');
  const url = new URL(base + path);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  refuseToken(url.searchParams.keys(), TOKEN_PARAMETER);
  const named = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const headers = Object.fromEntries(named);
  refuseToken(Object.keys(headers), TOKEN_HEADER);
  if (body === undefined) return { method, url, headers };
  const { body: sent, type } = family.bodyOf(body);
  return { method, url, headers: { ...(type !== undefined && { 'content-type': type }), ...headers }, body: sent };
}

function refuseToken(names: Iterable<string>, reserved: string): void {
  for (const name of names) {
    if (name.toLowerCase() === reserved) throw new TypeError(`"${reserved}" is put in by the client`);
  }
}

function isRaw(body: unknown): body is Body {
  return (
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob ||
    body instanceof Uint8Array
  );
}
