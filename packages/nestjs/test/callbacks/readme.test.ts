import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The snippets of the README about callbacks, compiled by tsc and run by plain Node, with pushes that the sandbox sends. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const SNIPPETS = ['push.module.ts', 'public-hooks.module.ts', 'messages.module.ts'];

/** The application around the snippets: accounts on a sandbox that pushes to it, and what came of that. */
const MAIN = `
import 'reflect-metadata';
import { memoryStore } from '@evertoken/core';
import { dingTalkSuite } from '@evertoken/dingtalk';
import { TokenModule } from '@evertoken/nestjs';
import { createSandbox, SANDBOX_ACCOUNTS } from '@evertoken/sandbox';
import { officialAccount, openPlatform } from '@evertoken/wechat';
import { NestFactory } from '@nestjs/core';
import { MessagesModule } from './out/messages.module.js';
import { PublicHooksModule } from './out/public-hooks.module.js';
import { PushModule } from './out/push.module.js';

const { wechat, openPlatform: component, dingtalkSuite } = SANDBOX_ACCOUNTS;
const keysOf = ({ token, encodingAESKey }) => ({ token, encodingAESKey });
const push = { token: 'pushToken', encodingAESKey: component.encodingAESKey };
const sandbox = await createSandbox();
const accounts = [
  officialAccount({ name: 'shop', ...wechat, push, baseUrl: sandbox.urls.wechat }),
  openPlatform({ name: 'platform', appId: component.appId, secret: component.secret, push: keysOf(component), baseUrl: sandbox.urls.wechat }),
  dingTalkSuite({ name: 'isv', suiteKey: dingtalkSuite.suiteKey, suiteSecret: dingtalkSuite.suiteSecret, push: keysOf(dingtalkSuite),
    baseUrls: { api: sandbox.urls.dingtalkApi, oapi: sandbox.urls.dingtalkOapi } }),
];
const tokens = TokenModule.forRoot({ accounts, schedule: false, store: memoryStore(), singleInstance: true, allowVolatileGrants: true });
class AppModule {}
class GuardedModule {}
const start = async (module, ...imports) => {
  const app = await NestFactory.create({ module, imports: [tokens, ...imports] }, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  return app;
};
const app = await start(AppModule, PushModule, MessagesModule);
const guarded = await start(GuardedModule, PublicHooksModule, PushModule);
const [url, guardedUrl] = [await app.getUrl(), await guarded.getUrl()];
sandbox.openPlatform.configure(component.appId, { callbackUrl: url + '/hooks/wechat', messageUrl: url + '/hooks/$APPID$/messages' });
sandbox.dingtalkSuite.setCallback(dingtalkSuite.suiteKey, { callbackUrl: url + '/hooks/dingtalk' });
sandbox.wechat.configure(wechat.appId, { push: { url: guardedUrl + '/hooks/shop', ...push } });
const [authorizer] = component.authorizers;
sandbox.openPlatform.authorize(component.appId, authorizer.appId);
const message = { ToUserName: 'gh_1', FromUserName: 'openid-1', CreateTime: 1, MsgType: 'text', Content: 'Hello' };
const answered = await sandbox.openPlatform.pushMessage(component.appId, authorizer.appId, message);
const heard = await sandbox.wechat.push(wechat.appId, message);
await sandbox.pushes();
const pushes = sandbox.pushLog().map(({ url: to, outcome }) => new URL(to).pathname + ' ' + outcome);
const refused = (await fetch(guardedUrl + '/hooks/wechat')).status;
console.log(JSON.stringify({ pushes: [...new Set(pushes)].sort(), reply: answered.reply, heard: heard.outcome, refused }));
await app.close();
await guarded.close();
await sandbox.close();
`;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(here, '.readme-'));
  const readme = await readFile(join(here, '../../README.md'), 'utf8');
  for (const [, name = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    if (SNIPPETS.includes(name)) await writeFile(join(folder, name), code);
  }
  const compilerOptions = { rootDir: '.', outDir: 'out', declaration: false, experimentalDecorators: true };
  const config = { extends: '../../../../../tsconfig.base.json', compilerOptions, files: SNIPPETS };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await writeFile(join(folder, 'main.mjs'), MAIN);
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('the README’s modules take what the platforms push, past a global guard where they say so', async () => {
  const { stdout, stderr } = await run(process.execPath, [join(folder, 'main.mjs')], { timeout: 55_000 });
  expect(stderr).toBe('');
  const [{ appId }] = SANDBOX_ACCOUNTS.openPlatform.authorizers;
  expect(JSON.parse(stdout)).toEqual({
    pushes: [
      '/hooks/dingtalk success',
      '/hooks/shop success',
      '/hooks/wechat success',
      `/hooks/${appId}/messages reply`,
    ].sort(),
    reply: expect.stringContaining('Thank you'),
    heard: 'success',
    refused: 403,
  });
}, 60_000);
