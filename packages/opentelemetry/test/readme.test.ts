import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Account, TOKEN_EVENTS, type TokenStatus } from '@evertoken/core';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { DataPointType, MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ObservedManager, observeTokens } from '../src/index.js';
import { meter, SHOP } from './support.js';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const readme = await readFile(join(here, '../README.md'), 'utf8');

describe('the snippets', () => {
  let folder = '';
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await createSandbox();
    // Where an application would have them, with all packages that they import.
    folder = await mkdtemp(join(here, '../../../apps/example/.readme-'));
    for (const [, name, code] of readme.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs))
      await writeFile(join(folder, name as string), code as string);
    const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, experimentalDecorators: true };
    const options = { extends: '../../../tsconfig.base.json', compilerOptions, include: ['*.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options));
    await writeFile(
      join(folder, 'redirect.mjs'),
      `const real = globalThis.fetch;
globalThis.fetch = (url, init) => real(String(url).replace('https://api.weixin.qq.com', ${JSON.stringify(sandbox.urls.wechat)}), init);`,
    );
    await writeFile(
      join(folder, 'plain.mjs'),
      `import { observation, server } from './out/server.js';
import { tokens } from './out/tokens.js';

await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const read = async (path) => (await fetch('http://127.0.0.1:' + server.address().port + path)).text();
console.log(await read('/'));
console.log(await read('/metrics'));
server.close();
observation.stop();
await tokens.close();`,
    );
    await writeFile(
      join(folder, 'nest.mjs'),
      `import 'reflect-metadata';
import { TokenManager, TokenModule } from '@evertoken/nestjs';
import { memoryStore } from '@evertoken/core';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MetricsController } from './out/metrics.controller.js';
import { TokenMetricsService } from './out/token-metrics.service.js';
import { shop } from './out/tokens.js';

class App {}
Module({
  imports: [TokenModule.forRoot({ accounts: [shop], store: memoryStore(), schedule: false })],
  controllers: [MetricsController],
  providers: [TokenMetricsService],
})(App);
const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
await app.get(TokenManager).get(shop.accessToken);
console.log(await (await fetch((await app.getUrl()) + '/metrics')).text());
await app.close();`,
    );
    await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
      throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
    });
  }, 60_000);

  afterAll(async () => {
    await sandbox?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function node(program: string): Promise<string> {
    const { stdout } = await run(process.execPath, ['--import', join(folder, 'redirect.mjs'), join(folder, program)], {
      cwd: folder,
      env: { PATH: process.env['PATH'], WECHAT_APPID: SHOP.appId, WECHAT_SECRET: SHOP.secret },
      timeout: 30_000,
    });
    return stdout;
  }

  const RENEWED =
    /^evertoken_issues_total\{evertoken_account_name="shop",evertoken_platform_name="wechat",evertoken_token_kind="stable_access_token",evertoken_outcome="renewed",evertoken_forced="false",.*\} 1$/m;

  it('count for Prometheus on a server of plain Node', async () => {
    const said = await node('plain.mjs');
    expect(said).toMatch(/^\d+ followers$/m);
    expect(said).toMatch(RENEWED);
  });

  it('count for Prometheus in Nest, and let the application end', async () => {
    expect(await node('nest.mjs')).toMatch(RENEWED);
  });
});

/** A manager to which everything has happened. */
function eventful(): ObservedManager {
  const about = { account: 'shop', platform: 'p', kind: 'k' };
  const quota = { calls: 10, period: 'hour', scope: 'account' } as const;
  const kinds = [{ kind: 'k', issuance: 'idempotent', keep: 'obtainable', quota }] as const;
  const account = { name: 'shop', platform: 'p', id: 'id', kinds } as Partial<Account> as Account;
  const status = {
    ...about,
    key: '',
    state: 'active',
    generation: 1,
    failures: 0,
    expiresAt: 1,
    refreshTokenExpiresAt: 1,
  };
  const facts = { code: 'ERR_TOKEN_BUSY', platformCode: '1', outcome: 'failed', cause: 'issue', to: 'active' };
  const event = { ...about, ...facts, at: 0, requests: 1, durationMs: 1, forced: true };
  const told: (() => void)[] = [];
  return {
    on: (_, listener) => {
      told.push(() => listener(event as never));
      return () => {};
    },
    accounts: () => {
      for (const tell of told.splice(0)) tell();
      return [account];
    },
    async *inspect() {
      yield status as TokenStatus;
    },
  };
}

describe('the tables', () => {
  it('list every metric, with its type, unit and attributes', async () => {
    const { provider, collect } = meter();
    const observation = observeTokens(eventful(), { meterProvider: provider, tracerProvider: false });
    await collect();
    const types = {
      [DataPointType.HISTOGRAM]: 'histogram',
      [DataPointType.SUM]: 'counter',
      [DataPointType.GAUGE]: 'gauge',
    };
    const actual = (await collect()).map(({ descriptor, dataPointType, dataPoints }) => [
      descriptor.name,
      `${types[dataPointType as keyof typeof types]} ${descriptor.unit}`,
      Object.keys(dataPoints[0]?.attributes ?? {})
        .filter((name) => !/^evertoken\.(account\.name|platform\.name|token\.kind)$/.test(name))
        .sort(),
    ]);
    const rows = [...readme.matchAll(/^\| `(evertoken\.[a-z_.]+)` +\| (\w+) +\| `(.+?)` +\| (.*?) *\|$/gm)];
    const told = rows.map(([, name = '', type, unit, rest = '']) => {
      const names = [...rest.matchAll(/`((?:evertoken|error)\.[a-z_.]+)`/g)].map(([, attribute = '']) => attribute);
      const same =
        name === 'evertoken.platform.quota_utilization' ? ['evertoken.quota.period', 'evertoken.quota.scope'] : [];
      return [name, `${type} ${unit}`, [...names, ...same].sort()];
    });
    expect(told).toHaveLength(17);
    expect(new Map(told.map(([name, ...facts]) => [name, facts]))).toEqual(
      new Map(actual.map(([name, ...facts]) => [name, facts])),
    );
    expect(TOKEN_EVENTS).toHaveLength(8);
    observation.stop();
  });

  it('ask Prometheus for names and labels that are there', async () => {
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const provider = new MeterProvider({ readers: [exporter] });
    const observation = observeTokens(eventful(), { meterProvider: provider, tracerProvider: false });
    const scrape = () =>
      new Promise<string>((end) => {
        exporter.getMetricsRequestHandler({} as never, { setHeader: () => {}, end } as never);
      });
    await scrape();
    const text = await scrape();
    const names = new Set([...text.matchAll(/^(evertoken_[a-z_]+)\{/gm)].map(([, name]) => name));
    const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label));
    const queries = readme.slice(readme.indexOf('```yaml'));
    const asked = new Set([...queries.matchAll(/\b(evertoken_[a-z_]+)\b/g)].map(([, name = '']) => name));
    expect([...asked].filter((name) => !names.has(name) && !labels.has(name))).toEqual([]);
    expect(asked.size).toBeGreaterThan(15);
    observation.stop();
    await provider.shutdown();
  });
});
