import { TokenError } from './errors.js';
import { quotesRequest } from './quoted-request.js';
import type { EpochMs } from './token.js';

/** A request to a platform. */
export interface PlatformRequest {
  /** The whole URL; it may carry secrets and is never part of an error. */
  readonly url: string | URL;
  /** HTTP method. Default `GET`. */
  readonly method?: string;
  /** Headers to send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body to send. */
  readonly body?: string | URLSearchParams | FormData | Blob | Uint8Array;
  /** What sends it: the one of `issue`'s request, which checks the lease first. */
  readonly fetch: typeof fetch;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
  /** For errors. */
  readonly account: string;
  /** Kind of the token it is about, for errors. */
  readonly kind?: string;
  /** Whose token it is about, for errors. */
  readonly subject?: string | undefined;
}

/** What a platform answered, whatever the status: platforms judge by body. */
export interface PlatformAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Headers of the answer. */
  readonly headers: Headers;
  /** The whole body. */
  readonly text: string;
  /** The body as JSON whatever its content type says; absent where it is none. */
  readonly json?: unknown;
  /** The platform's time of the answer (`Date` header), Unix ms. */
  readonly answeredAt?: EpochMs;
}

/**
 * Sends a request and reads the whole answer.
 *
 * Rejects with `ERR_TOKEN_TRANSPORT` where no answer came, its `reason` one of `timeout`, `network`, and with
 * `ERR_TOKEN_ABORTED` where the caller's signal ended it. `uncertain` is false only where the request cannot have left.
 */
export async function sendToPlatform(request: PlatformRequest): Promise<PlatformAnswer> {
  const { url, method = 'GET', headers, body, fetch, signal } = request;
  try {
    const response = await fetch(url, {
      method,
      redirect: 'error',
      ...(headers && { headers }),
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
      ...(signal && { signal }),
    });
    const text = await response.text();
    const json = parse(text);
    const answeredAt = Date.parse(response.headers.get('date') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      ...(json !== undefined && { json }),
      ...(!Number.isNaN(answeredAt) && { answeredAt }),
    };
  } catch (cause) {
    throw transportError(request, cause);
  }
}

/** `ERR_TOKEN_TRANSPORT` for an answer that makes no sense: not JSON, a field missing or of the wrong type. `what` names it, without its value. */
export function malformedAnswer(
  request: Pick<PlatformRequest, 'account' | 'kind' | 'subject'>,
  what: string,
  details: { readonly status?: number; readonly requestId?: string; readonly uncertain?: boolean } = {},
): TokenError {
  const status = details.status === undefined ? '' : ` (HTTP ${details.status})`;
  return new TokenError(
    'ERR_TOKEN_TRANSPORT',
    `${labelOf(request)}: the platform's answer is malformed: ${what}${status}`,
    {
      ...idsOf(request),
      reason: 'malformed',
      ...(details.requestId !== undefined && { requestId: details.requestId }),
      ...(details.uncertain !== undefined && { uncertain: details.uncertain }),
    },
  );
}

/** `account "shop", access_token`: how messages begin. */
export function labelOf({ account, kind }: Pick<PlatformRequest, 'account' | 'kind'>): string {
  return kind === undefined ? `account "${account}"` : `account "${account}", ${kind}`;
}

/** Account, kind and subject as a `TokenError` takes them. */
export function idsOf({ account, kind, subject }: Pick<PlatformRequest, 'account' | 'kind' | 'subject'>): {
  account: string;
  kind?: string;
  subject?: string;
} {
  return { account, ...(kind !== undefined && { kind }), ...(subject !== undefined && { subject }) };
}

/** The value as an object whose fields can be looked at; undefined for anything else. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function transportError(request: PlatformRequest, cause: unknown): TokenError {
  if (cause instanceof TokenError) return cause;
  const { signal } = request;
  if (signal?.aborted && signal.reason instanceof TokenError) return signal.reason;
  const timeout = isTimeout(cause) || (signal?.aborted && isTimeout(signal.reason));
  if (signal?.aborted && !timeout) {
    return new TokenError('ERR_TOKEN_ABORTED', `${labelOf(request)}: the request was aborted`, {
      ...idsOf(request),
      uncertain: true,
    });
  }
  const reason = timeout ? 'timeout' : 'network';
  return new TokenError(
    'ERR_TOKEN_TRANSPORT',
    `${labelOf(request)}: no answer from the platform (${reason}${codeOf(cause)})`,
    {
      ...idsOf(request),
      reason,
      uncertain: !NEVER_LEFT.has(errorCode(cause) ?? ''),
      cause: quotesRequest(cause, request) ? new TypeError('fetch failed, and quoted a header or the body') : cause,
    },
  );
}

/** Errors of connecting: no byte of the request has left. */
const NEVER_LEFT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && (cause.name === 'TimeoutError' || errorCode(cause)?.includes('TIMEOUT') === true);
}

function codeOf(cause: unknown): string {
  const code = errorCode(cause);
  return code === undefined ? '' : `, ${code}`;
}

/** fetch hides the socket's error in `cause`, several levels deep. */
function errorCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
    const [first] = at instanceof AggregateError ? (at.errors as unknown[]) : [];
    const inner = first instanceof Error ? (first as { code?: unknown }).code : undefined;
    if (typeof inner === 'string') return inner;
  }
  return undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
