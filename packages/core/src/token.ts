/** An instant in Unix milliseconds. */
export type EpochMs = number;

/** What JSON can carry: the shape of a token's `extra`. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Facts that travel with a token (a scope, a corp id): public to every caller of `get`, so never a secret. */
export type TokenExtra = { readonly [name: string]: JsonValue };

/** What `get` resolves with. A refresh token is never part of it. */
export interface Token {
  /** The opaque access token or ticket, as the platform wrote it. */
  readonly value: string;
  /** Start of the request that brought this value, Unix ms. */
  readonly issuedAt: EpochMs;
  /** End of validity as the platform says, without margin, Unix ms; absent where no end is known. */
  readonly expiresAt?: EpochMs;
  /** Facts the platform sent along. */
  readonly extra?: TokenExtra;
}

/**
 * What a platform's answer brings: the token, and how long it lives counted from the start of the request (S10).
 * A source states the lifetime in one of two ways: `lifetimeMs`, or `expiresAt` in the platform's clock.
 */
export interface IssuedToken {
  /** The opaque access token or ticket, as the platform wrote it. */
  readonly value: string;
  /** Lifetime in ms, counted from the request's start. Absent together with `expiresAt`: no end is known. */
  readonly lifetimeMs?: number;
  /** End of validity in the platform's clock, Unix ms; turned into a duration with `answeredAt` where there is one. */
  readonly expiresAt?: EpochMs;
  /** The platform's own time of the answer (its `Date` header), Unix ms. */
  readonly answeredAt?: EpochMs;
  /** Must come with every answer of a `rotating` source (S7); absent or empty means *unchanged* elsewhere. */
  readonly refreshToken?: string;
  /** Lifetime of the refresh token, ms from the request's start. */
  readonly refreshTokenLifetimeMs?: number;
  /** End of the refresh token in the platform's clock, Unix ms. */
  readonly refreshTokenExpiresAt?: EpochMs;
  /** Facts the platform sent along; never a secret. */
  readonly extra?: TokenExtra;
}
