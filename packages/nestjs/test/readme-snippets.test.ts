import 'reflect-metadata';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { TokenManager, Tokens } from '@evertoken/core';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import type { OfficialAccount, OfficialAccountClient } from '@evertoken/wechat';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ending, silence } from './support.js';

// Every snippet of the README, compiled section by section with what it imports, and run. Those that need servers of their own run in
// readme-servers.test.ts.

const run = promisify(execFile);
const here = import.meta.dirname;
const root = join(here, '../../..');
const modulePath = (name: string, ...parts: string[]) =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), ...parts);

/** What programs may take on a machine that is busy with others, ms. */
const BUSY_MS = 120_000;

/** What the README leaves to its readers. */
const THEIRS: Readonly<Record<string, string>> = {
  'tenants.repository.ts': `export class TenantsRepository {
  rows = ['one', 'two'].map((name) => ({ name, appId: 'wx-' + name, secret: 'secret of ' + name, updatedAt: new Date(0) }));
  async find() {
    return this.rows;
  }
}
`,
  'tenants.module.ts': `import { Module } from '@nestjs/common';
import { TenantsRepository } from './tenants.repository.js';
import { TenantsService } from './tenants.service.js';

@Module({ providers: [TenantsRepository, TenantsService], exports: [TenantsRepository, TenantsService] })
export class TenantsModule {}
`,
};

let folder: string;
let sandbox: Sandbox;
const compiled = new Set<string>();

beforeAll(async () => {
  const names = ['shop', 'partner', 'one', 'two'];
  sandbox = await createSandbox({
    wechat: names.map((name) => ({ appId: `wx-${name}`, secret: `secret of ${name}` })),
  });
  folder = await mkdtemp(join(here, '.readme-snippets-'));
  await mkdir(join(folder, 'node_modules/@evertoken'), { recursive: true });
  await symlink(join(here, '..'), join(folder, 'node_modules/@evertoken/nestjs'));
  const readme = await readFile(join(here, '../README.md'), 'utf8');
  const shown = new Map(Object.entries(THEIRS));
  for (const section of readme.split(/^##+ /m).slice(1)) {
    const heading = section.slice(0, section.indexOf('\n'));
    const blocks = [...section.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
    const own = blocks.map((code) => [code.match(/^\/\/ (\S+\.ts)\n/)?.[1] ?? `${heading}: unnamed`, code] as const);
    // What a section does not show itself is what the README showed first.
    for (const [name, code] of own) if (!shown.has(name)) shown.set(name, code);
    await write(slug(heading), new Map(own), shown);
  }
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, experimentalDecorators: true };
  const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*/*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await run(process.execPath, [modulePath('typescript', 'bin', 'tsc'), '-p', folder]).catch(
    (error: { stdout?: string }) => {
      throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
    },
  );
}, BUSY_MS);
afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

const slug = (heading: string) => heading.toLowerCase().replace(/[^a-z]+/g, '-');

/** A section's files, and those of earlier sections that they import. */
async function write(
  section: string,
  own: ReadonlyMap<string, string>,
  shown: ReadonlyMap<string, string>,
): Promise<void> {
  const wanted = new Set(own.keys());
  for (const name of wanted) {
    const code = own.get(name) ?? shown.get(name);
    if (code === undefined) throw new Error(`${section}: nothing shows ${name}`);
    await mkdir(join(folder, section), { recursive: true });
    await writeFile(join(folder, section, name), code);
    compiled.add(`${section}/${name}`);
    for (const [, imported] of code.matchAll(/from '\.\/(\S+)\.js'/g)) wanted.add(`${imported}.ts`);
  }
}

const ENV = { WECHAT_APPID: 'wx-shop', WECHAT_SECRET: 'secret of shop' };
const PLATFORM = 'https://api.weixin.qq.com';

beforeEach(async () => {
  sandbox.reset();
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', (url: unknown, init?: RequestInit) =>
    real(String(url).replace(PLATFORM, sandbox.urls.wechat), init),
  );
  for (const [name, value] of Object.entries({
    ...ENV,
    PARTNER_APPID: 'wx-partner',
    PARTNER_SECRET: 'secret of partner',
  }))
    vi.stubEnv(name, value);
  // Files of the snippets' stores.
  const work = await mkdtemp(join(folder, 'work-'));
  vi.spyOn(process, 'cwd').mockReturnValue(work);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

type Classes = Record<
  | 'AppModule'
  | 'FollowersService'
  | 'GrantsWatcher'
  | 'PartnersService'
  | 'ShopModule'
  | 'TenantFollowersService'
  | 'TenantsRepository',
  Type
>;

/** What a compiled file of a section exports. */
const load = <Exports = Classes>(section: string, file: string): Promise<Exports> =>
  import(join(folder, 'out', section, `${file}.js`));

async function appOf(section: string): Promise<INestApplicationContext> {
  const { AppModule } = await load(section, 'app.module');
  const app = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(silence())
    .compile();
  return ending(app).init();
}

const tokenCalls = (account: string) =>
  sandbox.calls({ platform: 'wechat', account }).filter(({ endpoint }) => endpoint === '/cgi-bin/stable_token').length;

/** What this package exports to others, as the compiled snippets see it. */
const ours = (): Promise<typeof import('../src/index.js')> => import('@evertoken/nestjs' as string);

describe('the README', () => {
  it('names each of its snippets', () => {
    expect([...compiled].filter((name) => name.includes('unnamed'))).toEqual([]);
    expect(compiled.size).toBeGreaterThan(20);
  });

  it(
    'has five minutes that end with followers, and with SIGTERM',
    async () => {
      const redirect = `const real = globalThis.fetch;
globalThis.fetch = (url, init) => real(String(url).replace('${PLATFORM}', '${sandbox.urls.wechat}'), init);`;
      await writeFile(join(folder, 'redirect.mjs'), redirect);
      const main = join(folder, 'out/five-minutes/main.js');
      const port = await freePort();
      const env = { PATH: process.env['PATH'], PORT: String(port), ...ENV };
      const child = spawn(process.execPath, ['--import', join(folder, 'redirect.mjs'), main], { env });
      const ended = once(child, 'exit');
      try {
        const answer = await vi.waitFor(async () => (await fetch(`http://127.0.0.1:${port}/followers`)).json(), {
          timeout: 60_000,
          interval: 100,
        });
        expect(answer).toEqual({ total: expect.any(Number) });
        await fetch(`http://127.0.0.1:${port}/followers`);
        expect(tokenCalls('wx-shop')).toBe(1);
      } finally {
        child.kill('SIGTERM');
      }
      expect(await ended).toEqual([null, 'SIGTERM']);
    },
    BUSY_MS,
  );

  it('has a service that speaks HTTP itself, and gives a refused token back once', async () => {
    const { ReportService } = await load<{
      ReportService: new (tokens: Tokens) => { send(body: string): Promise<void> };
    }>('using-it', 'report.service');
    const { shop } = await load<{ shop: OfficialAccount }>('using-it', 'accounts');
    const { fixedTokens } = await import('@evertoken/core/testing');
    const tokens = fixedTokens([[shop.accessToken, ['T1', 'T2']]]);
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (url: string) => {
      asked.push(url);
      return new Response('', { status: url.endsWith('T1') ? 401 : 200 });
    });
    await new ReportService(tokens).send('well');
    expect(asked.map((url) => new URL(url).searchParams.get('access_token'))).toEqual(['T1', 'T2']);
  });

  it('has a namespace of @nestjs/config', async () => {
    const { getClientToken } = await ours();
    const app = await appOf('from-a-namespace-of-nestjs-config');
    const client = app.get<OfficialAccountClient>(getClientToken('shop'), { strict: false });
    expect(await client.get('/cgi-bin/user/get')).toHaveProperty('total');
    expect(app.get(SchedulerRegistry, { strict: false }).getCronJob('evertoken:refresh').cronTime.source).toBe(
      '0 * * * * *',
    );
  });

  it('has a feature', async () => {
    const { TokenModule, TokenManager } = await ours();
    const { memoryStore } = await import('@evertoken/core');
    const { ShopModule } = await load('accounts-of-a-feature', 'shop.module');
    const { FollowersService } = await load('accounts-of-a-feature', 'followers.service');
    const root = TokenModule.forRoot({ store: memoryStore(), schedule: false });
    const app = ending(await Test.createTestingModule({ imports: [root, ShopModule] }).compile());
    await app.init();
    const followers = app.get<{ count(): Promise<{ total: number }> }>(FollowersService, { strict: false });
    expect((await followers.count()).total).toEqual(expect.any(Number));
    expect(app.get(TokenManager).accounts()).toHaveLength(1);
  });

  it.skipIf(whyMissing('postgres'))(
    'has tenants that come while the application runs',
    async () => {
      vi.stubEnv('DATABASE_URL', await sharedDatabase('postgres'));
      const app = await appOf('accounts-from-a-database');
      const { TenantFollowersService } = await load('accounts-from-a-database', 'tenant-followers.service');
      const { TenantsRepository } = await load('accounts-from-a-database', 'tenants.repository');
      const service = app.get<{ count(name: string): Promise<object>; changed(): Promise<object> }>(
        TenantFollowersService,
        { strict: false },
      );
      const { rows } = app.get<{ rows: object[] }>(TenantsRepository, { strict: false });
      expect(await service.count('two')).toHaveProperty('total');
      rows.push({ name: 'three', appId: 'wx-shop', secret: 'secret of shop', updatedAt: new Date(1) });
      expect(await service.changed()).toMatchObject({ added: ['three'], replaced: [] });
      expect(await service.count('three')).toHaveProperty('total');
    },
    BUSY_MS,
  );

  it('has several managers', async () => {
    const app = await appOf('several-managers');
    const { PartnersService } = await load('several-managers', 'partners.service');
    const service = app.get<{ own: OfficialAccountClient; partner: OfficialAccountClient; note(event: object): void }>(
      PartnersService,
      { strict: false },
    );
    await Promise.all([service.own.get('/cgi-bin/user/get'), service.partner.get('/cgi-bin/user/get')]);
    expect([tokenCalls('wx-shop'), tokenCalls('wx-partner')]).toEqual([1, 1]);
    expect([...app.get(SchedulerRegistry, { strict: false }).getCronJobs().keys()].sort()).toEqual([
      'evertoken:refresh',
      'evertoken:refresh:partners',
    ]);
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    sandbox.fault({ kind: 'code', code: 50002, account: 'wx-partner', endpoint: '/cgi-bin/stable_token' });
    const { getTokenManagerToken, getAccountToken } = await ours();
    const manager = app.get<TokenManager>(getTokenManagerToken('partners'));
    await manager.refresh((app.get(getAccountToken('shop', 'partners')) as OfficialAccount).accessToken);
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/^partner shop: ERR_TOKEN_/));
  });

  it('has a cache that is encrypted', async () => {
    vi.stubEnv('TOKEN_KEY', Buffer.alloc(32, 'key').toString('base64'));
    const app = await appOf('where-tokens-are-kept');
    const { getClientToken } = await ours();
    const client = app.get<OfficialAccountClient>(getClientToken('shop'), { strict: false });
    expect(await client.get('/cgi-bin/user/get')).toHaveProperty('total');
  });

  it('has a watcher of grants', async () => {
    const { TokenModule, TokenManager } = await ours();
    const { GrantsWatcher } = await load('events-and-log', 'grants.watcher');
    const { memoryStore, TokenError } = await import('@evertoken/core');
    const { testAccount } = await import('./support.js');
    const issue = () => {
      throw new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', 'refused');
    };
    const erp = testAccount({ name: 'erp', grants: 'only', issue });
    const options = { accounts: [erp], store: memoryStore(), allowVolatileGrants: true, schedule: false } as const;
    const imports = [TokenModule.forRoot(options)];
    const app = ending(
      await Test.createTestingModule({ imports, providers: [GrantsWatcher] })
        .setLogger(silence())
        .compile(),
    );
    await app.init();
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const manager = app.get(TokenManager);
    await manager.adopt(erp.user('tanaka'), { value: 'a', refreshToken: 'r', lifetimeMs: 1_000 }, { grant: true });
    await manager.refresh(erp.user('tanaka'));
    expect(warn).toHaveBeenCalledWith('user tanaka of erp must sign in again (refused)');
  });

  it(
    'has a test that passes',
    async () => {
      const vitest = modulePath('vitest', 'vitest.mjs');
      // Not this repository's, which it would find above.
      await writeFile(join(folder, 'out/tests/vitest.config.mjs'), 'export default {};');
      const { stdout } = await run(process.execPath, [vitest, 'run', '--root', join(folder, 'out/tests')], {
        cwd: join(folder, 'out/tests'),
        env: { PATH: process.env['PATH'], NO_COLOR: '1' },
      }).catch((error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}\n${error.stderr}` }));
      expect(stdout).toMatch(/Tests +2 passed/);
    },
    BUSY_MS,
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
