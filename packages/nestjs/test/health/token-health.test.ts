import { TokenError, TokenManager, type TokenStatus, tokenKeyOf } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { TokenHealth, type TokenHealthReport } from '../../src/health/index.js';
import { testAccount } from '../support.js';
import { HOUR_MS, openPlatformOf, openWorld, USERS } from './world.js';

const MINUTE_MS = 60_000;
const { wechat, nextengine } = SANDBOX_ACCOUNTS;

type World = Awaited<ReturnType<typeof openWorld>>;

/** A look at the stores that no earlier one stands for; it asks no platform, and shows nothing that is nobody's business. */
async function reportOf(world: World, filter = {}): Promise<TokenHealthReport> {
  const before = world.sandbox.calls().length;
  const report = await new TokenHealth(world.tokens, { clock: world.clock }).report(filter);
  expect(world.sandbox.calls()).toHaveLength(before);
  await expectNoSecretIn(world, report);
  return report;
}

async function expectNoSecretIn({ tokens, shop, erp, sandbox }: World, report: unknown): Promise<void> {
  const text = JSON.stringify(report);
  const secrets: (string | undefined)[] = [wechat.secret, nextengine.clientSecret, 'hidden', ...USERS];
  for (const source of [shop.accessToken, shop.jsapiTicket, ...USERS.map((uid) => erp.user(uid).accessToken)]) {
    secrets.push(tokens.peek(source)?.value);
  }
  for (const uid of USERS) {
    const pair = sandbox.nextengine.currentPair(nextengine.clientId, uid);
    secrets.push(pair?.accessToken, pair?.refreshToken);
  }
  for (const secret of secrets) if (secret !== undefined) expect(text).not.toContain(secret);
}

describe('the states', () => {
  it('up: what is configured and stored lives', async () => {
    const world = await openWorld();
    await world.tokens.refreshDue();
    await world.signIn(USERS[0]);
    const report = await reportOf(world);
    expect(report).toMatchObject({ state: 'up', reasons: [], checkedAt: '2026-01-01T00:00:00.000Z' });
    expect(report.living).toBeGreaterThanOrEqual(2);
    expect(report.keys).toBeGreaterThanOrEqual(report.living);
  });

  it('up: what an account keeps beside its tokens is none of them', async () => {
    const world = await openWorld();
    const account = testAccount({ name: 'own' });
    world.tokens.add(account);
    const parts = { platform: account.platform, id: account.id, kind: 'api_calls' };
    const counter = { ...account.accessToken, key: tokenKeyOf(parts), kind: 'api_calls' };
    await world.tokens.adopt(counter, { value: '12' }, { order: 1 });
    expect(await reportOf(world, { accounts: ['own'] })).toMatchObject({ state: 'up', keys: 1, living: 0 });
  });

  it('up: nothing was asked for yet, so nothing has failed', async () => {
    const report = await reportOf(await openWorld());
    expect(report).toMatchObject({ state: 'up', living: 0 });
  });

  it('down: the platform refuses an account, and its last token has ended', async () => {
    const world = await openWorld();
    await world.tokens.refreshDue();
    world.sandbox.wechat.resetSecret(wechat.appId, 'another-secret');
    // The last five minutes of the token, in which the platform gives another one.
    await world.clock.advance(117 * MINUTE_MS);
    await world.tokens.refreshDue();
    expect(await reportOf(world)).toMatchObject({ state: 'up' });
    await world.clock.advance(HOUR_MS);
    const report = await reportOf(world);
    expect(report.state).toBe('down');
    expect(report.reasons.find(({ kind }) => kind === 'stable_access_token')).toMatchObject({
      state: 'down',
      reason: 'unobtainable',
      account: 'shop',
      keys: 1,
      of: 1,
      code: 'ERR_TOKEN_REFUSED',
      platformCode: expect.any(String),
    });
    expect(await reportOf(world, { accounts: ['erp'] })).toMatchObject({ state: 'up', reasons: [] });
  });

  it('degraded: a token lives, and attempts to renew it fail in a row', async () => {
    const world = await openWorld();
    await world.tokens.get(world.shop.accessToken);
    await world.clock.advance(117 * MINUTE_MS);
    world.sandbox.fault({ kind: 'busy', platform: 'wechat', count: 'always' });
    const states: string[] = [];
    for (let failures = 1; failures <= 3; failures++) {
      await world.tokens.refresh(world.shop.accessToken);
      states.push((await reportOf(world)).state);
    }
    expect(states).toEqual(['up', 'up', 'degraded']);
    const [reason] = (await reportOf(world)).reasons;
    expect(reason).toMatchObject({ reason: 'failing', account: 'shop', code: 'ERR_TOKEN_BUSY', platformCode: '-1' });
    expect(await reportOf(world, { ignore: ['failing'] })).toMatchObject({ state: 'up', reasons: [] });
  });

  it('degraded: one of many has to sign in again', async () => {
    const world = await openWorld();
    for (const uid of USERS) await world.signIn(uid);
    // Another system signs the first one in: ours is refused when it is presented.
    world.sandbox.nextengine.issuePair(nextengine.clientId, USERS[0]);
    await world.clock.advance(26 * HOUR_MS);
    await world.tokens.refreshAll({ accounts: ['erp'] });
    const report = await reportOf(world, { accounts: ['erp'] });
    expect(report).toMatchObject({ state: 'degraded', keys: 3, living: 2 });
    expect(report.reasons).toEqual([
      expect.objectContaining({
        state: 'degraded',
        reason: 'reauthorize',
        account: 'erp',
        keys: 1,
        of: 3,
        code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
        platformCode: '002002',
        subjects: [expect.stringMatching(/^#[0-9a-f]{16}$/)],
      }),
    ]);
  });

  it('degraded: grants end soon, and nothing has renewed them', async () => {
    const world = await openWorld();
    for (const uid of USERS) await world.signIn(uid);
    await world.clock.advance(47 * HOUR_MS);
    expect(await reportOf(world, { accounts: ['erp'] })).toMatchObject({ state: 'up' });
    await world.clock.advance(2 * HOUR_MS);
    const { state, reasons } = await reportOf(world, { accounts: ['erp'] });
    expect([state, reasons]).toMatchObject(['degraded', [{ reason: 'grantEnding', keys: 3, of: 3 }]]);
  });

  it('degraded: a company is suspended', async () => {
    const world = await openWorld();
    for (const uid of USERS) await world.signIn(uid);
    world.sandbox.nextengine.company(nextengine.clientId, USERS[1], { suspended: '002003' });
    await world.clock.advance(26 * HOUR_MS);
    await world.tokens.refreshAll({ accounts: ['erp'] });
    const { state, reasons } = await reportOf(world, { accounts: ['erp'] });
    expect([state, reasons]).toMatchObject([
      'degraded',
      [{ reason: 'suspended', keys: 1, of: 3, code: 'ERR_TOKEN_SUSPENDED', platformCode: '002003' }],
    ]);
  });

  it('degraded, never down: a push has to come in first, and it comes in here', async () => {
    const world = await openWorld();
    world.tokens.add(openPlatformOf(world.sandbox));
    await world.tokens.refreshDue();
    const report = await reportOf(world, { accounts: ['platform'] });
    expect(report).toMatchObject({ state: 'degraded', living: 0 });
    expect(report.reasons.every(({ reason }) => reason === 'waiting')).toBe(true);
    const issue = () => {
      throw new TokenError('ERR_TOKEN_WAITING', 'the platform has not pushed the ticket yet');
    };
    world.tokens.add(testAccount({ name: 'own', issue }));
    await world.tokens.refreshDue();
    const own = await reportOf(world, { accounts: ['own'] });
    expect([own.state, own.reasons]).toMatchObject(['degraded', [{ reason: 'waiting', kind: 'access_token' }]]);
  });

  it('degraded: the platform hands out again what it refuses', async () => {
    const world = await openWorld();
    const same = testAccount({ name: 'same', issue: () => ({ value: 'always', lifetimeMs: 7_200_000 }) });
    world.tokens.add(same);
    const token = await world.tokens.get(same.accessToken);
    await world.tokens.reject(same.accessToken, token).catch(() => {});
    await world.tokens.reject(same.accessToken, token).catch(() => {});
    const { state, reasons } = await reportOf(world, { accounts: ['same'] });
    expect([state, reasons]).toMatchObject(['degraded', [{ reason: 'repeated', account: 'same' }]]);
  });
});

describe('without the store', () => {
  it('degraded while what is in memory lives, and down when it has ended', async () => {
    const world = await openWorld();
    const health = new TokenHealth(world.tokens, { clock: world.clock });
    await world.tokens.refreshDue();
    expect(await health.report()).toMatchObject({ state: 'up' });
    world.remote.trouble = 'down';
    await world.clock.advance(10_000);
    const served = await health.report();
    expect(served).toMatchObject({
      state: 'degraded',
      reasons: [{ state: 'degraded', reason: 'store', code: 'ERR_TOKEN_STORE' }],
    });
    expect(served.living).toBeGreaterThan(0);
    // In this process only the token is in use; another one has renewed the tickets.
    await world.clock.advance(117 * MINUTE_MS);
    world.remote.trouble = undefined;
    await world.tokens.refresh(world.shop.accessToken);
    await world.clock.advance(10 * MINUTE_MS);
    world.remote.trouble = 'down';
    const partly = await health.report();
    expect(partly).toMatchObject({ state: 'degraded', living: 1, reasons: [{ state: 'degraded', reason: 'store' }] });
    expect(partly.keys).toBeGreaterThan(1);
    await world.clock.advance(3 * HOUR_MS);
    const ended = await health.report();
    expect(ended.reasons[0]).toMatchObject({ state: 'down', reason: 'store', account: 'shop' });
    await expectNoSecretIn(world, [served, ended]);
    world.remote.trouble = undefined;
    await world.tokens.refreshDue();
    await world.clock.advance(60_000);
    expect(await health.report()).toMatchObject({ state: 'up' });
  });

  it('down where it was never reached and nothing is in memory', async () => {
    const world = await openWorld();
    world.remote.trouble = 'down';
    expect(await reportOf(world, { accounts: ['erp'] })).toMatchObject({
      state: 'down',
      reasons: [{ reason: 'store' }],
    });
  });

  it('waits for a silent one no longer than timeoutMs, and tells what was known before', async () => {
    const world = await openWorld();
    await world.tokens.refreshDue();
    const health = new TokenHealth(world.tokens, { clock: world.clock, timeoutMs: 500, maxAgeMs: 1_000 });
    const first = await health.report();
    world.remote.trouble = 'silent';
    await world.clock.advance(1_000);
    const waiting = health.report();
    await world.clock.advance(500);
    expect(await waiting).toEqual(first);
    // The store's own time limit ends the look, and then it is said.
    await world.clock.advance(2_000);
    const later = health.report();
    await world.clock.advance(500);
    expect(await later).toMatchObject({ state: 'degraded', reasons: [{ reason: 'store' }] });
  });

  it('says that it does not know yet', async () => {
    const world = await openWorld();
    world.remote.trouble = 'silent';
    const waiting = new TokenHealth(world.tokens, { clock: world.clock, timeoutMs: 500 }).report();
    await world.clock.advance(500);
    const report = await waiting;
    expect(report).toEqual({ state: 'degraded', keys: 0, living: 0, reasons: [{ state: 'degraded', reason: 'slow' }] });
  });

  it('down: the gate refuses the store', async () => {
    const { state, reasons } = await reportOf(await openWorld({ allowVolatileGrants: false }));
    expect([state, reasons]).toMatchObject(['down', [{ reason: 'configuration', code: 'ERR_TOKEN_CONFIGURATION' }]]);
  });
});

/** A manager of many keys, that counts how often they are looked through. */
class Crowd extends TokenManager {
  looks = 0;
  readonly clock: ManualClock;

  constructor(
    readonly size: number,
    readonly tookMs = 0,
    clock = new ManualClock(),
  ) {
    super({ clock });
    this.clock = clock;
  }

  override async *inspect(): AsyncGenerator<TokenStatus> {
    this.looks++;
    for (let n = 0; n < this.size; n++) {
      yield {
        key: `et1/test/id/user_token/${n}`,
        platform: 'test',
        account: `tenant-${n % 50}`,
        kind: 'user_token',
        subject: `subject-${n}`,
        state: n < this.size / 2 ? 'reauthorize' : 'active',
        generation: 1,
        issuedAt: this.clock.now(),
        failures: 0,
      };
    }
    this.clock.step(this.tookMs);
  }
}

describe('the cost', () => {
  it('looks through 100,000 keys once for all who ask, and lets others have their turn', async () => {
    const crowd = new Crowd(100_000);
    const health = new TokenHealth(crowd, { clock: crowd.clock });
    let turns = 0;
    const count = () => {
      turns++;
      if (looking) setImmediate(count);
    };
    let looking = true;
    setImmediate(count);
    const reports = await Promise.all(Array.from({ length: 50 }, () => health.report()));
    looking = false;
    expect(turns).toBeGreaterThan(100);
    expect(crowd.looks).toBe(1);
    expect(reports[49]).toMatchObject({ state: 'degraded', keys: 100_000, living: 100_000, more: 30 });
    expect(reports[49]?.reasons).toHaveLength(20);
    expect(reports[49]?.reasons[0]).toMatchObject({ keys: 1_000, of: 2_000 });
    expect(reports[49]?.reasons[0]?.subjects).toHaveLength(5);
    expect(JSON.stringify(reports)).not.toContain('subject-');
  });

  it('keeps what it found for maxAgeMs', async () => {
    const crowd = new Crowd(1);
    const health = new TokenHealth(crowd, { clock: crowd.clock });
    await health.report();
    await crowd.clock.advance(9_999);
    await health.report();
    expect(crowd.looks).toBe(1);
    await crowd.clock.advance(1);
    await health.report();
    expect(crowd.looks).toBe(2);
  });

  it('leaves the stores in peace for ten times as long as a look took', async () => {
    const crowd = new Crowd(1, 5_000);
    const health = new TokenHealth(crowd, { clock: crowd.clock });
    await health.report();
    await crowd.clock.advance(40_000);
    await health.report();
    expect(crowd.looks).toBe(1);
    await crowd.clock.advance(10_000);
    await health.report();
    expect(crowd.looks).toBe(2);
  });
});

it.each([
  [{ maxAgeMs: 0 }, /^"maxAgeMs" must be a positive number/],
  [{ timeoutMs: '1s' }, /^"timeoutMs" must be a positive number/],
  [{ maxAge: 1 }, /^"maxAge" is no option of TokenHealth/],
  [{ clock: {} }, /^"clock" must be a clock/],
])('refuses %j', (options, message) => {
  expect(() => new TokenHealth(new Crowd(0), options as never)).toThrow(
    expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(message) }),
  );
});

it.each([
  [{ accounts: 'shop' }, /^"accounts" must be a list of names/],
  [{ ignore: ['reautorize'] }, /^"ignore" must be reasons: "unobtainable", /],
  [{ account: 'shop' }, /^"account" is no option of report/],
])('refuses the filter %j', async (filter, message) => {
  await expect(new TokenHealth(new Crowd(0)).report(filter as never)).rejects.toMatchObject({
    code: 'ERR_TOKEN_CONFIGURATION',
    message: expect.stringMatching(message),
  });
});
