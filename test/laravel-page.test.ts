import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  appKey,
  appSecret,
  blockOf,
  fetchesOf,
  hostsOf,
  PLACES,
  type Place,
  page,
  repository,
  USER,
} from './laravel-page.js';

// The replacements that packages/dingtalk/docs/laravel-snippet.md gives, run as it gives them. Only the platform's hosts lead
// to the sandbox.

const run = promisify(execFile);
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

/** Sends the platform's requests to the sandbox. */
const REDIRECT = `const hosts = JSON.parse(process.env['HOSTS']);
const send = globalThis.fetch;
globalThis.fetch = (url, init) => send(hosts.reduce((to, [host, there]) => to.replace(host, there), String(url)), init);
`;

let root: string;
let sandbox: Sandbox;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'evertoken-laravel-page-'));
  await install(join(root, 'node_modules'));
  await writeFile(join(root, 'redirect.mjs'), REDIRECT);
});

afterAll(() => rm(root, { recursive: true, force: true }));

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.close());

/** As if all packages that the page uses were installed beside its files. */
async function install(modules: string): Promise<void> {
  const installed = join(repository, 'packages/nestjs/node_modules');
  await mkdir(join(modules, '@evertoken'), { recursive: true });
  for (const name of await readdir(join(installed, '@evertoken'))) {
    await symlink(join(installed, '@evertoken', name), join(modules, '@evertoken', name));
  }
  await symlink(join(repository, 'packages/nestjs'), join(modules, '@evertoken/nestjs'));
  for (const name of ['@keyv', '@nestjs', 'reflect-metadata'])
    await symlink(join(installed, name), join(modules, name));
}

/** The page's plain Node in a folder of its own, with what to run it with. */
async function application(place: Place): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await mkdtemp(join(root, 'app-'));
  await writeFile(join(folder, 'store.mjs'), blockOf('store.mjs', place.store));
  for (const name of ['dingtalk.mjs', 'job.mjs']) await writeFile(join(folder, name), blockOf(name));
  const url = place.server && (await sharedDatabase(place.server));
  return { folder, env: url === undefined ? {} : { DATABASE_URL: url, REDIS_URL: url } };
}

/** Runs a program as a user would, the platform's hosts redirected. */
async function node(folder: string, program: string, env: Readonly<Record<string, string>>) {
  return run(process.execPath, ['--import', join(root, 'redirect.mjs'), join(folder, program)], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NO_COLOR: '1',
      HOSTS: JSON.stringify(Object.entries(hostsOf(sandbox))),
      DINGTALK_APP_KEY: appKey,
      DINGTALK_APP_SECRET: appSecret as string,
      ...env,
    },
    timeout: 25_000,
  });
}

/** It says nothing but the name it was asked for. */
async function expectName(running: Promise<{ stdout: string; stderr: string }>): Promise<void> {
  const { stdout, stderr } = await running;
  expect(stderr).toBe('');
  expect(stdout).toContain('manager1');
}

describe('the page’s plain Node', () => {
  for (const place of PLACES) {
    it.skipIf(place.server && whyMissing(place.server))(
      `on ${place.store} fetches one token for two processes at once, and none for one that is started later`,
      async () => {
        const { folder, env } = await application(place);
        await Promise.all([1, 2].map(() => expectName(node(folder, 'job.mjs', env))));
        await expectName(node(folder, 'job.mjs', env));
        expect(fetchesOf(sandbox)).toHaveLength(1);
        expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(3);
      },
    );
  }
});

describe('the page', () => {
  const [files] = PLACES as readonly [Place];

  it('quotes the error of a wrong secret: the account, the token, the platform’s code, and no secret', async () => {
    const { folder } = await application(files);
    const env = { DINGTALK_APP_SECRET: 'not-the-secret' };
    const failure = await node(folder, 'job.mjs', env).catch((error: { stdout: string; stderr: string }) => error);
    const quoted = page.match(/```text\n(TokenError: .*)\n```/)?.[1] as string;
    for (const part of ['"oa"', 'access_token', 'invalidClientIdOrSecret', 'secret do not match']) {
      expect(quoted).toContain(part);
    }
    expect(failure.stderr).toContain(quoted);
    expect(failure.stdout + failure.stderr).not.toContain('not-the-secret');
  });

  it('has an error for a missing variable that names the option and the account', async () => {
    const { folder } = await application(files);
    const env = { DINGTALK_APP_SECRET: '' };
    const failure = await node(folder, 'job.mjs', env).catch((error: { stderr: string }) => error);
    expect(failure.stderr).toMatch(/"appSecret" must be .* \(account "oa"\)/);
  });

  it.skipIf(whyMissing('redis'))(
    'has a Nest application whose second instance finds the token in the cache, and with a store fetches one for two at once',
    async () => {
      const folder = await nestApplication();
      const env = { REDIS_URL: await sharedDatabase('redis') };
      for (const instance of [1, 2]) {
        await expectName(node(folder, 'main.mjs', env));
        expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(instance);
        expect(fetchesOf(sandbox)).toHaveLength(1);
      }
      const stored = { MODULE: './out/stored.module.js' };
      await Promise.all([1, 2].map(() => expectName(node(folder, 'main.mjs', stored))));
      expect(sandbox.calls({ endpoint: USER, outcome: 'ok' })).toHaveLength(4);
      expect(fetchesOf(sandbox)).toHaveLength(2);
    },
  );
});

/** The page's modules, compiled; `stored.module` has the line that the page gives for a store. */
async function nestApplication(): Promise<string> {
  const folder = await mkdtemp(join(root, 'nest-'));
  await mkdir(join(folder, 'src'));
  for (const name of ['accounts.ts', 'app.module.ts', 'staff.service.ts']) {
    await writeFile(join(folder, 'src', name), blockOf(name));
  }
  const [withStore] = page.match(/TokenModule\.forRoot\(\{ accounts: \[oa\], store, .*?\}\)/) ?? [];
  const stored = blockOf('app.module.ts')
    .replace(/^ +CacheModule.*\n/m, '')
    .replace(/^import .*(keyv|cache).*\n/gm, '')
    .replace(/TokenModule\.forRoot\(.*\)/, withStore as string)
    .replace("from './accounts.js';\n", "from './accounts.js';\nimport { store } from './store.js';\n");
  await writeFile(join(folder, 'src/stored.module.ts'), stored);
  await writeFile(join(folder, 'src/store.ts'), blockOf('store.mjs', 'fileStore'));
  const compilerOptions = {
    rootDir: 'src',
    outDir: 'out',
    declaration: false,
    experimentalDecorators: true,
    typeRoots: [join(repository, 'node_modules/@types')],
  };
  const config = { extends: join(repository, 'tsconfig.base.json'), compilerOptions, include: ['src/*.ts'] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(
    join(folder, 'main.mjs'),
    `import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { StaffService } from './out/staff.service.js';

const { AppModule } = await import(process.env['MODULE'] ?? './out/app.module.js');
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
const { result } = await app.get(StaffService).find('manager1');
await app.close();
console.log(result.name);
`,
  );
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the page's modules do not compile:\n${error.stdout}`);
  });
  return folder;
}
