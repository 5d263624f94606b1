import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryStore, type TokenStore } from '@evertoken/core';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Secrets } from '../../../test/canary/secrets.mjs';
import { observeTokens } from '../src/index.js';
import { CORP, DAY, ERP, HOUR, OA, openWorld, SHOP, signIn, tracer, type World } from './support.js';

let world: World;
let server: Server;
let exporter: PrometheusExporter;
let provider: MeterProvider;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.sandbox.close());
beforeEach(async () => {
  exporter = new PrometheusExporter({ preventServerStart: true });
  provider = new MeterProvider({ readers: [exporter] });
  server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await provider.shutdown();
  await new Promise((resolve) => server.close(resolve));
  world.sandbox.reset();
});

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What Prometheus would read. */
async function scrape(): Promise<{ readonly text: string; readonly samples: readonly Sample[] }> {
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  expect(response.status).toBe(200);
  const text = await response.text();
  const samples = [...text.matchAll(/^([a-z_]+)\{(.*)\} (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="(.*?)"/g)].map(([, label = '', at = '']) => [label, at])),
    value: Number(value),
  }));
  return { text, samples };
}

const sum = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}) =>
  samples
    .filter((at) => at.name === name && Object.entries(labels).every(([label, value]) => at.labels[label] === value))
    .reduce((total, { value }) => total + value, 0);

it('shows what several processes on one store have asked for together, and no secret, token or subject', async () => {
  const { sandbox, clock, accounts } = world;
  const secrets = new Secrets();
  for (const { secret, what } of [
    { secret: SHOP.secret, what: 'app secret' },
    { secret: OA.appSecret, what: 'app secret' },
    { secret: ERP.clientSecret, what: 'app secret' },
    ...CORP.agents.map(({ secret }) => ({ secret, what: 'app secret' })),
  ])
    secrets.learn(what, secret);
  const subjects = ['user-tanaka', 'user-suzuki', 'somebody@example.com'];

  const traces = tracer();
  const store = memoryStore({ clock });
  const managers = ['one', 'two', 'three'].map((name) => {
    const manager = world.manage({ store });
    const options = { meterProvider: provider, tracerProvider: traces.provider, clock, name };
    return { manager, observation: observeTokens(manager, { ...options, inspect: { maxAgeMs: 0 } }) };
  });
  const [first] = managers;
  if (!first) throw new Error('no manager');
  for (const uid of subjects.slice(0, 2)) await signIn(world, first.manager, uid);
  const sources = [
    ...Object.values(accounts).flatMap((account) => [...account.sources()]),
    ...subjects.map((uid) => accounts.erp.user(uid).accessToken),
  ];
  for (let round = 0; round < 20; round++) {
    if (round === 4) sandbox.fault({ kind: 'code', code: 40164, message: subjects.join(), platform: 'wechat' });
    if (round === 6) sandbox.fault({ kind: 'malformed', count: 3 });
    if (round === 12) sandbox.wechat.revoke(SHOP.appId);
    await Promise.allSettled(
      managers.flatMap(({ manager }) => [
        manager.refreshDue(),
        ...sources.map(async (source) => {
          const token = await manager.get(source);
          secrets.learn('token', token.value);
          if (round === 12 && source === accounts.shop.accessToken) await manager.reject(source, token);
        }),
      ]),
    );
    for (const uid of subjects.slice(0, 2)) {
      const pair = sandbox.nextengine.currentPair(ERP.clientId, uid);
      if (pair) secrets.learn('refresh token', pair.refreshToken);
    }
    await clock.advance(3 * HOUR);
  }

  const { text, samples } = await scrape();
  const calls = (account: string) =>
    sum(samples, 'evertoken_platform_calls_total', { evertoken_account_name: account });
  expect(calls('shop')).toBe(sandbox.calls({ account: SHOP.appId }).length);
  expect(calls('corp')).toBe(sandbox.calls({ account: CORP.corpId }).length);
  expect(calls('oa')).toBe(sandbox.calls({ account: OA.appKey }).length);
  expect(calls('erp')).toBe(sandbox.calls({ account: ERP.clientId }).length);
  expect(sum(samples, 'evertoken_platform_calls_total')).toBe(sandbox.calls().length);
  expect(sum(samples, 'evertoken_issue_duration_count')).toBe(sum(samples, 'evertoken_issues_total'));
  expect(traces.spans()).toHaveLength(sum(samples, 'evertoken_issues_total'));
  // One need, one call, whoever of the three it was: far fewer than each for itself.
  expect(sum(samples, 'evertoken_issues_total', { evertoken_forced: 'true' })).toBe(1);
  const kept = { evertoken_account_name: 'erp', evertoken_token_state: 'active', evertoken_manager_name: 'two' };
  expect(sum(samples, 'evertoken_keys', kept)).toBe(2);

  const shown = JSON.stringify(
    traces.spans().map(({ name, attributes, status, events, links }) => ({ name, attributes, status, events, links })),
  );
  expect(secrets.census()['token']).toBeGreaterThan(20);
  expect([...secrets.hits(text), ...secrets.hits(shown)]).toEqual([]);
  expect(subjects.filter((subject) => text.includes(subject) || shown.includes(subject))).toEqual([]);
  for (const { manager, observation } of managers) {
    observation.stop();
    await manager.close();
  }
});

it('answers a scrape while the store is away, with what was seen last', async () => {
  const { clock, accounts } = world;
  let away = false;
  const memory = memoryStore({ clock });
  const store = new Proxy(memory, {
    get(target, name) {
      const member = target[name as keyof TokenStore] as unknown;
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        if (away) return Promise.reject(new Error('the store is away'));
        return (member as (...given: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  const manager = world.manage({ accounts: [accounts.oa], store });
  const observation = observeTokens(manager, { meterProvider: provider, tracerProvider: false, clock });
  await manager.get(accounts.oa.accessToken);
  const accessToken = { evertoken_token_kind: 'access_token' };
  const before = await scrape();
  expect(sum(before.samples, 'evertoken_token_time_to_expiry', accessToken)).toBe(7_200);
  away = true;
  await clock.advance(HOUR);
  const during = await scrape();
  // The token ages on, by the clock; that nobody could look is said.
  expect(sum(during.samples, 'evertoken_token_time_to_expiry', accessToken)).toBe(3_600);
  expect(sum(during.samples, 'evertoken_inspection_age')).toBe(3_600);
  away = false;
  await clock.advance(DAY);
  await manager.refreshDue();
  const after = await scrape();
  expect(sum(after.samples, 'evertoken_inspection_age')).toBe(0);
  expect(sum(after.samples, 'evertoken_token_time_to_expiry', accessToken)).toBe(7_200);
  observation.stop();
  await manager.close();
});
