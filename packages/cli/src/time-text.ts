import type { EpochMs } from '@evertoken/core';

const UNITS = [
  ['d', 24 * 60 * 60_000],
  ['h', 60 * 60_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A length of time by its two largest units: `2 d 3 h`, `4 min`, `0 s`. */
export function durationText(ms: number): string {
  const largest = UNITS.findIndex(([, unit]) => ms >= unit);
  if (largest < 0) return '0 s';
  let rest = ms;
  const parts: string[] = [];
  for (const [name, unit] of UNITS.slice(largest, largest + 2)) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** How far away an instant is: `in 5 h`, `3 d ago`; empty where there is none. */
export function distanceText(at: EpochMs | undefined, now: EpochMs): string {
  if (at === undefined || !Number.isFinite(at)) return '';
  return at < now ? `${durationText(now - at)} ago` : `in ${durationText(at - now)}`;
}

/** What a sweep took: `0.4 s`, `2 min 5 s`. */
export function elapsedText(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms);
}
