import type { SourceKind, TokenSource } from './source.js';
import type { TokenExtra } from './token.js';
import type { Tokens } from './tokens.js';

/** How an account's tokens are kept fresh; what is left out follows the manager's options. */
export interface RefreshOptions {
  /** How long before its end a token is renewed, ms. Default 30 min, never earlier than half the lifetime. */
  readonly refreshBeforeExpiryMs?: number;
  /** First distance between failed attempts, ms; doubles with full jitter to 15 min. Default 60 s. */
  readonly retryIntervalMs?: number;
  /** Kinds kept fresh by `refreshDue`; the others are obtained on demand. Default: all of `sources()`. */
  readonly kinds?: readonly string[];
}

/** One configured set of app credentials on a platform. Building one touches nothing and throws for no missing value. */
export interface Account<Client = unknown> {
  /** The platform's short name: first part of every key. */
  readonly platform: string;
  /** Unique among a manager's accounts; what configuration and messages call it. */
  readonly name: string;
  /** The app id on the platform: part of every key. Empty where the configuration lacks it; `problems()` then says so. */
  readonly id: string;
  /** All it can hold, also where no subject is known yet. */
  readonly kinds: readonly SourceKind[];
  /** How its tokens are kept fresh. Default: as the manager's options say. */
  readonly refresh?: RefreshOptions;
  /** Used instead of the manager's `fetch`: a proxy with a fixed address, say. */
  readonly fetch?: typeof fetch;
  /** What is wrong with its options, as sentences that begin with the quoted option; the manager's constructor throws them. */
  problems(): readonly string[];
  /** Kept fresh from the start; subjects come from the store. */
  sources(): Iterable<TokenSource>;
  /**
   * What is kept fresh from when a token of `source` is stored: a subject's tickets beside its access token, say. A sweep that has
   * renewed the token, and a new authorization, obtain those of which nothing is stored yet. `extra`: the token's facts.
   */
  companions?(source: TokenSource, extra: TokenExtra | undefined): Iterable<TokenSource>;
  /** A stored key, an argument or a path back to its source. */
  source(kind: string, subject?: string): TokenSource | undefined;
  /** The platform's API client: cheap, holds no state. */
  client(tokens: Tokens): Client;
  /** Pushes and callbacks, free of any framework. */
  callback?(tokens: Tokens): (request: CallbackRequest) => Promise<CallbackReply>;
}

/** A push or callback as it came over HTTP. */
export interface CallbackRequest {
  /** HTTP method, upper case. */
  readonly method: string;
  /** Parameters of the query, decoded; several values of one name joined by commas. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Headers by their names in lower case; several values of one name joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes as they came: signatures cover them. Empty where there were none. */
  readonly body: Uint8Array;
}

/** What to answer. */
export interface CallbackReply {
  /** HTTP status. */
  readonly status: number;
  /** A list stands for a header that is sent several times: `set-cookie`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text, sent as UTF-8. May be empty. */
  readonly body: string;
}
