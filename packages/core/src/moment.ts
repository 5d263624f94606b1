import type { EpochMs } from './token.js';

/** Clocks that differ by less agree, ms. */
const AGREED_MS = 1_000;

/** An instant, as each clock told it. */
export interface Moment {
  /** The manager's clock: may be stepped forward later. */
  readonly wall: EpochMs;
  /** Stands still while the machine sleeps. */
  readonly monotonic: number;
  /** The store's clock, where it was known at that instant: may be stepped later. */
  readonly store?: EpochMs;
}

/**
 * Milliseconds since a moment. Each of its clocks may have gone wrong since, in a way of its own: what two of the three say is
 * true. While the store had never been heard of, the least: a sign-in must not look older than it is, or the pair it brought
 * would give way to the one that it ended.
 */
export function elapsedSince(then: Moment, now: Required<Moment>): number {
  const wall = now.wall - then.wall;
  const each = [wall, now.monotonic - then.monotonic];
  if (then.store !== undefined) each.push(now.store - then.store);
  const elapsed = each.sort((one, other) => one - other)[(each.length - 1) >> 1] ?? wall;
  // Read together with everything else that is compared, and never between two milliseconds.
  return Math.abs(elapsed - wall) < AGREED_MS ? wall : Math.round(elapsed);
}
