const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Number of the natural day in China (UTC+8), where daily quotas start anew. */
export function chinaDay(now: number): number {
  return Math.floor((now + 8 * HOUR_MS) / DAY_MS);
}

/** The calendar month in China, such as `2026-11`. */
export function chinaMonth(now: number): string {
  return new Date(now + 8 * HOUR_MS).toISOString().slice(0, 7);
}

/** The calendar month in Japan, such as `2026-11`. */
export function japanMonth(now: number): string {
  return new Date(now + 9 * HOUR_MS).toISOString().slice(0, 7);
}

/** `YYYY-MM-DD HH:MM:SS` in Japan (UTC+9), with no offset in the text. */
export function japanDateTime(time: number): string {
  return new Date(time + 9 * HOUR_MS).toISOString().slice(0, 19).replace('T', ' ');
}
