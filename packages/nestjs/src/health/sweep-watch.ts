import { systemClock } from '@evertoken/core';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { CronTime } from 'cron';
import type { JobSettings } from '../read-module-options.js';
import type { RefreshRunner } from '../refresh-runner.js';
import type { TokenHealthReason } from './token-health-report.js';

/** What is watched. */
export interface WatchedJob {
  readonly job: JobSettings;
  readonly registry: SchedulerRegistry;
  readonly runner: Pick<RefreshRunner, 'lastSweep'>;
  /** Whether ticks count already: a module may wait for a signal. */
  readonly started: () => boolean;
}

/** A minute: ticks are late on a busy machine. */
const GRACE_MS = 60_000;
/** As many ticks show the longest pause of an uneven expression: a weekend, say. */
const TICKS = 10;

/** Tells when the refresh job was stopped, has not run for longer than two of its pauses, or has failed when it ran last. */
export function sweepWatch({ job, registry, runner, started }: WatchedJob): () => readonly TokenHealthReason[] {
  // Ticks come by the machine's time, whatever clock the manager has.
  let since = systemClock.monotonic();
  const lateMs = 2 * longestPauseMs(job) + GRACE_MS;
  return () => {
    const now = systemClock.monotonic();
    // The wait counts from the signal.
    if (!started()) since = now;
    // Switched off in this process: another one refreshes.
    if (!registry.doesExist('cron', job.name)) return [];
    const { beganMs = since, code } = runner.lastSweep ?? {};
    if (code !== undefined) return [{ state: 'degraded', reason: 'sweep', code }];
    const stopped = !registry.getCronJob(job.name).isActive;
    return stopped || now - beganMs > lateMs ? [{ state: 'degraded', reason: 'sweep' }] : [];
  };
}

function longestPauseMs({ cron, timeZone }: JobSettings): number {
  const time = timeZone === undefined ? new CronTime(cron) : new CronTime(cron, timeZone);
  const ticks = time.sendAt(TICKS).map((tick) => tick.toMillis());
  return Math.max(...ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? tick)));
}
