import type { TokenKey } from './key.js';
import type { Random } from './random.js';
import type { EpochMs, IssuedToken, Token } from './token.js';

/**
 * What asking again does.
 * - `idempotent`: the same token inside its lifetime.
 * - `superseding`: a new token; the old one dies, now or after `overlapMs`.
 * - `rotating`: the refresh token is spent by use.
 * - `pushed`: cannot be asked for; arrives by `adopt`.
 */
export type Issuance = 'idempotent' | 'superseding' | 'rotating' | 'pushed';

/** What losing the record costs: `obtainable` one platform call, `grant` a person or a push. */
export type Keep = 'obtainable' | 'grant';

/**
 * What the lifetime of an *unchanged* value means.
 * - `remaining`: it lives as long as answered.
 * - `extended`: it lives its lifetime anew from this request on, up to `maxLifetimeMs` after it was first seen.
 * - `constant`: the answer always names the nominal lifetime; it counts from when the value was first seen.
 */
export type Lifetime = 'remaining' | 'extended' | 'constant';

/** One key and how to obtain its token: a pure description plus `issue`. Holds no state. */
export interface TokenSource {
  /** Under which it is stored. */
  readonly key: TokenKey;
  /** The account's `name`. */
  readonly account: string;
  /** Kind of the token: the platform's own name for it. */
  readonly kind: string;
  /** Whose token it is below the account (a user, an authorizer, an agent). Personal data. */
  readonly subject?: string;
  /** What asking again does. */
  readonly issuance: Issuance;
  /** What losing the record costs. */
  readonly keep: Keep;
  /** What an unchanged answer means for the end. */
  readonly lifetime: Lifetime;
  /** How long a superseded or rotated access token still works, ms; 0 or absent where unknown. */
  readonly overlapMs?: number;
  /** Cap of an extended lifetime, ms counted from first seen. */
  readonly maxLifetimeMs?: number;
  /** Tokens this one is asked for with, passed to `issue` in this order. No circles. */
  readonly dependsOn?: readonly TokenSource[];
  /** Fingerprint of the credentials `issue` uses; tells a changed secret from a token problem. */
  readonly credentials?: () => string;
  /** Earliest instant at which asking can bring something new; absent where asking always can. Asked for a token without end too. */
  renewableFrom?(current: Token): EpochMs;
  /**
   * Asks the platform, and does nothing else. Rejects with a `TokenError` (see `provider`'s helpers) or `parentRejected`.
   * An answer that carries tokens resolves, even where the platform calls it an error (S4).
   */
  issue(request: IssueRequest): Promise<IssuedToken>;
  /**
   * Another way back to a lost grant: tried where nothing is stored of it (forgotten and revoked stay so), and after the
   * platform refused what is. Of a pushed token: tried where none lives, to have the push sent. Resolves with undefined where it
   * brings no token by itself.
   */
  recover?(request: IssueRequest): Promise<IssuedToken | undefined>;
}

/** The stored token, as `issue` may present it. */
export interface PresentedToken extends Token {
  /** What a rotating source presents. */
  readonly refreshToken?: string;
  /** Its generation in the store. */
  readonly generation: number;
}

/** What `issue` works with. Everything it needs from outside comes from here. */
export interface IssueRequest {
  /** The stored token, where there is one: a rotating source presents it, and an exchange may look at whose it is. */
  readonly current?: PresentedToken;
  /** Tokens of `dependsOn`, in that order. */
  readonly parents: readonly Token[];
  /** Checks the lease immediately before it sends (S2); use no other fetch. */
  readonly fetch: typeof fetch;
  /** Aborted when the request's time is up; never for a rotating source. */
  readonly signal: AbortSignal;
  /** The manager's clock, Unix ms. */
  readonly now: () => EpochMs;
  /** The manager's randomness: nonces, jitter. */
  readonly random: Random;
}

/** A basis says how a value that is already in hand came to be, see `adopt`. */
export type AdoptBasis =
  /** Learned from an answer to a request that presented this value; an echo of it is no news. */
  | {
      /** The value that the request presented. */
      readonly presented: string;
    }
  /** A push; accepted if not older than the stored order. */
  | {
      /** Rises from push to push: the platform's time of it, usually. */
      readonly order: number;
    }
  /** A new authorization by a person: replaces the grant. */
  | {
      /** Always true: says that a person has just agreed. */
      readonly grant: true;
    };

/** Facts of one kind an account can hold; the gate reads these at start. */
export interface SourceKind {
  /** Its name: part of every key. */
  readonly kind: string;
  /** What asking again does. */
  readonly issuance: Issuance;
  /** What losing the record costs. */
  readonly keep: Keep;
  /** How long a superseded or rotated token still works, ms; 0 or absent where unknown. */
  readonly overlapMs?: number;
  /** How many requests for tokens of this kind the platform answers, where its documents say so. */
  readonly quota?: TokenQuota;
}

/** An allowance of a platform. Telemetry compares calls with it; nothing is refused for it. */
export interface TokenQuota {
  /** Calls in a period. */
  readonly calls: number;
  /** By the clock, not the last so many hours. */
  readonly period: 'hour' | 'day' | 'month';
  /** Whose calls are counted together: the account's, or each subject's. */
  readonly scope: 'account' | 'subject';
  /** Where the platform's day or month begins: its distance from UTC, minutes (540: Japan). Absent where no document says. */
  readonly utcOffsetMinutes?: number;
  /**
   * Kind of the account's record in which all processes count their calls, where one does: its `extra` then has `calls`, a number,
   * and `month` (`YYYY-MM`). What is counted there may be more than requests for tokens.
   */
  readonly countedIn?: string;
}
