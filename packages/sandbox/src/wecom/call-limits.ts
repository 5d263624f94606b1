import { chinaDay } from '../calendar.js';
import { WeComError } from './errors.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const PERIODS = ['minute', 'hour', 'day', 'month'] as const;

/** What a limit counts in; `month` is only ever the length of a block. */
export type WeComPeriod = (typeof PERIODS)[number];

/** Counts calls in windows of a minute, an hour and a day, and blocks what was called too often. */
export class CallLimits {
  readonly #counts = new Map<string, { window: number; used: number }>();
  readonly #blocks = new Map<string, number>();

  /** Throws 45009 while calls of `name` are blocked. */
  check(name: string, now: number): void {
    if (now < (this.#blocks.get(name) ?? 0)) throw new WeComError(45009);
  }

  /** Counts a call; throws 45009, and blocks `name` as long as the platform does, when it is one too many. */
  count(name: string, period: Exclude<WeComPeriod, 'month'>, limit: number | false, now: number): void {
    if (limit === false || this.#add(name, period, now) <= limit) return;
    this.block(name, period, now);
    throw new WeComError(45009);
  }

  /** Counts what went wrong; blocks `name` for an hour when it was the last that is borne. */
  fail(name: string, limit: number | false, now: number): void {
    if (limit !== false && this.#add(`failed ${name}`, 'hour', now) >= limit) this.block(name, 'hour', now);
  }

  block(name: string, period: WeComPeriod, now: number): void {
    this.#blocks.set(name, blockedUntil(period, now));
  }

  state(now: number): WeComLimitState {
    const hour = [...this.#counts].filter(([key, { window }]) => key.startsWith('hour ') && window === hourOf(now));
    return {
      callsThisHour: Object.fromEntries(hour.map(([key, { used }]) => [key.slice('hour '.length), used])),
      blockedUntil: Object.fromEntries([...this.#blocks].filter(([, until]) => now < until)),
    };
  }

  #add(name: string, period: Exclude<WeComPeriod, 'month'>, now: number): number {
    const key = `${period} ${name}`;
    const window = windowOf(period, now);
    const known = this.#counts.get(key);
    const used = (known?.window === window ? known.used : 0) + 1;
    this.#counts.set(key, { window, used });
    return used;
  }
}

/** Counters of the hour that runs, and the blocks that stand. */
export interface WeComLimitState {
  /** Calls, by path. */
  readonly callsThisHour: Readonly<Record<string, number>>;
  /** Until when paths are shut, Unix ms. */
  readonly blockedUntil: Readonly<Record<string, number>>;
}

function windowOf(period: Exclude<WeComPeriod, 'month'>, now: number): number {
  if (period === 'minute') return Math.floor(now / MINUTE_MS);
  return period === 'hour' ? hourOf(now) : chinaDay(now);
}

function hourOf(now: number): number {
  return Math.floor(now / HOUR_MS);
}

function blockedUntil(period: WeComPeriod, now: number): number {
  if (period === 'minute') return now + MINUTE_MS;
  if (period === 'hour') return now + HOUR_MS;
  // The natural day of China ends eight hours before that of UTC.
  return period === 'day' ? (chinaDay(now) + 1) * DAY_MS - 8 * HOUR_MS : now + 30 * DAY_MS;
}
