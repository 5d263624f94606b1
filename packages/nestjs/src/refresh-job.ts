import { Cron } from '@nestjs/schedule';
import type { JobSettings } from './read-module-options.js';
import type { RefreshRunner } from './refresh-runner.js';

/** An instance with one `@Cron` method, for the explorer of @nestjs/schedule to find. */
export interface RefreshJob {
  refresh(): Promise<void>;
}

/**
 * Makes the job of one module. Its class is made here, because a decorator on a shared class would carry one module's
 * expression into the next.
 */
export function createRefreshJob({ cron, timeZone, name }: JobSettings, runner: RefreshRunner): RefreshJob {
  class TokenRefresh implements RefreshJob {
    refresh(): Promise<void> {
      return runner.run();
    }
  }
  const method = Object.getOwnPropertyDescriptor(TokenRefresh.prototype, 'refresh') as PropertyDescriptor;
  const decorate = Cron(cron, { name, waitForCompletion: true, ...(timeZone !== undefined && { timeZone }) });
  decorate(TokenRefresh.prototype, 'refresh', method);
  return new TokenRefresh();
}
