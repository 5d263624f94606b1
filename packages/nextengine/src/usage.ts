import type { EpochMs, TokenQuota, Tokens } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';

/** Calls of an account in one calendar month of Japan. */
export interface NextEngineUsage {
  /** `YYYY-MM` in Japan. */
  readonly month: string;
  /** Requests that were sent: business calls, renewals, exchanges. Approximate: what several processes add may be lost in parts. */
  readonly calls: number;
  /** Calls the company has free each month. */
  readonly freeCalls: number;
  /** `calls` of `freeCalls`; above 1, calls are charged. */
  readonly share: number;
}

/** Kind of the record in which the calls of all processes are counted. */
export const API_CALLS = 'api_calls';

/** The free allowance, in the terms in which all accounts tell theirs. */
export function quotaOf({ quota }: Pick<AppSettings, 'quota'>): TokenQuota {
  return {
    calls: quota.freeCallsPerMonth,
    period: 'month',
    scope: 'account',
    utcOffsetMinutes: JAPAN_OFFSET_MS / 60_000,
    countedIn: API_CALLS,
  };
}

/** 25 calls or 5 minutes, whichever comes first: what a process that dies may leave uncounted. */
const KEEP_AFTER_CALLS = 25;
const KEEP_AFTER_MS = 5 * 60_000;

/** Counts the calls of this process, and adds them to what all processes have kept. Nobody waits for it and nothing fails of it. */
export class Usage {
  readonly #settings: AppSettings;
  #month = '';
  /** Calls of the month that are not kept yet. */
  #own = 0;
  /** What was kept when we last looked, ours included. */
  #kept = 0;
  #keptAt: EpochMs;
  #warned = '';
  #tokens: Tokens | undefined;
  #keeping: Promise<void> | undefined;
  /** The last time it could not be kept: the next one waits for its time. */
  #failing = false;

  constructor(settings: AppSettings) {
    this.#settings = settings;
    this.#keptAt = settings.clock.now();
  }

  /** By what the count is kept from now on: renewals alone have no way to the store. */
  keepIn(tokens: Tokens): void {
    this.#tokens = tokens;
  }

  /** A request is about to be sent. */
  count(): void {
    this.#turn();
    this.#own++;
    this.#warn();
    const dueByTime = this.#settings.clock.now() - this.#keptAt >= KEEP_AFTER_MS;
    if (dueByTime || (this.#own >= KEEP_AFTER_CALLS && !this.#failing)) void this.keep();
  }

  /** Adds what is not kept yet to what is, behind whoever called. Never rejects. */
  keep(): Promise<void> {
    const tokens = this.#tokens;
    if (!tokens) return Promise.resolve();
    this.#keeping ??= this.#keep(tokens).finally(() => {
      this.#keeping = undefined;
    });
    return this.#keeping;
  }

  /** The month so far, with what the other processes have kept. */
  async tell(tokens: Tokens): Promise<NextEngineUsage> {
    this.#turn();
    const { keptCalls } = await import('./usage-record.js');
    const kept = await keptCalls(this.#settings, tokens, this.#month).catch(() => undefined);
    this.#kept = Math.max(this.#kept, kept ?? 0);
    const { freeCallsPerMonth: freeCalls } = this.#settings.quota;
    return { month: this.#month, calls: this.#calls(), freeCalls, share: this.#calls() / freeCalls };
  }

  async #keep(tokens: Tokens): Promise<void> {
    const [month, own] = [this.#month, this.#own];
    this.#keptAt = this.#settings.clock.now();
    try {
      const { addCalls } = await import('./usage-record.js');
      const kept = await addCalls(this.#settings, tokens, { month, calls: own });
      this.#failing = false;
      if (month !== this.#month) return;
      this.#own -= own;
      this.#kept = Math.max(this.#kept, kept);
      this.#warn();
    } catch {
      this.#failing = true;
      // A store that is away, a manager that is closed: they are counted still, and added with the next ones.
    }
  }

  #calls(): number {
    return this.#kept + this.#own;
  }

  /** A new month begins at nothing. */
  #turn(): void {
    const month = monthOf(this.#settings.clock.now());
    if (month === this.#month) return;
    this.#month = month;
    this.#own = 0;
    this.#kept = 0;
  }

  #warn(): void {
    const { name, quota } = this.#settings;
    if (this.#warned === this.#month || this.#calls() < quota.freeCallsPerMonth * quota.warnAtShare) return;
    this.#warned = this.#month;
    const share = Math.floor((this.#calls() / quota.freeCallsPerMonth) * 100);
    process.emitWarning(
      `account "${name}" has made about ${this.#calls()} calls in ${this.#month}, ${share} % of the ${quota.freeCallsPerMonth} that are free`,
      { type: 'NextEngineQuota' },
    );
  }
}

const JAPAN_OFFSET_MS = 9 * 60 * 60_000;

/** `YYYY-MM` in Japan, where the allowance is reckoned. */
export function monthOf(now: EpochMs): string {
  return new Date(now + JAPAN_OFFSET_MS).toISOString().slice(0, 7);
}
