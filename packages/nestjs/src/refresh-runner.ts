import { type RefreshReport, systemClock, TokenError, type TokenManager } from '@evertoken/core';
import type { Logger } from '@nestjs/common';
import type { AccountsFollower } from './accounts-follower.js';
import { ModuleTokenManager } from './module-token-manager.js';
import type { ModuleSettings } from './read-module-options.js';
import { JITTER } from './token.constants.js';

/** How the latest sweep went; times by the machine's monotonic clock, as the ticks are. */
export interface SweepRecord {
  readonly beganMs: number;
  /** Absent while it is under way. */
  readonly endedMs?: number;
  /** Absent where it went well. */
  readonly code?: string;
}

/** What a tick does: one sweep at a time, none before the start or after the stop, and never an error out of it. */
export class RefreshRunner {
  readonly #manager: TokenManager;
  readonly #settings: ModuleSettings;
  readonly #logger: Logger;
  readonly #accounts: AccountsFollower;
  readonly #stop = new AbortController();
  #started = false;
  #running: Promise<void> | undefined;
  #lastSweep: SweepRecord | undefined;

  constructor(manager: TokenManager, settings: ModuleSettings, logger: Logger, accounts: AccountsFollower) {
    this.#manager = manager;
    this.#settings = settings;
    this.#logger = logger;
    this.#accounts = accounts;
  }

  /** The sweep that began last; undefined before the first one. */
  get lastSweep(): SweepRecord | undefined {
    return this.#lastSweep;
  }

  /** Ticks count from now on; needed where the manager does not tell by itself that it was started. */
  start(): void {
    this.#started = true;
  }

  /** A tick. */
  run(): Promise<void> {
    if (this.#stop.signal.aborted || !this.#mayRun()) return Promise.resolve();
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ticks do nothing from now on; resolves when a sweep in progress has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #mayRun(): boolean {
    return this.#started || (this.#manager instanceof ModuleTokenManager && this.#manager.started);
  }

  async #sweep(): Promise<void> {
    const beganMs = systemClock.monotonic();
    this.#lastSweep = { beganMs };
    const code = await this.#refresh();
    this.#lastSweep = { beganMs, endedMs: systemClock.monotonic(), ...(code !== undefined && { code }) };
  }

  /** Never rejects: resolves with the code of what it failed with. */
  async #refresh(): Promise<string | undefined> {
    const { signal } = this.#stop;
    try {
      await this.#accounts.follow(signal);
      if (signal.aborted) return undefined;
      const jitterMs = (this.#settings.job?.untilNextMs() ?? 0) * JITTER;
      const report = await this.#manager.refreshDue({ jitterMs, signal });
      if (report.results.length > 0) this.#logger.debug(summary(report));
      return undefined;
    } catch (error) {
      if (!signal.aborted) this.#logger.error(...failure(error));
      return error instanceof TokenError ? error.code : 'ERR_UNKNOWN';
    }
  }
}

function summary({ counts }: RefreshReport): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return `refresh: ${parts.map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`;
}

function failure(error: unknown): [message: string, stack?: string] {
  if (error instanceof TokenError) return [`refresh failed, code ${error.code}: ${error.message}`];
  return ['refresh failed', String(error instanceof Error ? error.stack : error)];
}
