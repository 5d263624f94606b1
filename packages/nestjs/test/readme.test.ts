import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** The snippets of the root README, compiled by tsc and run by plain Node; only the platform's host leads to the sandbox. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
// Programs and compilers take their time on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { appId, secret } = SANDBOX_ACCOUNTS.wechat;

let folder = '';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(here, '.readme-'));
  const readme = await readFile(join(here, '../../../README.md'), 'utf8');
  for (const [, name, code] of readme.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    await writeFile(join(folder, name as string), code as string);
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../tsconfig.base.json',
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false, experimentalDecorators: true },
      include: ['*.ts'],
    }),
  );
  await writeFile(
    join(folder, 'redirect.mjs'),
    `const real = globalThis.fetch;
globalThis.fetch = (url, init) => real(String(url).replace('https://api.weixin.qq.com', ${JSON.stringify(sandbox.urls.wechat)}), init);`,
  );
  await writeFile(
    join(folder, 'main.mjs'),
    `import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './out/app.module.js';
import { FollowersService } from './out/followers.service.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
const followers = app.get(FollowersService);
const config = await followers.pageConfig('https://shop.example/');
console.log(JSON.stringify({ followers: await followers.count(), config }));
await app.close();`,
  );
  await mkdir(join(folder, 'work'));
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
  });
});

afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

function node(program: string, env: Record<string, string> = { WECHAT_APPID: appId, WECHAT_SECRET: secret }) {
  return run(process.execPath, ['--import', join(folder, 'redirect.mjs'), join(folder, program)], {
    cwd: join(folder, 'work'),
    env: { PATH: process.env['PATH'], ...env },
    timeout: 100_000,
  });
}

describe('the README', () => {
  it('has a Nest snippet that serves followers and a page configuration', async () => {
    const { stdout, stderr } = await node('main.mjs');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      followers: { total: expect.any(Number) },
      config: { appId, signature: expect.stringMatching(/^[0-9a-f]{40}$/) },
    });
  });

  it('has a script that asks the platform for one token, however often it is run', async () => {
    const before = sandbox.calls({ endpoint: '/cgi-bin/stable_token' }).length;
    const first = await node('out/script.js');
    expect(first.stderr).toBe('');
    expect(first.stdout).toContain('ip_list');
    await Promise.all([node('out/script.js'), node('out/script.js')]);
    expect(sandbox.calls({ endpoint: '/cgi-bin/stable_token' })).toHaveLength(before + 1);
  });

  it('promises that a missing variable is reported by name', async () => {
    const failure = await node('out/script.js', { WECHAT_APPID: appId }).catch((error: { stderr: string }) => error);
    expect(failure.stderr).toContain('"secret" must be a non-empty string, it is missing (account "shop")');
  });
});
