import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

/** The snippets about callbacks and the stream, compiled by tsc and run by plain Node; only the platform's hosts lead to the sandbox. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const SNIPPETS = ['events.ts', 'listen.ts', 'app-events.ts', 'scan.ts'];
const PATIENCE = { timeout: 20_000, interval: 20 };

const { appKey, appSecret, corpId } = SANDBOX_ACCOUNTS.dingtalk;
const { suiteKey, suiteSecret, token, encodingAESKey } = SANDBOX_ACCOUNTS.dingtalkSuite;

let folder = '';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox({
    dingtalk: [SANDBOX_ACCOUNTS.dingtalk],
    dingtalkSuites: [{ ...SANDBOX_ACCOUNTS.dingtalkSuite, suiteTicketEveryMs: 0 }],
  });
  folder = await mkdtemp(join(here, '.readme-'));
  const pages = ['../../src/callback/README.part.md', '../../README.md'].map((page) =>
    readFile(join(here, page), 'utf8').catch(() => ''),
  );
  const snippets = new Map(
    [...(await Promise.all(pages)).join('\n').matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)].map(([, name, code]) => [
      name,
      code,
    ]),
  );
  for (const name of SNIPPETS) await writeFile(join(folder, name), snippets.get(name) ?? `missing snippet ${name}`);
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../../tsconfig.base.json',
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false },
      include: ['*.ts'],
    }),
  );
  await writeFile(
    join(folder, 'redirect.mjs'),
    `const real = globalThis.fetch;
const hosts = ${JSON.stringify({ api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi })};
globalThis.fetch = (url, init) => real(String(url).replace(/https:\\/\\/(o?api)\\.dingtalk\\.com/, (_, host) => hosts[host]), init);`,
  );
  await writeFile(
    join(folder, 'serve.mjs'),
    `import { server } from './out/events.js';
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));`,
  );
  await writeFile(
    join(folder, 'scan.mjs'),
    `import { whoScanned } from './out/scan.js';
console.log(JSON.stringify(await whoScanned(process.argv[2])));`,
  );
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the snippets do not compile:\n${error.stdout}`);
  });
}, 120_000);

afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true });
});

/** A program, and what it prints. */
function start(...args: string[]): { readonly child: ChildProcess; readonly printed: () => string } {
  const child = spawn(process.execPath, ['--import', './redirect.mjs', ...args], {
    cwd: folder,
    env: {
      ...process.env,
      DINGTALK_TOKEN: token,
      DINGTALK_AES_KEY: encodingAESKey,
      DINGTALK_APP_KEY: appKey,
      DINGTALK_APP_SECRET: appSecret,
      DINGTALK_CORP_ID: corpId,
      DINGTALK_SUITE_KEY: suiteKey,
      DINGTALK_SUITE_SECRET: suiteSecret,
    },
  });
  const chunks: string[] = [];
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => chunks.push(String(chunk)));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, printed: () => chunks.join('') };
}

describe('the snippets', () => {
  it('take an app’s events by HTTP', async () => {
    const { printed } = start('serve.mjs');
    await expect.poll(printed, PATIENCE).toMatch(/port \d+/);
    const url = `http://127.0.0.1:${/port (\d+)/.exec(printed())?.[1]}/`;
    sandbox.dingtalk.setCallback(appKey, { url, token, encodingAESKey });
    expect(await sandbox.dingtalk.checkUrl(appKey)).toMatchObject({ outcome: 'success' });
    sandbox.dingtalk.setCallback(appKey, { url, token, encodingAESKey, ownerKey: 'corpId' });
    sandbox.dingtalk.pushEvent(appKey, { EventType: 'user_add_org' });
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'user_add_org', outcome: 'success' });
    sandbox.dingtalk.setCallback(appKey, null);
  });

  it('take a suite’s ticket by the stream, and end', async () => {
    const { child, printed } = start('out/listen.js');
    sandbox.dingtalkSuite.pushTicket(suiteKey);
    await expect.poll(printed, PATIENCE).toMatch(/suite_ticket of/);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });

  it('take an app’s events by the stream', async () => {
    const { printed } = start('out/app-events.js');
    sandbox.dingtalk.pushEvent(appKey, { EventType: 'user_add_org', UserId: ['manager1'] });
    await expect.poll(printed, PATIENCE).toContain('manager1');
  });

  it('sign a call', async () => {
    const { child, printed } = start('scan.mjs', sandbox.dingtalk.scanCode(appKey));
    await once(child, 'exit');
    expect(JSON.parse(printed())).toMatchObject({ errcode: 0, user_info: { nick: expect.any(String) } });
  });
});
