import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The snippets of the README, compiled by tsc and run by plain Node; only the platform's hosts lead to the sandbox. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { appKey, appSecret, corpId, ssoSecret = '' } = SANDBOX_ACCOUNTS.dingtalk;

let folder = '';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(here, '.readme-'));
  const readme = await readFile(join(here, '../README.md'), 'utf8');
  for (const [, name, code] of readme.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    await writeFile(join(folder, name as string), code as string);
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../tsconfig.base.json',
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false },
      include: ['*.ts'],
    }),
  );
  await writeFile(
    join(folder, 'redirect.mjs'),
    `const real = globalThis.fetch;
const lead = (url) => url
  .replace(/https:\\/\\/(api|login)\\.dingtalk\\.com/, ${JSON.stringify(sandbox.urls.dingtalkApi)})
  .replace('https://oapi.dingtalk.com', ${JSON.stringify(sandbox.urls.dingtalkOapi)});
globalThis.fetch = (url, init) => real(lead(String(url)), init);`,
  );
  await writeFile(
    join(folder, 'visit.mjs'),
    `import { back, nick, signIn, tokens } from './out/members.js';

const session = {};
const before = await nick(session);
const page = new URL(signIn(session));
page.searchParams.set('unionId', 'union-lan');
const location = new URL((await fetch(page, { redirect: 'manual' })).headers.get('location'));
const query = Object.fromEntries(location.searchParams);
await back(query, session);
const planted = await back(query, {}).catch(({ reason }) => reason);
console.log(JSON.stringify({ before, user: session.user, nick: await nick(session), planted }));
await tokens.close();`,
  );
  await writeFile(
    join(folder, 'come.mjs'),
    `import { tokens, whoCame } from './out/console.js';
console.log(await whoCame(process.argv[2]));
await tokens.close();`,
  );
  await writeFile(
    join(folder, 'scan.mjs'),
    `import { scanned, tokens } from './out/personal.js';
console.log(JSON.stringify(await scanned(process.argv[2])));
await tokens.close();`,
  );
  await mkdir(join(folder, 'work'));
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
  });
}, 60_000);

afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

async function node(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    ['--import', join(folder, 'redirect.mjs'), join(folder, program), ...args],
    {
      cwd: join(folder, 'work'),
      env: {
        PATH: process.env['PATH'],
        DINGTALK_APP_KEY: appKey,
        DINGTALK_APP_SECRET: appSecret,
        DINGTALK_CORP_ID: corpId,
        DINGTALK_SSO_SECRET: ssoSecret,
      },
      timeout: 30_000,
    },
  );
  return stdout.trim();
}

describe('the README', () => {
  it('calls both APIs with one token, and signs a page', async () => {
    expect(await node('out/call.js')).toBe('员工 union-lan lan 64');
    expect(sandbox.calls({ endpoint: '/v1.0/oauth2/accessToken' })).toHaveLength(1);
  });

  it('signs a user in and calls as the user', async () => {
    expect(JSON.parse(await node('visit.mjs'))).toEqual({
      before: 'nobody',
      user: { unionId: 'union-lan', corpId, openId: 'open-union-lan', nick: '王兰' },
      nick: '王兰',
      planted: 'unbound',
    });
  });

  it('knows who came from the console', async () => {
    expect(await node('come.mjs', sandbox.dingtalk.ssoCode(appKey))).toBe('王兰');
  });

  it('knows who scanned', async () => {
    const scan = sandbox.dingtalk.scanCode(appKey);
    expect(JSON.parse(await node('scan.mjs', scan))).toMatchObject({ user_info: { unionid: 'union-lan' } });
  });
});
