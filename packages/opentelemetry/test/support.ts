import { TokenManager, type TokenManagerOptions } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { dingTalkApp } from '@evertoken/dingtalk';
import { nextEngineApp } from '@evertoken/nextengine';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { officialAccount, weCom } from '@evertoken/wechat';
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The sandbox, apps on all its platforms, and a clock that drives them. */
export interface World {
  readonly clock: ManualClock;
  readonly sandbox: Sandbox;
  readonly accounts: ReturnType<typeof accountsOf>;
  manage(options?: Partial<TokenManagerOptions>): TokenManager;
}

export async function openWorld(): Promise<World> {
  const clock = new ManualClock(Date.UTC(2026, 10, 21, 3));
  const sandbox = await createSandbox({ clock: { now: clock.now } });
  const accounts = accountsOf(sandbox);
  const manage = (options: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      accounts: Object.values(accounts),
      clock,
      random: () => 0,
      singleInstance: true,
      allowVolatileGrants: true,
      ...options,
    });
  return { clock, sandbox, accounts, manage };
}

export const { wechat: SHOP, wecom: CORP, dingtalk: OA, nextengine: ERP } = SANDBOX_ACCOUNTS;

function accountsOf({ urls }: Sandbox) {
  const [agent] = CORP.agents;
  return {
    shop: officialAccount({ name: 'shop', ...SHOP, endpoint: 'token', baseUrl: urls.wechat }),
    corp: weCom({
      name: 'corp',
      corpId: CORP.corpId,
      baseUrl: urls.wecom,
      agents: { crm: { agentId: Number(agent?.agentId), secret: agent?.secret } },
    }),
    oa: dingTalkApp({
      name: 'oa',
      appKey: OA.appKey,
      appSecret: OA.appSecret,
      baseUrls: { api: urls.dingtalkApi, oapi: urls.dingtalkOapi },
    }),
    erp: nextEngineApp({
      name: 'erp',
      clientId: ERP.clientId,
      clientSecret: ERP.clientSecret,
      checkCompanies: false,
      baseUrls: { api: urls.nextengineApi, base: urls.nextengineBase },
    }),
  };
}

/** Signs a NextEngine user in: a pair of the sandbox's, taken over. */
export async function signIn({ sandbox, accounts }: World, manager: TokenManager, uid: string): Promise<void> {
  const pair = sandbox.nextengine.issuePair(ERP.clientId, uid);
  await manager.adopt(
    accounts.erp.user(uid).accessToken,
    {
      value: pair.accessToken,
      refreshToken: pair.refreshToken,
      expiresAt: pair.accessTokenExpiresAt,
      refreshTokenExpiresAt: pair.refreshTokenExpiresAt,
    },
    { grant: true },
  );
}

/** One value of a metric, with its attributes without their namespace. */
export interface Point {
  readonly value: number;
  readonly [attribute: string]: unknown;
}

/** A real meter provider that is read when the test says so. */
export function meter() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 });
  const provider = new MeterProvider({ readers: [reader] });
  /** Everything that an exporter would be given now. */
  async function collect(): Promise<readonly (MetricData & Pick<ScopeMetrics, 'scope'>)[]> {
    exporter.reset();
    await reader.forceFlush();
    const [all] = exporter.getMetrics().slice(-1);
    return all?.scopeMetrics.flatMap(({ scope, metrics }) => metrics.map((metric) => ({ ...metric, scope }))) ?? [];
  }
  /** The points of each metric; of histograms how many were recorded. */
  async function read(): Promise<Readonly<Record<string, Point[]>>> {
    return Object.fromEntries(
      (await collect()).map(({ descriptor, dataPoints }) => [
        descriptor.name,
        (dataPoints as DataPoint<number | Histogram>[]).map(({ value, attributes }) => ({
          ...Object.fromEntries(Object.entries(attributes).map(([name, at]) => [name.replace(/^evertoken\./, ''), at])),
          value: typeof value === 'number' ? value : value.count,
        })),
      ]),
    );
  }
  return { provider, reader, collect, read };
}

/** A real tracer provider whose ended spans can be looked at. */
export function tracer() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { provider, exporter, spans: () => exporter.getFinishedSpans() };
}
