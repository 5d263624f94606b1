import type { EpochMs, TokenQuota } from '@evertoken/core';

/** As much of an ISO time as tells the period. */
const LENGTHS = { month: 7, day: 10, hour: 13 } as const;

/**
 * The running period in the platform's time zone: `2026-11`, `2026-11-21`, `2026-11-21T20`. Undefined where nobody knows when it
 * began: a share of it would be made up.
 */
export function periodOf({ period, utcOffsetMinutes }: TokenQuota, now: EpochMs): string | undefined {
  // Hours begin together wherever the distance from UTC is whole hours, as it is in China and Japan.
  const offset = utcOffsetMinutes ?? (period === 'hour' ? 0 : undefined);
  return offset === undefined ? undefined : new Date(now + offset * 60_000).toISOString().slice(0, LENGTHS[period]);
}
