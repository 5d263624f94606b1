import type { Clock, TokenManager } from '@evertoken/core';
import { type Inspection, inspectAll, selected } from './inspection.js';
import { elapsedSince, type Instant, instantOf } from './instant.js';
import {
  type HealthSettings,
  known,
  readFilter,
  readHealthOptions,
  type TokenHealthFilter,
  type TokenHealthOptions,
} from './token-health-options.js';
import { reportOf, type TokenHealthReason, type TokenHealthReport } from './token-health-report.js';

/** What was found, and when. */
interface Found extends Inspection {
  readonly at: Instant;
  readonly durationMs: number;
}

/** 10: the stores spend a tenth of their time on telling at most. */
const REST = 10;
/** A minute: what is older than this, because the stores do not come to an end, is not all that is to be said. */
const STALE_MS = 60_000;

/**
 * Finds out how a manager's tokens are, without asking a platform: for probes of any kind, with terminus or without. All who ask
 * within `maxAgeMs` share one look at the stores.
 *
 * @example
 * const health = new TokenHealth(manager);
 * const { state, reasons } = await health.report({ accounts: ['shop'] });
 */
export class TokenHealth {
  readonly #manager: TokenManager;
  readonly #settings: HealthSettings;
  readonly #clock: Clock;
  #found: Found | undefined;
  #reached = false;
  #looking: Promise<void> | undefined;

  /** @throws TokenError `ERR_TOKEN_CONFIGURATION` for a wrong option. */
  constructor(manager: TokenManager, options: TokenHealthOptions = {}) {
    this.#manager = manager;
    this.#settings = readHealthOptions(options, 'TokenHealth');
    this.#clock = this.#settings.clock;
  }

  /**
   * How the tokens of the filter are. `also`: what else is the matter, to be told along.
   *
   * Rejects with `ERR_TOKEN_CONFIGURATION` for a wrong filter, and never for what it finds.
   */
  async report(filter: TokenHealthFilter = {}, also: readonly TokenHealthReason[] = []): Promise<TokenHealthReport> {
    known(filter, ['accounts', 'kinds', 'ignore'], 'report');
    const { ignore = [], ...which } = readFilter(filter);
    if (this.#isOld()) await this.#inTime(this.#look());
    const found = this.#found;
    const groups = selected(found?.groups ?? [], which);
    const reasons = [
      ...groups.flatMap((group) => group.reasons),
      ...(found?.reasons ?? []),
      ...(this.#isStale() ? [{ state: 'degraded', reason: 'slow' } as const] : []),
      ...also,
    ].filter(({ reason }) => !ignore.includes(reason));
    return reportOf(reasons, {
      keys: total(groups, 'keys'),
      living: total(groups, 'living'),
      checkedAt: found?.at.wall,
    });
  }

  #isOld(): boolean {
    if (!this.#found) return true;
    const { at, durationMs } = this.#found;
    return elapsedSince(at, this.#clock) >= Math.max(this.#settings.maxAgeMs, REST * durationMs);
  }

  #isStale(): boolean {
    if (!this.#found) return true;
    const { maxAgeMs } = this.#settings;
    const { at, durationMs } = this.#found;
    return elapsedSince(at, this.#clock) >= Math.max(STALE_MS, 2 * maxAgeMs, 2 * REST * durationMs);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#inspect().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #inspect(): Promise<void> {
    const at = instantOf(this.#clock);
    const inspection = await inspectAll(this.#manager, {
      settings: this.#settings,
      now: () => this.#clock.now(),
      reachedBefore: this.#reached,
    });
    this.#reached ||= inspection.reached;
    this.#found = { ...inspection, at, durationMs: elapsedSince(at, this.#clock) };
  }

  /** It goes on behind the caller, for the next one. */
  #inTime(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(this.#settings.timeoutMs, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }
}

function total(groups: readonly { readonly keys: number; readonly living: number }[], what: 'keys' | 'living'): number {
  return groups.reduce((sum, group) => sum + group[what], 0);
}
