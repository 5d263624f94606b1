// The Nest module with a logger that says everything, and its manager's metrics and spans.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { TokenManager, TokenModule } from '../../packages/nestjs/dist/index.js';
import { observeTokens } from '../../packages/opentelemetry/dist/index.js';
import { TWISTS } from './platforms.mjs';

const nest = createRequire(new URL('../../packages/nestjs/package.json', import.meta.url));
const load = (name) => import(pathToFileURL(nest.resolve(name)).href);
const telemetry = createRequire(new URL('../../packages/opentelemetry/package.json', import.meta.url));

/** Runs an application over the cache-manager, through every bad answer, with all log levels written to the console. */
export async function runNest({ secrets, tried, note, openPlatforms }) {
  await load('reflect-metadata');
  const { NestFactory } = await load('@nestjs/core');
  const { ConsoleLogger, Module } = await load('@nestjs/common');
  const { CacheModule } = await load('@nestjs/cache-manager');
  const { sandbox, accounts, state } = await openPlatforms(secrets, { now: () => Date.now() });
  const logger = new ConsoleLogger({ logLevels: ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] });
  const { erp, ...obtainable } = accounts;
  const start = async (options) => {
    class Root {}
    Module({
      imports: [
        CacheModule.register({ isGlobal: true }),
        TokenModule.forRoot({ schedule: false, singleInstance: true, ...options }),
      ],
    })(Root);
    const app = await NestFactory.createApplicationContext(Root, { logger, abortOnError: false });
    return app;
  };
  await tried('Nest with a grant', async () => (await start({ accounts: [erp] })).close());
  await tried('Nest with a wrong option', async () =>
    (await start({ accounts: [erp], [`x`]: secrets.plant('app secret') })).close(),
  );
  await tried('Nest with a wrong account', async () =>
    (await start({ accounts: [secrets.plant('app secret')] })).close(),
  );
  const app = await start({ accounts: Object.values(accounts), allowVolatileGrants: true });
  const manager = app.get(TokenManager);
  const observed = observe(manager);
  const user = erp.user('anna').accessToken;
  const pair = sandbox.nextengine.issuePair('canary', 'anna');
  secrets.learn('access token', pair.accessToken);
  secrets.learn('refresh token', pair.refreshToken);
  await manager.adopt(
    user,
    { value: pair.accessToken, refreshToken: pair.refreshToken, expiresAt: Date.now() + 1000 },
    { grant: true },
  );
  const sources = [user, ...Object.values(obtainable).flatMap((account) => [...account.sources()])];
  for (const twist of [undefined, ...Object.keys(TWISTS)]) {
    state.twist = twist;
    for (const source of sources) {
      await tried('Nest: get', () => manager.get(source));
      note('Nest: refresh', await tried('Nest: refresh', () => manager.refresh(source)));
    }
  }
  await observed.show(note);
  await app.close();
  await tried('Nest: closed', () => manager.get(user));
  await sandbox.close();
}

/** Everything that OpenTelemetry is told of a manager. */
function observe(manager) {
  const { MeterProvider } = telemetry('@opentelemetry/sdk-metrics');
  const { PrometheusExporter } = telemetry('@opentelemetry/exporter-prometheus');
  const trace = telemetry('@opentelemetry/sdk-trace-base');
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const spans = new trace.InMemorySpanExporter();
  const tracerProvider = new trace.BasicTracerProvider({ spanProcessors: [new trace.SimpleSpanProcessor(spans)] });
  observeTokens(manager, { meterProvider: new MeterProvider({ readers: [exporter] }), tracerProvider });
  return {
    async show(note) {
      const scraped = await new Promise((end) => {
        exporter.getMetricsRequestHandler({}, { setHeader: () => {}, end });
      });
      note('Nest: metrics', scraped);
      for (const { name, attributes, status, events } of spans.getFinishedSpans())
        note('Nest: span', { name, attributes, status, events });
    },
  };
}
