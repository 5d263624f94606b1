import { type EpochMs, idsOf, labelOf, type PlatformRequest, TokenError } from '@evertoken/core';
import { BAN_MS } from './dingtalk-errors.js';
import type { DingTalkFailure } from './dingtalk-wire.js';

/** 1,024 paths: more than any program calls in the two seconds that a throttled one is remembered. */
const MOST_PATHS = 1_024;

/**
 * What all callers of one account in this process know of the platform's patience: a ban is waited out by all of them, and a
 * throttled path is left alone by all of them. In memory only; each process learns it by one refusal of its own.
 */
export class Circuit {
  #banned: { readonly until: EpochMs; readonly failure: DingTalkFailure } | undefined;
  readonly #slow = new Map<string, number>();

  /** The guard answered: nobody calls for 5 minutes. */
  ban(failure: DingTalkFailure, now: EpochMs): void {
    this.#banned = { until: now + BAN_MS, failure };
  }

  /** The ban that stands; undefined where none does. */
  bannedAt(now: EpochMs): { readonly until: EpochMs; readonly failure: DingTalkFailure } | undefined {
    const ban = this.#banned;
    // Further away than a ban lasts: the clock has been set back since, or another one wrote it.
    return ban && ban.until > now && ban.until - now <= BAN_MS ? ban : undefined;
  }

  /** A path is throttled for so long, ms; `now` by a clock that never goes back. */
  slowDown(path: string, forMs: number, now: number): void {
    if (this.#slow.size >= MOST_PATHS) {
      for (const [known, end] of this.#slow) if (end <= now) this.#slow.delete(known);
      if (this.#slow.size >= MOST_PATHS) return;
    }
    this.#slow.set(path, Math.max(now + forMs, this.#slow.get(path) ?? 0));
  }

  /** How long a path is still to be left alone, ms; `now` by the same clock. */
  slowMs(path: string, now: number): number {
    const until = this.#slow.get(path);
    if (until === undefined) return 0;
    if (until > now) return until - now;
    this.#slow.delete(path);
    return 0;
  }
}

/** What a request for a token fails with while the address is banned: it is not sent. */
export function bannedError(
  about: Pick<PlatformRequest, 'account' | 'kind' | 'subject'>,
  { until, failure }: { readonly until: EpochMs; readonly failure: DingTalkFailure },
): TokenError {
  const why = 'not asked: DingTalk bans the calling address for 5 minutes';
  return new TokenError('ERR_TOKEN_BUSY', `${labelOf(about)}: ${why}`, {
    ...idsOf(about),
    reason: 'banned',
    retryAt: until,
    ...(failure.code !== undefined && { platformCode: failure.code }),
  });
}
