import 'reflect-metadata';
import { fixedTokens } from '@evertoken/core/testing';
import { Controller, Get, Inject, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { HealthCheck, type HealthCheckResult, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type TokenHealthCheckOptions,
  TokenHealthIndicator,
  TokenHealthModule,
  type TokenHealthOptions,
} from '../../src/health/index.js';
import { TokenManager, TokenModule, type TokenModuleOptions } from '../../src/index.js';
import { ending, failureOf, silence, started, testAccount } from '../support.js';
import { HOUR_MS, openWorld } from './world.js';

/** The application of the README: one endpoint, and the checks it makes. */
function application(
  tokens: TokenModuleOptions,
  checks: readonly (readonly [key: string, options?: TokenHealthCheckOptions])[] = [['tokens']],
): Type {
  @Controller('health')
  class HealthController {
    constructor(
      @Inject(HealthCheckService) private readonly health: HealthCheckService,
      @Inject(TokenHealthIndicator) private readonly tokens: TokenHealthIndicator,
    ) {}

    @Get()
    @HealthCheck()
    check() {
      return this.health.check(
        checks.map(
          ([key, options]) =>
            () =>
              this.tokens.check(key, options),
        ),
      );
    }
  }

  @Module({
    imports: [
      TokenModule.forRoot({ schedule: false, ...tokens }),
      TerminusModule.forRoot({ logger: false }),
      TokenHealthModule,
    ],
    controllers: [HealthController],
  })
  class AppModule {}
  return AppModule;
}

const adapters = { express: undefined, fastify: () => new FastifyAdapter() };

async function listening(module: Type, adapter: keyof typeof adapters) {
  const made = adapters[adapter]?.();
  const logger = silence();
  const app = await (made ? NestFactory.create(module, made, { logger }) : NestFactory.create(module, { logger }));
  ending(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return async () => {
    const response = await fetch(`${url}/health`);
    return { status: response.status, body: (await response.json()) as HealthCheckResult };
  };
}

const lostStore = expect.objectContaining({ state: 'down', reason: 'store', account: 'shop', code: 'ERR_TOKEN_STORE' });

describe.each(Object.keys(adapters) as (keyof typeof adapters)[])('on %s', (adapter) => {
  it('answers probes: 200 while tokens are to be had, degraded or not, and 503 where they are not', async () => {
    const world = await openWorld();
    const accounts = [world.shop, world.erp];
    const probe = await listening(application({ ...world.settings, accounts }), adapter);
    expect(await probe()).toMatchObject({
      status: 200,
      body: { status: 'ok', info: { tokens: { status: 'up', state: 'up', reasons: [] } }, error: {} },
    });
    // The application's own manager: it has no token in memory, and its store is gone.
    world.remote.trouble = 'down';
    await world.clock.advance(10_000);
    const failed = await probe();
    expect(failed).toMatchObject({
      status: 503,
      body: {
        status: 'error',
        error: { tokens: { status: 'down', reasons: expect.arrayContaining([lostStore]) } },
      },
    });
    expect(JSON.stringify(failed.body)).not.toContain('hidden');
  });

  it('answers degraded with 200', async () => {
    const world = await openWorld();
    await world.signIn('user-tanaka');
    await world.clock.advance(49 * HOUR_MS);
    const probe = await listening(application({ ...world.settings, accounts: [world.shop, world.erp] }), adapter);
    expect(await probe()).toMatchObject({
      status: 200,
      body: { status: 'degraded', info: { tokens: { status: 'degraded', reasons: [{ reason: 'grantEnding' }] } } },
    });
  });
});

it('tells a state as the option says: what a load balancer is to see need not be what a person is', async () => {
  const world = await openWorld();
  world.remote.trouble = 'down';
  const probe = await listening(
    application({ ...world.settings, accounts: [world.shop] }, [
      ['ready', { downAs: 'degraded' }],
      ['never', { downAs: 'up' }],
    ]),
    'express',
  );
  const { status, body } = await probe();
  expect(status).toBe(200);
  expect(body.details).toMatchObject({
    ready: { status: 'degraded', state: 'down' },
    never: { status: 'up', state: 'down' },
  });
});

it('checks several managers, and parts of one', async () => {
  const [ours, theirs] = [testAccount({ name: 'ours' }), testAccount({ name: 'theirs' })];
  const app = await started([
    TokenModule.forRoot({ accounts: [ours], schedule: false, store: (await openWorld()).remote.store }),
    TokenModule.forRoot({
      accounts: [theirs],
      schedule: false,
      managerName: 'partners',
      store: (await openWorld()).remote.store,
    }),
    TokenHealthModule,
  ]);
  const health = app.get(TokenHealthIndicator, { strict: false });
  await app.get(TokenManager).get(ours.accessToken);
  expect(await health.check('a')).toMatchObject({ a: { status: 'up', keys: 1, living: 1 } });
  expect(await health.check('b', { managerName: 'partners' })).toMatchObject({ b: { keys: 1, living: 0 } });
  expect(await health.check('c', { accounts: ['none'] })).toMatchObject({ c: { keys: 0 } });
  await expect(health.check('d', { managerName: 'nobody' })).rejects.toThrow(
    /^"managerName" must be that of a TokenModule/,
  );
  await expect(health.check('e', { degradedAs: 'yellow' as never })).rejects.toThrow(/^"degradedAs" must be 'up'/);
  await expect(health.check('f', { acounts: [] } as never)).rejects.toThrow(/^"acounts" is no option of check/);
});

it('needs neither terminus’ module nor a controller', async () => {
  @Injectable()
  class Heartbeat {
    constructor(@Inject(TokenHealthIndicator) readonly tokens: TokenHealthIndicator) {}
  }
  const account = testAccount({ name: 'shop' });
  const world = await openWorld();
  const app = await started(
    [TokenModule.forRoot({ accounts: [account], schedule: false, store: world.remote.store }), TokenHealthModule],
    { providers: [Heartbeat] },
  );
  expect(await app.get(Heartbeat).tokens.check('tokens')).toMatchObject({ tokens: { status: 'up' } });
});

it('works with the manager that a test puts in the place of the real one', async () => {
  const account = testAccount({ name: 'shop' });
  const imports = [TokenModule.forRoot({ accounts: [account], schedule: false }), TokenHealthModule];
  const module = await Test.createTestingModule({ imports })
    .setLogger(silence())
    .overrideProvider(TokenManager)
    .useValue(fixedTokens([[account.accessToken, 'T1']]))
    .compile();
  await ending(module).init();
  const health = module.get(TokenHealthIndicator, { strict: false });
  expect(await health.check('tokens')).toMatchObject({ tokens: { status: 'up', reasons: [] } });
});

it('shares one look between all probes, and takes its options from the module', async () => {
  const world = await openWorld();
  const { remote, clock } = world;
  const account = testAccount({ name: 'shop' });
  const tokens = TokenModule.forRoot({ accounts: [account], schedule: false, store: remote.store, clock });
  const options: TokenHealthOptions = { maxAgeMs: 60_000 };
  const app = await started([tokens, TokenHealthModule.forRootAsync({ useFactory: () => options })]);
  const health = app.get(TokenHealthIndicator, { strict: false });
  await Promise.all(['a', 'b', 'c'].map((key) => health.check(key)));
  await clock.advance(59_999);
  await health.check('a');
  expect(remote.lists).toBe(1);
  await clock.advance(1);
  await health.check('a');
  expect(remote.lists).toBe(2);
});

it('fails the start, and not the import, for wrong options', async () => {
  const wrong = TokenHealthModule.forRoot({ maxAgeMs: -1 });
  const tokens = TokenModule.forRoot({ accounts: [], schedule: false });
  expect(await failureOf(tokens, wrong)).toMatchObject({
    code: 'ERR_TOKEN_CONFIGURATION',
    message: expect.stringMatching(/^"maxAgeMs" must be a positive number/),
  });
});

describe('the refresh job', () => {
  const everySecond = { cron: '* * * * * *' };

  async function checked(options: Partial<TokenModuleOptions> = {}) {
    const world = await openWorld();
    const account = testAccount({ name: 'shop' });
    const tokens = { accounts: [account], store: world.remote.store, schedule: everySecond, ...options };
    const app = await started([ScheduleModule.forRoot(), TokenModule.forRoot(tokens), TokenHealthModule]);
    const health = app.get(TokenHealthIndicator, { strict: false });
    const reasons = async () => (await health.check('tokens')).tokens.reasons.map(({ reason, code }) => [reason, code]);
    return { ...world, app, reasons };
  }

  it('is no matter while it runs, and is one when it was stopped', async () => {
    const { app, reasons } = await checked();
    expect(await reasons()).toEqual([]);
    app.get(SchedulerRegistry).getCronJob('evertoken:refresh').stop();
    expect(await reasons()).toEqual([['sweep', undefined]]);
  });

  it('is one when it has not run for two of its pauses and a minute', async () => {
    const { reasons } = await checked({ schedule: { cron: '0 0 4 * * *', timeZone: 'Asia/Tokyo' } });
    const start = performance.now();
    const at = vi.spyOn(performance, 'now');
    onTestFinished(() => at.mockRestore());
    at.mockReturnValue(start + 48 * HOUR_MS + 59_000);
    expect(await reasons()).toEqual([]);
    at.mockReturnValue(start + 48 * HOUR_MS + 61_000);
    expect(await reasons()).toEqual([['sweep', undefined]]);
  });

  it('is one when its last sweep has failed', async () => {
    const { remote, reasons } = await checked();
    remote.trouble = 'down';
    await expect.poll(reasons, { timeout: 10_000 }).toContainEqual(['sweep', 'ERR_TOKEN_STORE']);
  });

  it('is none while the module waits for a signal, nor where the application has it switched off', async () => {
    for (const [schedule, options] of [
      [ScheduleModule.forRoot(), { startOn: 'signal' }],
      [ScheduleModule.forRoot({ cronJobs: false }), {}],
    ] as const) {
      const tokens = { accounts: [], store: (await openWorld()).remote.store, schedule: everySecond, ...options };
      const app = await started([schedule, TokenModule.forRoot(tokens), TokenHealthModule]);
      const start = performance.now();
      const at = vi.spyOn(performance, 'now').mockReturnValue(start + HOUR_MS);
      onTestFinished(() => at.mockRestore());
      const { tokens: report } = await app.get(TokenHealthIndicator, { strict: false }).check('tokens');
      expect(report.reasons).toEqual([]);
      at.mockRestore();
    }
  });
});
