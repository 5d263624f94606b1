import { assertCount, assertKnownKeys, assertOneOf, assertRecord } from '../check.js';
import type { Clock } from '../clock.js';

/** Limits of the whole platform, whoever calls. */
export interface DingTalkLimits {
  /** Calls of one address, over both hosts, in a window; the address is banned beyond. Default: 10 000. */
  readonly addressCalls?: number;
  /** Default: 20 s of sandbox time. */
  readonly addressWindowMs?: number;
  /** How long an address is banned. Default: 5 min of sandbox time. */
  readonly banMs?: number;
  /** What a banned address gets: `{"status":1111,...}` or a page. Default: `json`. */
  readonly banForm?: 'json' | 'html';
  /** With which HTTP status. Not documented. Default: 200. */
  readonly banStatus?: number;
  /** Calls of one path, whoever calls, in a second; 90002 and QpsLimitForApi beyond. 0: no limit. Default: 0. */
  readonly pathCallsPerSecond?: number;
}

const DEFAULTS: Required<DingTalkLimits> = {
  addressCalls: 10_000,
  addressWindowMs: 20_000,
  banMs: 5 * 60_000,
  banForm: 'json',
  banStatus: 200,
  pathCallsPerSecond: 0,
};

/** Counts calls by address and by path, and keeps the banned addresses. */
export class Limits {
  #limits = DEFAULTS;
  readonly #windows = new Map<string, { start: number; calls: number }>();
  readonly #bans = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get current(): Required<DingTalkLimits> {
    return this.#limits;
  }

  configure(change: DingTalkLimits): void {
    assertKnownKeys('the limits', assertRecord('limits', change), Object.keys(DEFAULTS));
    const limits = { ...this.#limits, ...change };
    assertCount('addressCalls', limits.addressCalls, 1);
    assertCount('addressWindowMs', limits.addressWindowMs, 1);
    assertCount('banMs', limits.banMs, 1);
    assertOneOf('banForm', limits.banForm, ['json', 'html']);
    assertCount('banStatus', limits.banStatus, 200, 599);
    assertCount('pathCallsPerSecond', limits.pathCallsPerSecond, 0);
    this.#limits = limits;
  }

  ban(ip: string): void {
    this.#bans.set(ip, this.#clock.now() + this.#limits.banMs);
  }

  unban(ip: string): void {
    this.#bans.delete(ip);
    this.#windows.delete(ip);
  }

  state(): DingTalkLimitState {
    const now = this.#clock.now();
    return { ...this.#limits, banned: [...this.#bans].filter(([, endsAt]) => now < endsAt).map(([ip]) => ip) };
  }

  /** Counts a call and tells whether it goes through. */
  take(ip: string, path: string): 'ok' | 'banned' | 'busyPath' {
    const now = this.#clock.now();
    if (now < (this.#bans.get(ip) ?? Number.NEGATIVE_INFINITY)) return 'banned';
    const { addressCalls, addressWindowMs, pathCallsPerSecond } = this.#limits;
    if (this.#count(ip, addressWindowMs) > addressCalls) {
      this.unban(ip);
      this.ban(ip);
      return 'banned';
    }
    return pathCallsPerSecond > 0 && this.#count(`path ${path}`, 1000) > pathCallsPerSecond ? 'busyPath' : 'ok';
  }

  #count(key: string, windowMs: number): number {
    const now = this.#clock.now();
    const window = this.#windows.get(key);
    const fresh = window === undefined || now >= window.start + windowMs ? { start: now, calls: 0 } : window;
    fresh.calls += 1;
    this.#windows.set(key, fresh);
    return fresh.calls;
  }
}

/** The limits of the moment, and the addresses that are banned. */
export interface DingTalkLimitState extends Required<DingTalkLimits> {
  /** Addresses that are shut out at present. */
  readonly banned: readonly string[];
}
