import { memoryStore, TokenError } from '@evertoken/core';
import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import type { TestingModule } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import { TokenManager, TokenModule, type TokenModuleOptions } from '../src/index.js';
import { RefreshRunner } from '../src/refresh-runner.js';
import { AT_ONCE, silence, started, testAccount } from './support.js';

/** Never during a test. */
const NEW_YEAR = '0 0 0 1 1 *';
const schedule = ScheduleModule.forRoot();

const jobOf = (app: TestingModule, name = 'evertoken:refresh') => app.get(SchedulerRegistry).getCronJob(name);

async function world(options: Partial<TokenModuleOptions> = {}) {
  const shop = testAccount({ name: 'shop' });
  const log = silence();
  const registered = TokenModule.forRoot({
    accounts: [shop],
    store: memoryStore(),
    schedule: { cron: NEW_YEAR },
    ...AT_ONCE,
    ...options,
  });
  const app = await started([schedule, registered], { log });
  return { app, shop, log, tokens: app.get(TokenManager), tick: async () => jobOf(app).fireOnTick() };
}

describe('the job', () => {
  it('stands in SchedulerRegistry under its name, with its expression and zone', async () => {
    const { app } = await world({ schedule: { cron: '0 30 4 * * *', timeZone: 'Asia/Tokyo', name: 'tokens' } });
    const job = jobOf(app, 'tokens');
    expect(job.cronTime.source).toBe('0 30 4 * * *');
    expect(job.cronTime.timeZone).toBe('Asia/Tokyo');
    expect(job.waitForCompletion).toBe(true);
  });

  it('beats twice a minute by default, under a name of ours', async () => {
    for (const options of [{ schedule: undefined }, { schedule: {} }]) {
      expect(jobOf((await world(options)).app).cronTime.source).toBe('*/30 * * * * *');
    }
  });

  it('of one module leaks nothing into another’s', async () => {
    const module = (managerName: string | undefined, cron: string) =>
      TokenModule.forRoot({ ...(managerName && { managerName }), store: memoryStore(), schedule: { cron } });
    const app = await started([schedule, module(undefined, NEW_YEAR), module('partners', '0 0 0 2 1 *')]);
    const jobs = [...app.get(SchedulerRegistry).getCronJobs()].map(([name, { cronTime }]) => [name, cronTime.source]);
    expect(jobs.sort()).toEqual([
      ['evertoken:refresh', NEW_YEAR],
      ['evertoken:refresh:partners', '0 0 0 2 1 *'],
    ]);
  });

  it('leaves the application’s own jobs alone: each is there once', async () => {
    @Injectable()
    class Own {
      @Cron(NEW_YEAR, { name: 'own' })
      work() {}
      @Cron(NEW_YEAR)
      alsoWork() {}
    }
    const app = await started([schedule, TokenModule.forRoot({ store: memoryStore() })], { providers: [Own] });
    // One registry, and in it one job of each: a ScheduleModule of ours would have brought a second one with all jobs again.
    const registries = app.get(SchedulerRegistry, { strict: false, each: true });
    expect(registries).toHaveLength(1);
    const names = [...registries.flatMap((registry) => [...registry.getCronJobs().keys()])].sort();
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), 'evertoken:refresh', 'own']);
  });

  it('may be stopped, started and deleted through the registry, as any job', async () => {
    const { app, tokens } = await world({ schedule: { cron: '* * * * * *' } });
    const refreshDue = vi.spyOn(tokens, 'refreshDue').mockResolvedValue({ counts: {}, results: [] } as never);
    const registry = app.get(SchedulerRegistry);
    const job = registry.getCronJob('evertoken:refresh');
    await job.stop();
    expect(job.isActive).toBe(false);
    const before = refreshDue.mock.calls.length;
    job.start();
    await vi.waitFor(() => expect(refreshDue.mock.calls.length).toBeGreaterThan(before), { timeout: 10_000 });
    registry.deleteCronJob('evertoken:refresh');
    expect([registry.doesExist('cron', 'evertoken:refresh'), job.isActive]).toEqual([false, false]);
  });

  it('does not exist with "schedule": false, nor is ScheduleModule needed then', async () => {
    await started([TokenModule.forRoot({ store: memoryStore(), schedule: false })]);
    expect((await world({ schedule: false })).app.get(SchedulerRegistry).getCronJobs().size).toBe(0);
  });

  it('is switched off with all cron jobs, which is no error', async () => {
    const off = ScheduleModule.forRoot({ cronJobs: false });
    const app = await started([off, TokenModule.forRoot({ store: memoryStore() })]);
    expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(0);
  });
});

describe('a tick', () => {
  it('refreshes what is due, and says so in one line', async () => {
    const { shop, log, tokens, tick } = await world();
    await tick();
    expect(tokens.peek(shop.accessToken)?.value).toBe('shop-1');
    expect(log.lines).toContainEqual({ level: 'debug', context: 'Evertoken', text: 'refresh: 1 renewed' });
    await tick();
    expect(shop.calls()).toBe(1);
    expect(log.lines.filter(({ text }) => text.startsWith('refresh'))).toHaveLength(1);
  });

  it('begins within a tenth of the time to the next one', async () => {
    const { tokens, tick } = await world({ schedule: { cron: '0 0 */6 * * *' } });
    const refreshDue = vi.spyOn(tokens, 'refreshDue');
    await tick();
    const { jitterMs = -1 } = refreshDue.mock.calls[0]?.[0] ?? {};
    expect(jitterMs).toBeGreaterThanOrEqual(0);
    expect(jitterMs).toBeLessThanOrEqual(0.1 * 6 * 3_600_000);
  });

  it('does nothing while an earlier one is still at it, even of a second ScheduleModule', async () => {
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow = testAccount({ name: 'slow', issue: () => asked.then(() => ({ value: 'T', lifetimeMs: 7_200_000 })) });
    const tokenModule = TokenModule.forRoot({
      accounts: [slow],
      store: memoryStore(),
      schedule: { cron: NEW_YEAR },
      ...AT_ONCE,
    });
    const app = await started([schedule, ScheduleModule.forRoot(), tokenModule]);
    const refreshDue = vi.spyOn(app.get(TokenManager), 'refreshDue');
    const registries = app.get(SchedulerRegistry, { strict: false, each: true });
    const jobs = registries.map((registry) => registry.getCronJob('evertoken:refresh'));
    // Two explorers make two jobs of one method, and neither knows of the other.
    expect(new Set(jobs).size).toBe(2);
    const tick = () => Promise.all(jobs.map((job) => job.fireOnTick()));
    const ticks = [tick(), tick()];
    await vi.waitFor(() => expect(slow.calls()).toBe(1));
    answer();
    await Promise.all(ticks);
    expect(refreshDue).toHaveBeenCalledTimes(1);
    await tick();
    expect(refreshDue).toHaveBeenCalledTimes(2);
  });

  it('never throws: a store that is down is a line in the log, and the next tick tries again', async () => {
    const { tokens, log, tick } = await world();
    vi.spyOn(tokens, 'refreshDue').mockRejectedValueOnce(new Error('boom'));
    await tick();
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      text: expect.stringMatching(/^refresh failed Error: boom/),
    });
    await tick();
    expect(log.lines.at(-1)?.text).toBe('refresh: 1 renewed');
  });

  it('leaves word of how it went, for whoever watches over it', async () => {
    const { app, tokens, tick } = await world();
    const runner = app.get(RefreshRunner, { strict: false });
    expect(runner.lastSweep).toBeUndefined();
    const failing = vi.spyOn(tokens, 'refreshDue');
    failing.mockImplementationOnce(async () => {
      expect(runner.lastSweep).toEqual({ beganMs: expect.any(Number) });
      throw new TokenError('ERR_TOKEN_STORE', 'down');
    });
    await tick();
    expect(runner.lastSweep).toMatchObject({ endedMs: expect.any(Number), code: 'ERR_TOKEN_STORE' });
    failing.mockRejectedValueOnce(new Error('boom'));
    await tick();
    expect(runner.lastSweep?.code).toBe('ERR_UNKNOWN');
    await tick();
    expect(runner.lastSweep).toEqual({ beganMs: expect.any(Number), endedMs: expect.any(Number) });
  });

  it('does nothing after drain', async () => {
    const { shop, tokens, tick } = await world();
    await tokens.drain();
    await tick();
    expect(shop.calls()).toBe(0);
  });

  it('does nothing once the application is ending', async () => {
    const { app, shop, tokens } = await world();
    const job = jobOf(app);
    await app.close();
    const refreshDue = vi.spyOn(tokens, 'refreshDue');
    await Promise.all(callbacksOf(job).map((callback) => callback()));
    expect(refreshDue).not.toHaveBeenCalled();
    expect(shop.calls()).toBe(0);
  });
});

describe('with startOn: signal', () => {
  it('nothing is refreshed before manager.start() has been called; get works all the same', async () => {
    const { shop, tokens, tick } = await world({ startOn: 'signal' });
    await tick();
    expect(shop.calls()).toBe(0);
    expect((await tokens.get(shop.accessToken)).value).toBe('shop-1');
    await tokens.start();
    const refreshDue = vi.spyOn(tokens, 'refreshDue');
    await tick();
    expect(refreshDue).toHaveBeenCalledTimes(1);
  });

  it('the signal counts even where the store was down when it came', async () => {
    const store = memoryStore();
    vi.spyOn(store, 'open').mockRejectedValueOnce(new Error('down'));
    const { shop, tokens, tick } = await world({ startOn: 'signal', store });
    await expect(tokens.start()).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    await tick();
    expect(shop.calls()).toBe(1);
  });
});

/** What a job calls, without its guard against overlap. */
function callbacksOf(job: object): (() => Promise<void>)[] {
  return (job as { _callbacks: (() => Promise<void>)[] })._callbacks;
}
