import type { EpochMs } from '@evertoken/core';

const DAY = 24 * 60 * 60_000;
/** UTC+8, all year. */
const OFFSET = 8 * 60 * 60_000;

/** The day in China, `YYYY-MM-DD`: the platform's counters go by it. */
export function chinaDay(now: EpochMs): string {
  return new Date(now + OFFSET).toISOString().slice(0, 10);
}

/** When the day in China began, Unix ms. */
export function chinaMidnight(now: EpochMs): EpochMs {
  return now - ((now + OFFSET) % DAY);
}

/** When the next month in China begins, Unix ms. */
export function nextChinaMonth(now: EpochMs): EpochMs {
  const here = new Date(now + OFFSET);
  return Date.UTC(here.getUTCFullYear(), here.getUTCMonth() + 1, 1) - OFFSET;
}
