import { chinaDay, chinaMonth } from '../calendar.js';
import { WeChatError } from './errors.js';

const MINUTE_MS = 60_000;
const CLEARS_PER_MONTH = 10;

/** How often a path may be called; read anew for every call. */
export interface QuotaRules {
  daily(path: string): number;
  /** Undefined where the path has no limit by the minute. */
  minute(path: string): number | undefined;
  /** Forced refreshes of stable tokens per day. */
  readonly forced: number;
}

/** The call counters of one account. Days and months are those of China. */
export class QuotaBook {
  #day = Number.NaN;
  #used = new Map<string, number>();
  #minute = Number.NaN;
  #usedInMinute = new Map<string, number>();
  #forcedDay = Number.NaN;
  #forced = 0;
  #month = '';
  #clears = 0;
  readonly #rules: QuotaRules;

  constructor(rules: QuotaRules) {
    this.#rules = rules;
  }

  /** Counts a call; throws 45011 when the minute's quota of the path is used up, 45009 for the day's. */
  spend(path: string, now: number): void {
    this.spendMinute(path, now);
    const used = this.used(path, now);
    if (used >= this.limit(path)) throw new WeChatError(45009);
    this.#used.set(path, used + 1);
  }

  used(path: string, now: number): number {
    if (this.#day !== chinaDay(now)) {
      this.#day = chinaDay(now);
      this.#used.clear();
    }
    return this.#used.get(path) ?? 0;
  }

  limit(path: string): number {
    return this.#rules.daily(path);
  }

  minuteLimit(path: string): number | undefined {
    return this.#rules.minute(path);
  }

  /** Counts a call in the minute only; throws 45011 when the minute's quota is used up. */
  spendMinute(path: string, now: number): void {
    const limit = this.#rules.minute(path);
    if (limit === undefined) return;
    const minute = Math.floor(now / MINUTE_MS);
    if (this.#minute !== minute) this.#usedInMinute.clear();
    this.#minute = minute;
    const used = this.#usedInMinute.get(path) ?? 0;
    if (used >= limit) throw new WeChatError(45011);
    this.#usedInMinute.set(path, used + 1);
  }

  /** Counts a forced refresh; throws 45009 when the day's are used up. */
  spendForced(now: number): void {
    if (this.#forcedDay !== chinaDay(now)) this.#forced = 0;
    this.#forcedDay = chinaDay(now);
    if (this.#forced >= this.#rules.forced) throw new WeChatError(45009);
    this.#forced += 1;
  }

  /** As if the day's calls of a path had been made. */
  exhaust(path: string, now: number): void {
    this.#used.set(path, Math.max(this.used(path, now), this.limit(path)));
  }

  /**
   * `clear_quota`, of one path or of all, ten times a month; throws 48006 after that. Forced refreshes are not an API
   * quota and stay.
   */
  clear(now: number, path?: string): void {
    if (this.#month !== chinaMonth(now)) this.#clears = 0;
    this.#month = chinaMonth(now);
    if (this.#clears >= CLEARS_PER_MONTH) throw new WeChatError(48006);
    this.#clears += 1;
    if (path === undefined) this.#used.clear();
    else this.#used.delete(path);
    this.#usedInMinute.clear();
  }

  /** Calls of today by path. */
  state(now: number): Readonly<Record<string, number>> {
    this.used('', now);
    return Object.fromEntries(this.#used);
  }
}
