import { chinaMonth } from '../calendar.js';
import type { Clock } from '../clock.js';
import type { DingTalkCommonSettings } from './switches.js';

/** Why a call is turned away. */
export type Turned = 'address' | 'rate' | 'quota';

/** A call before it is let in. */
export interface GatedCall {
  readonly ip: string;
  readonly path: string;
  /** Whose quota and rate it is. */
  readonly corpId: string | undefined;
  readonly isToken: boolean;
  /** Token endpoints, logins and contacts cost nothing. */
  readonly isFree: boolean;
}

/** What keeps calls of one client out: the list of addresses, the calls of a second, the calls of a month. */
export class Gate {
  readonly #seconds = new Map<string, { second: number; calls: number }>();
  readonly #months = new Map<string, { month: string; calls: number }>();
  readonly #switches: () => DingTalkCommonSettings;
  readonly #clock: Clock;

  constructor(switches: () => DingTalkCommonSettings, clock: Clock) {
    this.#switches = switches;
    this.#clock = clock;
  }

  /** Counts the call and lets it in, or says why not. */
  turn({ ip, path, corpId = '', isToken, isFree }: GatedCall): Turned | undefined {
    const { ipAllowList, ipListGuardsTokens, callsPerSecond, tokenCallsPerSecond, monthlyCalls } = this.#switches();
    const guarded = ipAllowList.length > 0 && (!isToken || ipListGuardsTokens);
    if (guarded && !ipAllowList.some((address) => matches(address, ip))) return 'address';
    const perSecond = isToken ? tokenCallsPerSecond : callsPerSecond;
    if (perSecond > 0 && this.#callsOfSecond(`${corpId} ${path}`) > perSecond) return 'rate';
    if (isFree) return undefined;
    const used = this.#callsOfMonth(corpId);
    if (used.calls >= (monthlyCalls || Number.POSITIVE_INFINITY)) return 'quota';
    used.calls += 1;
    return undefined;
  }

  /** Uses up what is left of the month, whatever the limit. */
  exhaust(corpId = ''): void {
    this.#callsOfMonth(corpId).calls = Number.POSITIVE_INFINITY;
  }

  /** Calls of this month, by organisation; an exhausted one has none to show. */
  used(): Record<string, number | null> {
    const month = chinaMonth(this.#clock.now());
    const rows = [...this.#months].filter(([, row]) => row.month === month);
    return Object.fromEntries(rows.map(([corpId, { calls }]) => [corpId, Number.isFinite(calls) ? calls : null]));
  }

  #callsOfSecond(key: string): number {
    const second = Math.floor(this.#clock.now() / 1000);
    const row = this.#seconds.get(key);
    const calls = row?.second === second ? row.calls + 1 : 1;
    this.#seconds.set(key, { second, calls });
    return calls;
  }

  #callsOfMonth(corpId: string): { month: string; calls: number } {
    const month = chinaMonth(this.#clock.now());
    const row = this.#months.get(corpId);
    if (row?.month === month) return row;
    const fresh = { month, calls: 0 };
    this.#months.set(corpId, fresh);
    return fresh;
  }
}

function matches(listed: string, ip: string): boolean {
  const [start = '', end] = listed.split('*');
  if (end === undefined) return listed === ip;
  return ip.length >= start.length + end.length && ip.startsWith(start) && ip.endsWith(end);
}
