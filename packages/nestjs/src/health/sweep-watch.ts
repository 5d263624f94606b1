import { systemClock } from '@evertoken/core';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { CronTime } from 'cron';
import type { JobSettings } from '../read-module-options.js';
import type { TokenHealthReason } from './token-health-report.js';

/** How the refresh job's last sweep went, times by the machine's monotonic clock: ticks come by its time, whatever clock the manager has. */
export interface SweepLife {
  readonly beganMs: number;
  readonly endedMs?: number;
  /** Of a sweep that failed. */
  readonly code?: string;
}

/** What is watched. */
export interface WatchedJob {
  readonly job: JobSettings;
  readonly registry: SchedulerRegistry;
  readonly runner: { readonly lastSweep?: SweepLife | undefined };
  /** Whether ticks count already: a module may wait for a signal. */
  readonly started: () => boolean;
}

/** A minute: ticks are late on a busy machine. */
const GRACE_MS = 60_000;
/** As many ticks show the longest pause of an uneven expression: a weekend, say. */
const TICKS = 10;

/** Tells when the refresh job has not run for longer than two of its pauses, or when what it last ran has failed. */
export function sweepWatch({ job, registry, runner, started }: WatchedJob): () => readonly TokenHealthReason[] {
  let since = systemClock.monotonic();
  const lateMs = 2 * longestPauseMs(job) + GRACE_MS;
  return () => {
    const life = runner.lastSweep;
    if (!started()) since = systemClock.monotonic();
    // Switched off in this process: another one refreshes.
    if (!registry.doesExist('cron', job.name)) return [];
    if (life?.code !== undefined) return [{ state: 'degraded', reason: 'sweep', code: life.code }];
    const late = systemClock.monotonic() - (life?.beganMs ?? since) > lateMs;
    return late ? [{ state: 'degraded', reason: 'sweep' }] : [];
  };
}

function longestPauseMs({ cron, timeZone }: JobSettings): number {
  const time = timeZone === undefined ? new CronTime(cron) : new CronTime(cron, timeZone);
  const ticks = time.sendAt(TICKS).map((tick) => tick.toMillis());
  return Math.max(...ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? tick)));
}
