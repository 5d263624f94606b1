import type { AdoptBasis, IssueRequest, TokenSource } from './source.js';
import type { TokenState } from './store/record.js';
import type { EpochMs, IssuedToken, Token, TokenExtra } from './token.js';

/** How `get` is to answer. */
export interface GetOptions {
  /** The token must live at least this long, ms, where asking the platform can bring that. Default 0. */
  readonly minValidityMs?: number;
  /** Ends this caller's wait; the refresh goes on for the others. */
  readonly signal?: AbortSignal;
}

/** Which keys are meant; what is left out means all. */
export interface KeyFilter {
  /** Account names. */
  readonly accounts?: readonly string[];
  /** Kinds of token. */
  readonly kinds?: readonly string[];
  /** Whose tokens; keys without subject are then not meant. */
  readonly subjects?: readonly string[];
  /** States of the record. */
  readonly states?: readonly TokenState[];
}

/** What became of one key. `held`: another process is at it. `resting`: its next attempt is not due yet. */
export type RefreshOutcome =
  | 'renewed'
  | 'unchanged'
  | 'notYetRenewable'
  | 'held'
  | 'resting'
  | 'waiting'
  | 'reauthorize'
  | 'failed';

/** One key's line of a report. */
export interface RefreshResult {
  /** Name of the account. */
  readonly account: string;
  /** Kind of the token. */
  readonly kind: string;
  /** Whose token it is, where it is somebody's. Personal data. */
  readonly subject?: string;
  /** What became of it. */
  readonly outcome: RefreshOutcome;
  /** Why, for `waiting`, `reauthorize` and `failed`: a `TokenError`. */
  readonly error?: Error;
}

/** What a sweep did. */
export interface RefreshReport {
  /** One line for each key that was looked at. */
  readonly results: readonly RefreshResult[];
  /** Results by outcome; all outcomes are there. */
  readonly counts: Readonly<Record<RefreshOutcome, number>>;
}

/** How a sweep is done. */
export interface SweepOptions {
  /** Called after each key. */
  readonly onProgress?: (result: RefreshResult) => void;
  /**
   * Platform requests at a time, all accounts together; up to half as many keys more are on their way to or from the store,
   * as far as `concurrencyPerAccount` allows. Default: `concurrencyPerAccount` × the number of accounts.
   */
  readonly concurrency?: number;
  /** Stops taking new keys; what is in flight is finished. */
  readonly signal?: AbortSignal;
  /** Random delay before the sweep, ms. Default 0. */
  readonly jitterMs?: number;
}

/**
 * What became of a token from another system. `taken`: it is stored; `same`: it was already; `kept`: what is stored ends no
 * earlier, and stays; `gone`: the key was forgotten or revoked here, and stays so.
 */
export type TakeOverOutcome = 'taken' | 'same' | 'kept' | 'gone';

/** A key as `inspect` shows it: never a secret, never a token value. */
export interface TokenStatus {
  /** Under which it is stored. */
  readonly key: string;
  /** The platform's short name. */
  readonly platform: string;
  /** The account's name, or its id where no such account is configured. */
  readonly account: string;
  /** Kind of the token. */
  readonly kind: string;
  /** Whose token it is, where it is somebody's. Personal data. */
  readonly subject?: string;
  /** `absent`: configured, nothing stored yet. */
  readonly state: TokenState | 'absent';
  /** Why it is in this state, in one word. */
  readonly cause?: string;
  /** Rises with every new value; 0 where there never was one. */
  readonly generation: number;
  /** Facts that travel with the token; some are personal data. */
  readonly extra?: TokenExtra;
  /** Start of the request that brought the value, Unix ms. */
  readonly issuedAt?: EpochMs;
  /** End of validity, Unix ms; absent where no end is known. */
  readonly expiresAt?: EpochMs;
  /** When it can no longer be renewed, Unix ms. */
  readonly refreshTokenExpiresAt?: EpochMs;
  /** When the next refresh is due, Unix ms; absent where none is. */
  readonly refreshAt?: EpochMs;
  /** When the next attempt after a failure may be made, Unix ms. */
  readonly retryAt?: EpochMs;
  /** Failed attempts in a row. */
  readonly failures: number;
  /** The last failed attempt. */
  readonly failure?: {
    /** What went wrong, see `TOKEN_ERRORS`. */
    readonly code: string;
    /** The platform's own code. */
    readonly platformCode?: string;
    /** When, Unix ms. */
    readonly at: EpochMs;
  };
  /** How the present value came to be. */
  readonly lineage?: {
    /** `issue`, `recover`, `adopt`, `push`, `grant` or `restore`. */
    readonly cause: string;
    /** The process that did it, as its manager names itself. */
    readonly actor: string;
    /** When, Unix ms. */
    readonly at: EpochMs;
    /** How long it took, ms. */
    readonly durationMs: number;
  };
}

/** What clients, callbacks and services depend on; `TokenManager` is one, `fixedTokens` (in `/testing`) doubles it. */
export interface Tokens {
  /**
   * A token that lives: from memory where it is fresh, else from the store, else from the platform, once for all callers.
   *
   * Rejects with `TokenError`: `ERR_TOKEN_REAUTHORIZATION_REQUIRED`, `ERR_TOKEN_WAITING`, `ERR_TOKEN_REFUSED` and the other
   * failures of the last attempt; `ERR_TOKEN_STORE`, `ERR_TOKEN_ABORTED`, `ERR_TOKEN_CLOSED`.
   */
  get(source: TokenSource, options?: GetOptions): Promise<Token>;
  /** The token in this process's memory, if it still lives. Synchronous, asks nobody. */
  peek(source: TokenSource): Token | undefined;
  /**
   * The platform refused this value: gives a better one. A value that is no longer the stored one costs no platform call.
   *
   * Rejects as `get` does, and with `ERR_TOKEN_REJECTED_AGAIN` where asking brought nothing better: do not replay then.
   */
  reject(source: TokenSource, refused: Token | string): Promise<Token>;
  /** Takes over a value already in hand: from an answer, a push, a sign-in. Older ones and echoes are ignored. */
  adopt(source: TokenSource, issued: IssuedToken, basis: AdoptBasis): Promise<void>;
  /** Runs a single-use exchange under the key's lease and stores what it brings as a new grant. */
  authorize(source: TokenSource, exchange: (request: IssueRequest) => Promise<IssuedToken>): Promise<Token>;
  /** The platform says the grant is gone: leaves a tombstone. Events older than the stored order are ignored. */
  revoke(source: TokenSource, options: { readonly order: number }): Promise<void>;
  /** Takes the stored token away and leaves a tombstone; a grant only with `{ grant: true }`. */
  forget(source: TokenSource, options?: { readonly grant?: boolean }): Promise<void>;
  /** Asks the platform now if asking can give something new, otherwise resolves with the current token. Never rejects for a platform's answer: the result says it. */
  refresh(source: TokenSource, options?: { readonly signal?: AbortSignal }): Promise<RefreshResult>;
  /** `refresh` for every stored or configured key of the filter. */
  refreshAll(filter?: KeyFilter, options?: SweepOptions): Promise<RefreshReport>;
  /** All keys of configured accounts and what is stored of them. */
  inspect(filter?: KeyFilter): AsyncIterable<TokenStatus>;
}
