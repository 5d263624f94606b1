import type { TokenErrorCode } from '@evertoken/core';

/** From good to bad: all is well; it works, and something wants looking at; it does not work. */
export type TokenHealthState = 'up' | 'degraded' | 'down';

/**
 * What is the matter:
 * - `unobtainable`: an account's own token has ended, and the platform does not give another one.
 * - `failing`: several attempts in a row have failed, or a subject's token has ended and the last attempt has.
 * - `suspended`: the platform has suspended the company or app.
 * - `reauthorize`: grants that a person has to renew by signing in.
 * - `grantEnding`: grants that end soon and have not been renewed.
 * - `waiting`: for a push of the platform, or for a token that this one is made from.
 * - `contested`, `repeated`, `doubtful`: tokens that may not be good, see core's states.
 * - `store`: a store cannot be reached; what is in memory is served.
 * - `configuration`: the manager refuses its set-up.
 * - `sweep`: the refresh job has not run for longer than it should, or what it ran has failed.
 * - `slow`: the stores have not yet told all they hold.
 */
export type TokenHealthReasonName =
  | 'unobtainable'
  | 'failing'
  | 'suspended'
  | 'reauthorize'
  | 'grantEnding'
  | 'waiting'
  | 'contested'
  | 'repeated'
  | 'doubtful'
  | 'store'
  | 'configuration'
  | 'sweep'
  | 'slow';

/** One thing that is the matter, of all keys of an account and kind together. */
export interface TokenHealthReason {
  /** What it makes of the whole. */
  readonly state: 'degraded' | 'down';
  /** What it is. */
  readonly reason: TokenHealthReasonName;
  /** The account's name; absent where it is about the store or the job. */
  readonly account?: string;
  /** The tokens' kind; absent as `account` is. */
  readonly kind?: string;
  /** How many keys it is true of. */
  readonly keys?: number;
  /** How many keys of that account and kind there are. */
  readonly of?: number;
  /** Of the newest failure. */
  readonly code?: TokenErrorCode | (string & {});
  /** The platform's own code of the newest failure. */
  readonly platformCode?: string;
  /** Fingerprints of the first five subjects, as in the log. */
  readonly subjects?: readonly string[];
}

/** How a manager's tokens are. Never a token, a secret, or a subject in clear. */
export interface TokenHealthReport {
  /** The worst of `reasons`; `up` without any. */
  readonly state: TokenHealthState;
  /** How many keys there are: configured or stored, tombstones left out. After a failure of the store: those of the accounts themselves. */
  readonly keys: number;
  /** How many of them have a token that has not ended. */
  readonly living: number;
  /** What is the matter, worst first; 20 at most. */
  readonly reasons: readonly TokenHealthReason[];
  /** How many more reasons there are. */
  readonly more?: number;
  /** When the stores were asked, ISO 8601, by the manager's clock; absent while they have not answered yet. */
  readonly checkedAt?: string;
}

/** All names, for checks. */
export const TOKEN_HEALTH_REASONS: readonly TokenHealthReasonName[] = [
  'unobtainable',
  'failing',
  'suspended',
  'reauthorize',
  'grantEnding',
  'waiting',
  'contested',
  'repeated',
  'doubtful',
  'store',
  'configuration',
  'sweep',
  'slow',
];

/** How many reasons a report shows: a thousand accounts may each have one. */
const MOST_REASONS = 20;

/** A report of these reasons. */
export function reportOf(
  reasons: readonly TokenHealthReason[],
  { keys, living, checkedAt }: { keys: number; living: number; checkedAt: number | undefined },
): TokenHealthReport {
  const rank = ({ state }: TokenHealthReason) => (state === 'down' ? 0 : 1);
  const sorted = [...reasons].sort((a, b) => rank(a) - rank(b) || (b.keys ?? Infinity) - (a.keys ?? Infinity) || 0);
  const more = sorted.length - MOST_REASONS;
  return {
    state: sorted[0]?.state ?? 'up',
    keys,
    living,
    reasons: sorted.slice(0, MOST_REASONS),
    ...(more > 0 && { more }),
    ...(checkedAt !== undefined && { checkedAt: new Date(checkedAt).toISOString() }),
  };
}
