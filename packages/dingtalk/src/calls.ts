import {
  asObject,
  type Clock,
  type PlatformRequest,
  type Random,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import type { Circuit } from './circuit.js';
import type { DingTalkError, DingTalkMeaning } from './dingtalk-errors.js';
import { JSON_CONTENT, TOKEN_HEADER, TOKEN_PARAMETER } from './dingtalk-wire.js';
import { patiently } from './patient-call.js';
import { untilAborted } from './pause.js';

/** What a call may bring besides its path and body. */
export interface DingTalkCallOptions {
  /** Query parameters; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends this call. */
  readonly signal?: AbortSignal;
  /** Time limit of each request, ms; none is begun later than twice that after the first. Default 10 s. */
  readonly timeoutMs?: number;
  /**
   * Whether doing it twice does no harm: it is then asked again where its answer was lost. Default: true for GET alone; say so
   * for the many `POST`s of the old API that only read.
   */
  readonly repeatable?: boolean;
}

/** What a call may bring that carries a code of single use. */
export type DingTalkOnceOptions = Pick<DingTalkCallOptions, 'signal' | 'timeoutMs'>;

/** How one `download` is made. */
export interface DingTalkDownloadOptions extends DingTalkCallOptions {
  /** Sent with POST. Default: none, and GET. */
  readonly body?: unknown;
  /** Longest file that is taken, bytes. Default 50 MiB. */
  readonly maxBytes?: number;
}

/** Whose calls they are, and where they go. */
export interface CallingAccount {
  readonly name: string;
  /** Without a slash at the end. */
  readonly baseUrls: { readonly api: string; readonly oapi: string };
  /** The token that is put in: any source of it. */
  readonly accessToken: TokenSource;
  /** Where the old API wants it. Default `access_token`. */
  readonly tokenParameter?: string;
  /** The refusal that says that this token is dead. Default `token`. */
  readonly dead?: DingTalkMeaning;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Bans and throttling the account's callers share. Default: one of the caller's own. */
  readonly circuit?: Circuit;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Jitter of repetitions. Default: the machine's. */
  readonly random?: Random;
}

/** A call as the client's user makes it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly options?: DingTalkCallOptions | undefined;
  /** Of a download. */
  readonly maxBytes?: number;
}

/** One API family: where its token goes, what its bodies are. */
export interface Family {
  readonly host: 'api' | 'oapi';
  place(request: Draft, token: string, parameter: string): Draft;
  bodyOf(body: unknown, parameter: string): { readonly body: Body; readonly type?: string };
  /** Whether an answer that refuses nothing is a success. */
  accepts(json: unknown): boolean;
}

type Body = NonNullable<PlatformRequest['body']>;

/** A request, with or without its token. */
export interface Draft {
  readonly method: string;
  readonly url: URL;
  /** Names in lowercase. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body;
}

/** What one call came to. */
export type Outcome = { readonly body: unknown } | { readonly error: DingTalkError };

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
  place(draft, token, parameter) {
    const url = new URL(draft.url);
    url.searchParams.set(parameter, token);
    return { ...draft, url };
  },
  bodyOf(body, parameter) {
    if (!isRaw(body)) return { body: JSON.stringify(body), type: JSON_CONTENT };
    // The old host reads a token from a form as well.
    if (body instanceof URLSearchParams || body instanceof FormData) refuseToken(body.keys(), parameter);
    return { body };
  },
  accepts: (json) => asObject(json) !== undefined,
});

/** What a dead token right after a renewal hints at. */
const ANOTHER_PARTY = 'the token was renewed just before; it is not tried a third time';

/**
 * Makes calls of one family: with the account's token, and once more with a better one where the platform calls it dead. Where
 * the platform is busy or throttles, it waits and repeats a few times; where it bans the address, nobody calls.
 */
export function callerOf(family: Family, account: CallingAccount, tokens: Tokens): <T>(call: Call) => Promise<T> {
  const { accessToken: source, tokenParameter = TOKEN_PARAMETER, dead = 'token' } = account;
  return async <T>(call: Call): Promise<T> => {
    const draft = draftOf(family, account, call, tokenParameter);
    const { signal } = call.options ?? {};
    const send = (token: string, hint?: string) =>
      patiently({ ...account, family }, { ...call, draft: family.place(draft, token, tokenParameter), dead, hint });

    const token = await tokens.get(source, signal ? { signal } : {});
    const first = await send(token.value);
    if ('body' in first) return first.body as T;
    if (first.error.reason !== dead) throw first.error;
    const better = await untilAborted(tokens.reject(source, token), { account: account.name, signal });
    // Nothing better came: the same request would be refused again.
    if (better.value === token.value) throw first.error;
    const second = await send(better.value, ANOTHER_PARTY);
    if ('body' in second) return second.body as T;
    throw second.error;
  };
}

function draftOf(
  family: Family,
  { baseUrls }: CallingAccount,
  { method, path, body, options = {} }: Call,
  parameter: string,
): Draft {
  // Without the slash a path could go on with the host's name and take the token elsewhere.
  if (typeof path !== 'string' || !path.startsWith('/')) throw new TypeError('"path" must begin with a slash');
  const url = new URL(baseUrls[family.host] + path);
  url.hash = '';
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  refuseToken(url.searchParams.keys(), parameter);
  const named = Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const headers = Object.fromEntries(named);
  refuseToken(Object.keys(headers), TOKEN_HEADER);
  if (body === undefined) return { method, url, headers };
  const { body: sent, type } = family.bodyOf(body, parameter);
  // A form's own content type names its boundary.
  if (sent instanceof FormData) delete headers['content-type'];
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
