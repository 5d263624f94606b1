import { chinaDay, chinaMonth } from '../calendar.js';
import type { WeChatSettings } from './account.js';
import { WeChatError } from './errors.js';

const MINUTE_MS = 60_000;
const CLEARS_PER_MONTH = 10;

/** The call counters of one account. Days and months are those of China. */
export class QuotaBook {
  #day = Number.NaN;
  #used = new Map<string, number>();
  #minute = Number.NaN;
  #stableInMinute = 0;
  #forcedDay = Number.NaN;
  #forced = 0;
  #month = '';
  #clears = 0;
  readonly #settings: WeChatSettings;

  constructor(settings: WeChatSettings) {
    this.#settings = settings;
  }

  /** Counts a call; throws 45009 when the day's quota of the path is used up, 45011 for the minute's. */
  spend(path: string, now: number): void {
    if (path === '/cgi-bin/stable_token') this.#spendMinute(now);
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
    if (path === '/cgi-bin/token') return this.#settings.dailyTokenQuota;
    if (path === '/cgi-bin/stable_token') return this.#settings.dailyStableQuota;
    return this.#settings.dailyCallQuota;
  }

  /** Counts a forced refresh; throws 45009 when the day's are used up. */
  spendForced(now: number): void {
    if (this.#forcedDay !== chinaDay(now)) this.#forced = 0;
    this.#forcedDay = chinaDay(now);
    if (this.#forced >= this.#settings.dailyForcedQuota) throw new WeChatError(45009);
    this.#forced += 1;
  }

  /** `clear_quota`, ten times a month; throws 48006 after that. Forced refreshes are not an API quota and stay. */
  clear(now: number): void {
    if (this.#month !== chinaMonth(now)) this.#clears = 0;
    this.#month = chinaMonth(now);
    if (this.#clears >= CLEARS_PER_MONTH) throw new WeChatError(48006);
    this.#clears += 1;
    this.#used.clear();
    this.#stableInMinute = 0;
  }

  /** Calls of today by path. */
  state(now: number): Readonly<Record<string, number>> {
    this.used('', now);
    return Object.fromEntries(this.#used);
  }

  #spendMinute(now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (this.#minute !== minute) this.#stableInMinute = 0;
    this.#minute = minute;
    if (this.#stableInMinute >= this.#settings.minuteStableQuota) throw new WeChatError(45011);
    this.#stableInMinute += 1;
  }
}
