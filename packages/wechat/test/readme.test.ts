import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

/** The snippets of the README, compiled by tsc and run by plain Node; only the platform's hosts lead to the sandbox. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

const shop = { appId: 'wxshop', secret: 'shop-secret' };
const mini = { appId: 'wxmini', secret: 'mini-secret' };
const keys = { token: 'push-token', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
const CORP = 'wwcorp';
const crmKeys = { token: 'crm-token', encodingAESKey: 'crmCRMcrmCRMcrmCRMcrmCRMcrmCRMcrmCRMcrmCRMc' };
const USER = 'o-user-1';

let folder = '';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox({
    wechat: [
      { ...shop, users: [{ openid: USER, nickname: '小明' }, {}] },
      { ...mini, kind: 'miniProgram', users: [{ openid: 'o-mini-1' }] },
    ],
    wecom: [{ corpId: CORP, agents: [{ agentId: 1000002, secret: 'crm-secret' }] }],
  });
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
const lead = (url) => url.replace(/https:\\/\\/(api|open)\\.weixin\\.qq\\.com/, ${JSON.stringify(sandbox.urls.wechat)});
globalThis.fetch = (url, init) => real(lead(String(url)), init);`,
  );
  await writeFile(
    join(folder, 'visit.mjs'),
    `import { back, nickname, signIn, tokens } from './out/members.js';

const session = {};
const page = new URL(signIn(session));
page.searchParams.set('openid', '${USER}');
const location = new URL((await fetch(page, { redirect: 'manual' })).headers.get('location'));
const query = Object.fromEntries(location.searchParams);
await back(query, session);
const name = await nickname(session);
const again = await back(query, session).catch(({ reason }) => reason);
console.log(JSON.stringify({ openid: session.openid, name, again }));
await tokens.close();`,
  );
  await writeFile(
    join(folder, 'log-in.mjs'),
    `import { login, tokens } from './out/login.js';
const { sessionKey, ...who } = await login(process.argv[2]);
console.log(JSON.stringify({ ...who, key: sessionKey.length > 15 }));
await tokens.close();`,
  );
  await writeFile(
    join(folder, 'listen.mjs'),
    `const { server, receiver = server } = await import('./out/' + process.argv[2] + '.js');
receiver.listen(0, '127.0.0.1', () => console.log('port', receiver.address().port));`,
  );
  await mkdir(join(folder, 'work'));
  await writeFile(join(folder, 'work', 'logo.png'), Uint8Array.from([137, 80, 78, 71]));
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
  });
}, 120_000);

afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

function start(program: string, ...args: string[]) {
  return run(process.execPath, ['--import', join(folder, 'redirect.mjs'), join(folder, program), ...args], {
    cwd: join(folder, 'work'),
    env: {
      PATH: process.env['PATH'],
      NODE_NO_WARNINGS: '1',
      WECHAT_APPID: shop.appId,
      WECHAT_SECRET: shop.secret,
      WECHAT_MINI_APPID: mini.appId,
      WECHAT_MINI_SECRET: mini.secret,
      WECHAT_TOKEN: keys.token,
      WECHAT_AES_KEY: keys.encodingAESKey,
      WECOM_CORPID: CORP,
      WECOM_TOKEN: keys.token,
      WECOM_AES_KEY: keys.encodingAESKey,
      CRM_SECRET: 'crm-secret',
      CRM_TOKEN: crmKeys.token,
      CRM_AES_KEY: crmKeys.encodingAESKey,
      CONTACTS_SECRET: 'contacts-secret',
    },
    timeout: 60_000,
  });
}

const node = async (program: string, ...args: string[]) => (await start(program, ...args)).stdout;

describe('the README', () => {
  it('counts followers and signs a page', async () => {
    expect(await node('out/page.js')).toBe('2 followers 40\n');
  }, 90_000);

  it('sends a file and fetches it', async () => {
    expect(await node('out/media.js')).toBe('image/png 4\n');
    expect([...(await readFile(join(folder, 'work', 'copy.png')))]).toEqual([137, 80, 78, 71]);
  }, 90_000);

  it('has a leaked token replaced', async () => {
    expect(await node('out/leak.js')).toBe('replaced (1 of 20 today)\n');
  }, 90_000);

  it('tells what is left of the day', async () => {
    expect(await node('out/quota.js')).toMatch(/^\d+ of \d+\n$/);
  }, 90_000);

  it('signs a user in, once, and calls as the user', async () => {
    expect(JSON.parse(await node('visit.mjs'))).toEqual({ openid: USER, name: '小明', again: 'unbound' });
  }, 90_000);

  it('logs a mini program in', async () => {
    expect(JSON.parse(await node('log-in.mjs', sandbox.wechat.loginCode(mini.appId)))).toEqual({
      openid: 'o-mini-1',
      key: true,
    });
  }, 90_000);

  it('answers what is pushed to the account', async () => {
    const url = await serving('listen.mjs', 'messages');
    sandbox.wechat.configure(shop.appId, { push: { ...keys, url } });
    expect(await sandbox.wechat.verifyUrl(shop.appId)).toMatchObject({ outcome: 'verified' });
    const text = await sandbox.wechat.push(shop.appId, { MsgType: 'text', Content: '你好' });
    expect(text.reply).toContain('<Content><![CDATA[you said: 你好]]></Content>');
    const subscribed = await sandbox.wechat.push(shop.appId, { MsgType: 'event', Event: 'subscribe' });
    expect(subscribed.reply).toContain('<MediaId><![CDATA[welcome]]></MediaId>');
    const other = await sandbox.wechat.push(shop.appId, { MsgType: 'event', Event: 'unsubscribe' });
    expect(other).toMatchObject({ outcome: 'success' });
  }, 90_000);

  it('answers for a corp’s agents', async () => {
    const url = await serving('listen.mjs', 'corp-messages');
    sandbox.wecom.setCallback(CORP, { url, ...crmKeys });
    expect(await sandbox.wecom.verifyUrl(CORP)).toMatchObject({ outcome: 'verified' });
    sandbox.wecom.push(CORP, { FromUserName: 'lisi', MsgType: 'text', Content: 'hello' }, 1000002);
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)?.reply).toContain('<![CDATA[lisi to the CRM: hello]]>');
    sandbox.wecom.setCallback(CORP, { url, ...keys });
    sandbox.wecom.push(CORP, { MsgType: 'event', Event: 'change_contact' });
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'change_contact', outcome: 'empty' });
  }, 90_000);
});

/** Starts a program that prints its port; resolves with its address. It ends with the test. */
async function serving(program: string, ...args: string[]): Promise<string> {
  const running = start(program, ...args);
  onTestFinished(async () => {
    running.child.kill();
    await running.catch(() => {});
  });
  const output = running.child.stdout as NodeJS.ReadableStream;
  let text = '';
  const port = new Promise<string>((resolve) => {
    output.on('data', (chunk: Buffer) => {
      text += chunk;
      const [, found] = /port (\d+)/.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const ended = running.then(() => Promise.reject(new Error(`it ended: ${text}`)));
  return `http://127.0.0.1:${await Promise.race([port, ended])}/`;
}
