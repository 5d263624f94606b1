import type { Clock } from '@evertoken/core';

/** An instant by both clocks: the wall clock may be set back, and one that is advanced by hand may be the only one that is. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** This instant. */
export function instantOf(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/** Milliseconds since, by the clock that has gone on further. */
export function elapsedSince({ wall, monotonic }: Instant, clock: Clock): number {
  return Math.max(clock.now() - wall, clock.monotonic() - monotonic);
}
