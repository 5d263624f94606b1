import type { Clock } from '../clock.js';
import { CallLimits } from './call-limits.js';
import { WeComError } from './errors.js';
import type { WeComCommonSettings } from './switches.js';

/** What stands between a caller and an account: addresses, call limits, calls that are under way. */
export class Gate {
  readonly limits = new CallLimits();
  #blocked = new Set<string>();
  #underWay = 0;
  readonly #switches: () => WeComCommonSettings;
  readonly #clock: Clock;

  constructor(switches: () => WeComCommonSettings, clock: Clock) {
    this.#switches = switches;
    this.#clock = clock;
  }

  get switches(): WeComCommonSettings {
    return this.#switches();
  }

  now(): number {
    return this.#clock.now();
  }

  checkAddress(ip: string): void {
    const { ipAllowList } = this.switches;
    const allowed = ipAllowList.length === 0 || ipAllowList.includes(ip);
    if (!allowed || this.#blocked.has(ip)) throw new WeComError(60020);
  }

  block(ip: string, blocked: boolean): void {
    if (blocked) this.#blocked.add(ip);
    else this.#blocked.delete(ip);
  }

  /** Counts a call of a path; throws 45009 when it is one too many, and as long as the path is blocked. */
  spend(path: string): void {
    const now = this.now();
    const { minuteCallQuota, hourCallQuota, dailyCallQuota } = this.switches;
    this.limits.check(path, now);
    this.limits.count(path, 'minute', minuteCallQuota, now);
    this.limits.count(path, 'hour', hourCallQuota, now);
    this.limits.count(path, 'day', dailyCallQuota, now);
  }

  /** Takes one of the places for calls under way, for the time an answer takes; throws 45033 if there is none. */
  occupy(after: (ms: number, task: () => void) => void): void {
    const { answerMs, concurrency } = this.switches;
    if (concurrency !== false && this.#underWay >= concurrency) throw new WeComError(45033);
    if (answerMs === 0) return;
    this.#underWay += 1;
    after(answerMs, () => {
      this.#underWay -= 1;
    });
  }

  /** Addresses that were blocked by hand. */
  blocked(): readonly string[] {
    return [...this.#blocked];
  }
}
