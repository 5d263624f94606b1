import type { TokenManager, TokenStatus } from '@evertoken/core';
import { officialAccount } from '@evertoken/wechat';
import { metrics as api } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ObservedManager, observeTokens, type TokenObservation } from '../src/index.js';
import {
  CORP,
  DAY,
  ERP,
  HOUR,
  MINUTE,
  meter,
  OA,
  openWorld,
  type Point,
  SHOP,
  signIn,
  tracer,
  type World,
} from './support.js';

/** For a machine that is slow: what is waited for comes at once on another. */
const PATIENT = { timeout: 20_000 };

let world: World;
let manager: TokenManager;
let observation: TokenObservation;
let metrics: ReturnType<typeof meter>;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.sandbox.close());
beforeEach(() => {
  metrics = meter();
  manager = world.manage();
  observation = observe();
});
afterEach(async () => {
  observation.stop();
  await manager.close();
  await metrics.provider.shutdown();
  world.sandbox.reset();
});

function observe(options: Parameters<typeof observeTokens>[1] = {}) {
  const { clock } = world;
  return observeTokens(manager, {
    meterProvider: metrics.provider,
    tracerProvider: false,
    clock,
    inspect: { maxAgeMs: 0 },
    ...options,
  });
}

async function statuses(): Promise<TokenStatus[]> {
  const found: TokenStatus[] = [];
  for await (const status of manager.inspect()) found.push(status);
  return found;
}

/** Observes something that tells what the test says. */
function telling(name: string): (event: object) => void {
  observation.stop();
  const listeners: ((event: never) => void)[] = [];
  const on = (asked: string, listener: (event: never) => void) => {
    if (asked === name) listeners.push(listener);
    return () => {};
  };
  observation = observeTokens({ on }, { meterProvider: metrics.provider, tracerProvider: false });
  return (event) => {
    for (const listener of listeners) listener(event as never);
  };
}

/** The only point of a metric with these attributes. */
async function one(name: string, attributes: Record<string, unknown>): Promise<number | undefined> {
  const found = ((await metrics.read())[name] ?? []).filter((point) => matches(point, attributes));
  expect(found.length, `${name} ${JSON.stringify(attributes)}`).toBeLessThan(2);
  return found[0]?.value;
}

const matches = (point: Point, attributes: Record<string, unknown>) =>
  Object.entries(attributes).every(([attribute, value]) => point[attribute] === value);
const sum = (points: readonly Point[] = []) => points.reduce((total, { value }) => total + value, 0);
const of = (account: string, kind: string) => ({ 'account.name': account, 'token.kind': kind });

describe('counters', () => {
  it('equal the calls that the platforms have seen, whatever comes of them', async () => {
    const { sandbox, clock, accounts } = world;
    for (const uid of ['user-tanaka', 'user-suzuki']) await signIn(world, manager, uid);
    const sources = Object.values(accounts).flatMap((account) => [...account.sources()]);
    for (let hours = 0; hours < 30; hours++) {
      if (hours === 3) sandbox.fault({ kind: 'busy', count: 5 });
      if (hours === 9) sandbox.fault({ kind: 'status', status: 503, count: 5 });
      if (hours === 15) {
        sandbox.wechat.revoke(SHOP.appId);
        await manager.reject(accounts.shop.accessToken, await manager.get(accounts.shop.accessToken));
        // The ticket is asked for with the parent that the platform no longer takes.
        sandbox.wechat.revoke(SHOP.appId);
        await manager.refresh(accounts.shop.jsapiTicket);
      }
      await Promise.allSettled(sources.flatMap((source) => [manager.get(source), manager.get(source)]));
      await manager.refresh(accounts.oa.accessToken);
      await manager.refreshDue();
      await clock.advance(HOUR);
    }
    const read = await metrics.read();
    const calls = (account: string) =>
      sum(read['evertoken.platform.calls']?.filter((at) => at['account.name'] === account));
    const seen = (account: string) => sandbox.calls({ account }).length;
    expect(calls('shop')).toBe(seen(SHOP.appId));
    expect(calls('corp')).toBe(seen(CORP.corpId));
    expect(calls('oa')).toBe(seen(OA.appKey));
    expect(calls('erp')).toBe(seen(ERP.clientId));
    expect(calls('shop') + calls('corp') + calls('oa') + calls('erp')).toBe(sandbox.calls().length);
    for (const account of ['shop', 'corp', 'oa', 'erp']) expect(calls(account)).toBeGreaterThan(1);
    const outcomes = new Set(read['evertoken.issues']?.map(({ outcome }) => outcome));
    expect(outcomes).toEqual(new Set(['renewed', 'unchanged', 'failed']));
    expect(sum(read['evertoken.issue.duration'])).toBe(sum(read['evertoken.issues']));
    expect(sum(read['evertoken.commits'])).toBeGreaterThan(0);
  });

  it('tell why attempts failed, with the platform’s code', async () => {
    const { sandbox, accounts } = world;
    sandbox.fault({ kind: 'code', code: 40164, endpoint: '/cgi-bin/token' });
    await expect(manager.get(accounts.shop.accessToken)).rejects.toThrow();
    const attributes = { ...of('shop', 'access_token'), 'error.type': 'ERR_TOKEN_REFUSED' };
    expect(await one('evertoken.failures', { ...attributes, 'platform.error_code': '40164' })).toBe(1);
    expect(await one('evertoken.issues', { ...attributes, outcome: 'failed', forced: false })).toBe(1);
    expect(await one('evertoken.state_changes', { ...of('shop', 'access_token'), 'token.state': 'retrying' })).toBe(1);
  });

  it('tell rejections by what came of them, and which issues they forced', async () => {
    const { sandbox, accounts } = world;
    const token = await manager.get(accounts.shop.accessToken);
    sandbox.wechat.revoke(SHOP.appId);
    await manager.reject(accounts.shop.accessToken, token);
    await manager.reject(accounts.shop.accessToken, token);
    const shop = of('shop', 'access_token');
    expect(await one('evertoken.rejections', { ...shop, outcome: 'renewed' })).toBe(1);
    expect(await one('evertoken.rejections', { ...shop, outcome: 'better' })).toBe(1);
    expect(await one('evertoken.issues', { ...shop, forced: true })).toBe(1);
  });

  it('tell of a grant that ends, and of one that is lost', async () => {
    const { sandbox, clock, accounts } = world;
    await signIn(world, manager, 'user-tanaka');
    sandbox.fault({ kind: 'status', status: 503, platform: 'nextengine', count: 'always' });
    for (let hours = 0; hours < 60; hours += 4) {
      await clock.advance(4 * HOUR);
      await manager.refreshDue();
    }
    const erp = of('erp', 'access_token');
    expect(await one('evertoken.grants.ending', erp)).toBeGreaterThan(0);
    expect(await one('evertoken.grant.time_to_end', erp)).toBeGreaterThan(0);
    sandbox.clearFaults();
    await clock.advance(DAY);
    await manager.refresh(accounts.erp.user('user-tanaka').accessToken);
    expect(await one('evertoken.reauthorizations', erp)).toBe(1);
    expect(await one('evertoken.keys', { ...erp, 'token.state': 'reauthorize' })).toBe(1);
    expect(await one('evertoken.keys', { ...erp, 'token.state': 'active' })).toBe(0);
    // There is no grant left that could end: nothing is said of one, nor the last value for ever.
    expect(await one('evertoken.grant.time_to_end', erp)).toBeNaN();
  });

  it('tell of a token that a newer one has overtaken', async () => {
    const { accounts } = world;
    await signIn(world, manager, 'user-tanaka');
    const late = { value: 'late'.repeat(8), refreshToken: 'late'.repeat(9), lifetimeMs: DAY };
    await manager.adopt(accounts.erp.user('user-tanaka').accessToken, late, { presented: 'gone'.repeat(8) });
    expect(await one('evertoken.conflicts', of('erp', 'access_token'))).toBe(1);
  });

  it('count all requests of an attempt, and attempts that sent none', async () => {
    const tell = telling('issue');
    const event = { account: 'a', platform: 'p', kind: 'k', at: 0, outcome: 'failed', durationMs: 1, forced: false };
    tell({ ...event, requests: 3 });
    tell({ ...event, requests: 0 });
    expect(await one('evertoken.platform.calls', of('a', 'k'))).toBe(3);
    expect(await one('evertoken.issues', of('a', 'k'))).toBe(2);
  });

  it('show at most 50 codes of an account, and none that does not look like one', async () => {
    const tellFailure = telling('failure');
    const event = { account: 'a', platform: 'p', kind: 'k', at: 0, code: 'ERR_TOKEN_BUSY', message: '', failures: 1 };
    const tell = (platformCode: string) => tellFailure({ ...event, platformCode });
    for (const code of ['anna@example.com', 'x'.repeat(200), 'a9'.repeat(20)]) tell(code);
    for (let code = 0; code < 80; code++) tell(String(code));
    const codes = (await metrics.read())['evertoken.failures'] ?? [];
    expect(codes).toHaveLength(51);
    expect(codes.find((point) => point['platform.error_code'] === '_OTHER')?.value).toBe(33);
  });
});

describe('gauges', () => {
  it('tell how long the token that ends first still lives, and grants, in the manager’s time', async () => {
    const { clock, accounts } = world;
    await manager.get(accounts.shop.accessToken);
    await signIn(world, manager, 'user-tanaka');
    await clock.advance(HOUR);
    await signIn(world, manager, 'user-suzuki');
    expect(await one('evertoken.token.time_to_expiry', of('shop', 'access_token'))).toBeCloseTo(3600, -1);
    expect(await one('evertoken.token.time_to_expiry', of('erp', 'access_token'))).toBeCloseTo(23 * 3600, -1);
    expect(await one('evertoken.grant.time_to_end', of('erp', 'access_token'))).toBeCloseTo(71 * 3600, -1);
  });

  it('count keys by state, 0 where none is', async () => {
    const { accounts } = world;
    await manager.get(accounts.oa.accessToken);
    for (const uid of ['user-tanaka', 'user-suzuki']) await signIn(world, manager, uid);
    const read = (await metrics.read())['evertoken.keys'] ?? [];
    const states = (account: string, kind: string) =>
      Object.fromEntries(
        read
          .filter((point) => matches(point, of(account, kind)) && point.value > 0)
          .map((point) => [point['token.state'], point.value]),
      );
    expect(states('erp', 'access_token')).toEqual({ active: 2 });
    expect(states('oa', 'access_token')).toEqual({ active: 1 });
    expect(states('shop', 'access_token')).toEqual({ absent: 1 });
    expect(await one('evertoken.keys', { ...of('shop', 'access_token'), 'token.state': 'active' })).toBe(0);
    await manager.get(accounts.shop.accessToken);
    expect(await one('evertoken.keys', { ...of('shop', 'access_token'), 'token.state': 'absent' })).toBe(0);
    manager.remove('oa');
    expect(await one('evertoken.keys', { ...of('oa', 'access_token'), 'token.state': 'active' })).toBe(0);
    expect(await one('evertoken.token.time_to_expiry', of('oa', 'access_token'))).toBeNaN();
  });

  it('look through the stores once for all readers, and again after maxAgeMs', async () => {
    observation.stop();
    let looks = 0;
    let fails = false;
    const inspect = async function* () {
      looks++;
      if (fails) throw new Error('the store is away');
      yield* manager.inspect();
    };
    const { clock } = world;
    const on = manager.on.bind(manager);
    const observed = { on, inspect, accounts: () => manager.accounts() };
    observation = observeTokens(observed, { meterProvider: metrics.provider, tracerProvider: false, clock });
    await Promise.all([metrics.read(), metrics.read()]);
    await metrics.read();
    expect(looks).toBe(1);
    await clock.advance(10_001);
    await metrics.read();
    expect(looks).toBe(2);
    // Where the wall clock is set, the tokens' ages have changed with it.
    clock.step(HOUR);
    await metrics.read();
    expect(looks).toBe(3);
    // What was seen last is shown on, with its age.
    fails = true;
    await clock.advance(5 * MINUTE);
    const read = await metrics.read();
    expect(looks).toBe(4);
    expect(read['evertoken.keys']?.length).toBeGreaterThan(0);
    expect(read['evertoken.inspection.age']).toEqual([{ value: 300 }]);
  });

  it('are left out until a store has answered, and do not wait for it', async () => {
    observation.stop();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const inspect = async function* () {
      await answered;
      yield* manager.inspect();
    };
    const on = manager.on.bind(manager);
    const inspectOptions = { timeoutMs: 5, maxAgeMs: 1_000 };
    const options = { meterProvider: metrics.provider, tracerProvider: false, inspect: inspectOptions } as const;
    observation = observeTokens({ on, inspect }, { ...options, clock: world.clock });
    expect(await metrics.read()).not.toHaveProperty(['evertoken.keys']);
    answer();
    await expect.poll(async () => Object.keys(await metrics.read()), PATIENT).toContain('evertoken.keys');
  });

  it('look through a large store turn by turn, and less often', async () => {
    observation.stop();
    const [key] = await statuses();
    let looks = 0;
    // Answers without ever giving way, as a store in memory does; every thousandth key costs a millisecond.
    let turns = 0;
    let given = 0;
    const inspect = async function* () {
      looks++;
      const before = turns;
      for (let i = 0; i < 60_000; i++) {
        for (const end = performance.now() + 1; i % 1_000 === 0 && performance.now() < end; );
        yield key as TokenStatus;
      }
      given = turns - before;
    };
    let waiting = setImmediate(function turn() {
      turns++;
      waiting = setImmediate(turn);
    });
    const options = { meterProvider: metrics.provider, tracerProvider: false, clock: world.clock } as const;
    observation = observeTokens({ on: manager.on.bind(manager), inspect }, { ...options, inspect: { maxAgeMs: 1 } });
    await expect.poll(async () => Object.keys(await metrics.read()), PATIENT).toContain('evertoken.keys');
    clearImmediate(waiting);
    expect(given).toBeGreaterThan(2);
    const took = (await metrics.read())['evertoken.inspection.duration']?.[0]?.value ?? 0;
    await world.clock.advance(took * 9_000);
    await metrics.read();
    expect(looks).toBe(1);
    await world.clock.advance(took * 1_100);
    await metrics.read();
    expect(looks).toBe(2);
  });

  it('look at some kinds only, or at nothing', async () => {
    observation.stop();
    observation = observe({ inspect: { maxAgeMs: 0, kinds: ['access_token'], accounts: ['oa', 'shop'] } });
    const keys = (await metrics.read())['evertoken.keys'] ?? [];
    expect(new Set(keys.map((point) => `${point['account.name']} ${point['token.kind']}`))).toEqual(
      new Set(['oa access_token', 'shop access_token']),
    );
    const others = meter();
    const blind = observe({ inspect: false, meterProvider: others.provider });
    const read = await others.read();
    blind.stop();
    expect(read).not.toHaveProperty(['evertoken.keys']);
    expect(read).toHaveProperty(['evertoken.platform.quota']);
  });
});

it('call thousands of accounts by one name', async () => {
  observation.stop();
  const { accounts } = world;
  const tenants = ['tenant-1', 'tenant-2', 'tenant-3'].map((name, at) =>
    officialAccount({
      name,
      appId: `${SHOP.appId}${at}`,
      secret: SHOP.secret,
      endpoint: 'token',
      baseUrl: accounts.shop.baseUrl,
    }),
  );
  for (const tenant of tenants) manager.add(tenant);
  const accountLabel = (name: string) => (name.startsWith('tenant-') ? 'tenants' : name);
  const own = { calls: 2, period: 'day', scope: 'account', utcOffsetMinutes: 480 } as const;
  observation = observe({ accountLabel, quotas: { 'tenant-2': { access_token: own } } });
  const lives = (value: string, hours: number) => ({ value: value.repeat(32), lifetimeMs: hours * HOUR });
  const [first, second, third] = tenants.map(({ accessToken }) => accessToken);
  if (!first || !second || !third) throw new Error('three tenants');
  await manager.adopt(first, lives('a', 5), { grant: true });
  await manager.adopt(second, lives('b', 3), { grant: true });
  for (const source of [first, second, second, third]) await manager.refresh(source);
  const read = await metrics.read();
  const names = Object.values(read).flatMap((points) => points.map((point) => point['account.name']));
  expect(new Set(names)).toEqual(new Set(['shop', 'corp', 'oa', 'erp', 'tenants', undefined]));
  const group = of('tenants', 'access_token');
  // The sandbox knows none of them: what they have is kept, and what they ask for is refused.
  expect(await one('evertoken.keys', { ...group, 'token.state': 'retrying' })).toBe(3);
  expect(await one('evertoken.token.time_to_expiry', group)).toBe(3 * 3_600);
  expect(await one('evertoken.platform.calls', group)).toBe(4);
  expect(await one('evertoken.platform.quota', group)).toBe(2);
  expect(await one('evertoken.platform.quota_utilization', group)).toBe(1);
});

describe('quotas', () => {
  it('are those of the platforms’ documents, or the account’s own', async () => {
    expect(await one('evertoken.platform.quota', { ...of('shop', 'access_token'), 'quota.period': 'day' })).toBe(2_000);
    expect(await one('evertoken.platform.quota', of('corp', 'jsapi_ticket'))).toBe(400);
    expect(await one('evertoken.platform.quota', { ...of('erp', 'access_token'), 'quota.period': 'month' })).toBe(
      1_000,
    );
    observation.stop();
    const own = { calls: 200, period: 'day', scope: 'account', utcOffsetMinutes: 480 } as const;
    observation = observe({ quotas: { shop: { access_token: own }, oa: { jsapi_ticket: own } } });
    expect(await one('evertoken.platform.quota', of('shop', 'access_token'))).toBe(200);
    expect(await one('evertoken.platform.quota', of('oa', 'jsapi_ticket'))).toBe(200);
  });

  it('are used up by this process until the platform’s day ends', async () => {
    const { accounts, clock } = world;
    const used = () => one('evertoken.platform.quota_utilization', of('shop', 'access_token'));
    expect(await used()).toBe(0);
    for (let i = 0; i < 4; i++) {
      await manager.refresh(accounts.shop.accessToken);
      await clock.advance(1);
    }
    expect(await used()).toBe(4 / 2_000);
    const midnightInChina = DAY - ((clock.now() + 8 * HOUR) % DAY);
    await clock.advance(midnightInChina - MINUTE);
    expect(await used()).toBe(4 / 2_000);
    await clock.advance(MINUTE);
    expect(await used()).toBe(0);
  });

  it('are read from the count that all processes keep, where there is one', async () => {
    const { accounts, clock } = world;
    await signIn(world, manager, 'user-tanaka');
    const client = accounts.erp.client(manager).user('user-tanaka');
    for (let call = 0; call < 25; call++) await client.call('/api_v1_login_user/info');
    const used = () =>
      one('evertoken.platform.quota_utilization', { ...of('erp', 'access_token'), 'quota.counted_by': 'record' });
    await expect.poll(used, PATIENT).toBe(25 / 1_000);
    await clock.advance(31 * DAY);
    expect(await used()).toBe(0);
  });
});

describe('an observation', () => {
  it('leaves nothing behind when it is stopped', async () => {
    const { accounts, clock } = world;
    observation.stop();
    const listening = new Set<unknown>();
    let looks = 0;
    const observed: ObservedManager = {
      on: (name, listener) => {
        const off = manager.on(name, listener);
        listening.add(off);
        return () => {
          listening.delete(off);
          off();
        };
      },
      inspect: (filter) => {
        looks++;
        return manager.inspect(filter);
      },
      accounts: () => manager.accounts(),
    };
    const spans = tracer();
    const options = { meterProvider: metrics.provider, tracerProvider: spans.provider, clock };
    observation = observeTokens(observed, { ...options, inspect: { maxAgeMs: 0 } });
    await manager.get(accounts.oa.accessToken);
    const before = await metrics.read();
    expect([looks, listening.size > 0, spans.spans().length]).toEqual([1, true, 1]);
    observation.stop();
    observation.stop();
    await manager.refresh(accounts.shop.accessToken);
    expect(sum((await metrics.read())['evertoken.issues'])).toBe(sum(before['evertoken.issues']));
    expect([looks, listening.size, spans.spans().length]).toEqual([1, 0, 1]);
  });

  it('adds nothing to `get` of a token that lives', async () => {
    const { accounts } = world;
    const source = accounts.oa.accessToken;
    await manager.get(source);
    let told = 0;
    const counting = observeTokens(
      {
        on: (name, listener) =>
          manager.on(name, (event) => {
            told++;
            listener(event);
          }),
      },
      { meterProvider: metrics.provider, tracerProvider: false, name: 'counting' },
    );
    for (let i = 0; i < 10_000; i++) await manager.get(source);
    counting.stop();
    expect(told).toBe(0);
  });

  it('goes to the global provider, and nowhere where there is none', async () => {
    observation.stop();
    const idle = [observeTokens(manager), observeTokens(manager)];
    for (const each of idle) each.stop();
    api.setGlobalMeterProvider(metrics.provider);
    observation = observeTokens(manager, { clock: world.clock });
    await manager.get(world.accounts.oa.accessToken);
    expect(await one('evertoken.issues', of('oa', 'access_token'))).toBe(1);
    api.disable();
  });

  it('tells several managers apart, and refuses to mix them up', async () => {
    const refused = (options: object, of = manager) =>
      expect(() => observeTokens(of, { meterProvider: metrics.provider, tracerProvider: false, ...options }));
    refused({}).toThrow('"manager" is observed on this meter provider already');
    refused({ name: 'again' }).toThrow('"manager" is observed on this meter provider already');
    const partners = world.manage({ accounts: [world.accounts.oa] });
    refused({}, partners).toThrow('"name" must tell managers apart: another one without a name is observed');
    const options = { meterProvider: metrics.provider, tracerProvider: false, name: 'partners' } as const;
    const second = observeTokens(partners, options);
    await partners.get(world.accounts.oa.accessToken);
    await manager.get(world.accounts.oa.accessToken);
    const issues = (await metrics.read())['evertoken.issues'] ?? [];
    expect(issues.map((point) => point['manager.name'])).toEqual(expect.arrayContaining(['partners', undefined]));
    second.stop();
    observeTokens(partners, options).stop();
    await partners.close();
  });

  it.each([
    [{ maxAge: 1 }, '"maxAge" is no option'],
    [{ name: '' }, '"name" must be a non-empty string'],
    [{ meterProvider: {} }, '"meterProvider" must be a meter provider or false'],
    [{ tracerProvider: true }, '"tracerProvider" must be a tracer provider or false'],
    [{ clock: { now: Date.now } }, '"clock" must have "now" and "monotonic"'],
    [{ quotas: { shop: { access_token: { calls: 0 } } } }, '"quotas.shop.access_token.calls" must be a number above 0'],
    [
      { quotas: { shop: { k: { calls: 1, period: 'week' } } } },
      '"quotas.shop.k.period" must be "hour", "day" or "month"',
    ],
    [{ quotas: { shop: { k: { calls: 1, period: 'day' } } } }, '"quotas.shop.k.scope" must be "account" or "subject"'],
    [{ accountLabel: 'tenants' }, '"accountLabel" must be a function'],
    [{ inspect: { maxAge: 1 } }, '"inspect.maxAge" is no option'],
    [{ inspect: { timeoutMs: -1 } }, '"inspect.timeoutMs" must be a number of at least 0'],
  ])('refuses %j', (options, message) => {
    expect(() => observeTokens(manager, options as object)).toThrow(message);
  });
});
