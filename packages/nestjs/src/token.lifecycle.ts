import { type CloseReport, TokenError, type TokenManager } from '@evertoken/core';
import type { Logger, OnApplicationBootstrap, OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import type { AccountsFollower } from './accounts-follower.js';
import { ModuleTokenManager } from './module-token-manager.js';
import type { ModuleSettings } from './read-module-options.js';
import type { RefreshRunner } from './refresh-runner.js';
import { configurationError, SCHEDULE_MODULE_MISSING } from './token.messages.js';

/** What the lifecycle works with. */
export interface LifecycleParts {
  readonly manager: TokenManager;
  readonly settings: ModuleSettings;
  readonly runner: RefreshRunner;
  readonly logger: Logger;
  readonly accounts: AccountsFollower;
  /** Whether the application imports `ScheduleModule`. */
  readonly hasSchedule: boolean;
}

/**
 * Starts the manager with the application, drains it in `onModuleDestroy` and closes it in `onApplicationShutdown`: between
 * the two requests are still served, and answered from memory.
 */
export class TokenLifecycle implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #parts: LifecycleParts;
  /** Nest runs its hooks again for each `app.close()`; what is left behind must not be waited for twice. */
  #draining: Promise<void> | undefined;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { manager, settings, runner, logger, accounts, hasSchedule } = this.#parts;
    if (settings.job && !hasSchedule) throw configurationError(SCHEDULE_MODULE_MISSING);
    if (settings.startOn === 'signal') return;
    await accounts.follow();
    try {
      await manager.start();
    } catch (error) {
      // A store that is down must not keep the application from starting: the next tick or `get` tries again.
      if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_STORE') throw error;
      logger.warn(`started without its store, code ${error.code}: ${error.message}`);
    }
    runner.start();
  }

  onModuleDestroy(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async onApplicationShutdown(): Promise<void> {
    const { closeTimeoutMs, storeTimeoutMs } = this.#parts.settings;
    // `close` waits that long for what is still under way; stores have the time of any other call for their farewell.
    await this.#inTime(this.#close(), closeTimeoutMs + storeTimeoutMs, 'its stores have not closed');
  }

  async #close(): Promise<void> {
    const { manager, logger } = this.#parts;
    try {
      const { unanswered } = await manager.close();
      if (unanswered.length > 0) logger.warn(`closed with requests unanswered: ${kinds(unanswered)}`);
    } catch (error) {
      logger.error('could not close its stores', error instanceof Error ? error.stack : String(error));
    }
  }

  async #drain(): Promise<void> {
    const { manager, runner, settings, logger } = this.#parts;
    const failed = (error: unknown) => logger.error('could not drain', String(error));
    const draining = runner.stop().then(() => manager.drain());
    await this.#inTime(draining.catch(failed), settings.closeTimeoutMs, 'still busy');
    if (manager instanceof ModuleTokenManager) await manager.releaseCache();
  }

  /** A request that must not be aborted may take minutes; the application does not wait that long to end. */
  async #inTime(work: Promise<void>, limitMs: number, what: string): Promise<void> {
    const { settings, logger } = this.#parts;
    let cancel = () => {};
    const limit = new Promise<'late'>((resolve) => {
      // Stores let a process end that waits for them alone; here others have still to be shut down.
      cancel = settings.clock.after(limitMs, () => resolve('late'), true);
    });
    const ended = await Promise.race([work, limit]);
    cancel();
    if (ended === 'late') logger.warn(`${what} after ${limitMs} ms; goes on shutting down`);
  }
}

function kinds(unanswered: CloseReport['unanswered']): string {
  const counts = new Map<string, number>();
  for (const { account, kind } of unanswered) {
    const name = `${kind} of account "${account}"`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}
