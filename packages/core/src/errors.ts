import type { TokenState } from './store/record.js';
import type { EpochMs } from './token.js';

/**
 * Every code, what it means for the key, and whether trying again later can help. The state is the one a failed *attempt*
 * leaves behind; codes without one do not come from attempts.
 */
export const TOKEN_ERRORS = Object.freeze({
  /** Options or start-up: names the option and the way out. */
  ERR_TOKEN_CONFIGURATION: { state: undefined, retryable: false },
  /** The platform refuses the account itself: a wrong secret, a missing permission, an address not on its list. */
  ERR_TOKEN_REFUSED: { state: 'retrying', retryable: false },
  /** The platform's allowance is used up until a later hour or day. */
  ERR_TOKEN_QUOTA: { state: 'retrying', retryable: false },
  /** The platform is too busy to answer: later. */
  ERR_TOKEN_BUSY: { state: 'retrying', retryable: true },
  /** The platform is being maintained: later, sometimes hours. */
  ERR_TOKEN_MAINTENANCE: { state: 'retrying', retryable: true },
  /** The platform suspended the company or app; the stored grant is untouched. */
  ERR_TOKEN_SUSPENDED: { state: 'suspended', retryable: false },
  /** The platform refused the stored grant: a person must sign in again. */
  ERR_TOKEN_REAUTHORIZATION_REQUIRED: { state: 'reauthorize', retryable: false },
  /** Asking after a rejection brought nothing better: do not replay. */
  ERR_TOKEN_REJECTED_AGAIN: { state: undefined, retryable: false },
  /** A push or a parent token has to come first. */
  ERR_TOKEN_WAITING: { state: 'waiting', retryable: true },
  /** Timeout, network, or an answer that makes no sense. */
  ERR_TOKEN_TRANSPORT: { state: 'retrying', retryable: true },
  /** The store failed or did not answer in time. */
  ERR_TOKEN_STORE: { state: undefined, retryable: true },
  /** The caller's signal. */
  ERR_TOKEN_ABORTED: { state: undefined, retryable: false },
  /** The manager is drained or closed. */
  ERR_TOKEN_CLOSED: { state: undefined, retryable: false },
} as const satisfies Record<string, { state: TokenState | undefined; retryable: boolean }>);

/** The closed list of codes; `switch (error.code)` narrows. */
export type TokenErrorCode = keyof typeof TOKEN_ERRORS;

/** What a `TokenError` may carry besides its message. */
export interface TokenErrorDetails {
  /** Whether trying again later can help. Default: by code. */
  readonly retryable?: boolean;
  /** The account's name. */
  readonly account?: string;
  /** Personal data on some platforms. */
  readonly subject?: string;
  /** Kind of the token. */
  readonly kind?: string;
  /** The platform's own code, as text. */
  readonly platformCode?: string;
  /** The platform's id of the request, for its support. */
  readonly requestId?: string;
  /** No attempt is made before this, Unix ms; `Infinity`: none by itself, until the token is replaced or somebody asks for `refresh`. */
  readonly retryAt?: EpochMs;
  /** Why, in one word of the code's own list: `refused`, `expired`, `indeterminate`, `contested`, `repeated`, `timeout` … */
  readonly reason?: string;
  /** The platform may have carried the request out. Default: true for `ERR_TOKEN_TRANSPORT` only. */
  readonly uncertain?: boolean;
  /** Kept non-enumerable, so that no logger prints it; URLs in its message are cut. */
  readonly cause?: unknown;
}

/** The one family of errors. Tell them apart by `code`; no message ever holds a token or a secret. */
export class TokenError extends Error {
  /** The class's name. */
  override readonly name = 'TokenError';
  /** What went wrong: what to tell errors apart by. */
  readonly code: TokenErrorCode;
  /** Whether the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean;
  /** Name of the account. */
  readonly account?: string;
  /** Whose token it is about. Personal data. */
  readonly subject?: string;
  /** Kind of the token. */
  readonly kind?: string;
  /** The platform's own code. */
  readonly platformCode?: string;
  /** The platform's id of the request. */
  readonly requestId?: string;
  /** When trying again makes sense, Unix ms. */
  readonly retryAt?: EpochMs;
  /** A finer distinction within `code`, in one word. */
  readonly reason?: string;
  /** Whether the request may have taken effect although it failed. */
  declare readonly uncertain: boolean;

  constructor(code: TokenErrorCode, message: string, details: TokenErrorDetails = {}) {
    super(message);
    this.code = code;
    this.retryable = details.retryable ?? TOKEN_ERRORS[code].retryable;
    if (details.account !== undefined) this.account = details.account;
    if (details.subject !== undefined) this.subject = details.subject;
    if (details.kind !== undefined) this.kind = details.kind;
    if (details.platformCode !== undefined) this.platformCode = details.platformCode;
    if (details.requestId !== undefined) this.requestId = details.requestId;
    if (details.retryAt !== undefined) this.retryAt = details.retryAt;
    if (details.reason !== undefined) this.reason = details.reason;
    Object.defineProperty(this, 'uncertain', {
      value: details.uncertain ?? code === 'ERR_TOKEN_TRANSPORT',
      enumerable: false,
    });
    if (details.cause !== undefined) {
      Object.defineProperty(this, 'cause', {
        value: withoutUrls(details.cause),
        enumerable: false,
        configurable: true,
      });
    }
  }
}

/** The platform refused a parent's token: the manager rejects that parent, compare-first, and tries the child once more. */
export class ParentRejected extends Error {
  /** The class's name. */
  override readonly name = 'ParentRejected';
  /** The parent's value that was refused. */
  declare readonly value: string;
  /** The platform's own code of the refusal. */
  readonly platformCode?: string;

  constructor(value: string, platformCode?: string) {
    super('the platform refused the parent token');
    Object.defineProperty(this, 'value', { value, enumerable: false });
    if (platformCode !== undefined) this.platformCode = platformCode;
  }
}

/** For `issue`: says that the platform refused this parent's value. */
export function parentRejected(value: string, platformCode?: string): ParentRejected {
  return new ParentRejected(value, platformCode);
}

/** A copy of an error that tells its kind and code, and no URL: a request's query string may hold a secret. */
export function withoutUrls(cause: unknown): unknown {
  if (!(cause instanceof Error)) return typeof cause === 'string' ? cutUrls(cause) : undefined;
  if (cause instanceof TokenError) return cause;
  const copy = new Error(cutUrls(cause.message));
  copy.name = cause.name;
  copy.stack = `${copy.name}: ${copy.message}`;
  const { code } = cause as { code?: unknown };
  if (typeof code === 'string') Object.assign(copy, { code });
  if (cause.cause !== undefined) {
    Object.defineProperty(copy, 'cause', { value: withoutUrls(cause.cause), enumerable: false });
  }
  return copy;
}

function cutUrls(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '<url>').replace(/\?\S*=\S*/g, '?<query>');
}
