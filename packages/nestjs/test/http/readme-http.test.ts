import 'reflect-metadata';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryStore } from '@evertoken/core';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import axios from 'axios';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { TokenManager, TokenModule } from '../../src/index.js';
import { ending, silence } from '../support.js';
import { dingTalkAppOf, officialAccountOf } from './platforms.js';

// The README's sections on HTTP clients and health, run as they stand there; only the platforms' hosts lead to the sandbox.
// That they compile is shown in readme-snippets.test.ts.

const { wechat, dingtalk } = SANDBOX_ACCOUNTS;
const readmeFile = join(import.meta.dirname, '../../README.md');
let folder: string;
let sandbox: Sandbox;

beforeAll(async () => {
  // The adapter that can be led elsewhere; this file has an axios of its own.
  axios.defaults.adapter = 'fetch';
  sandbox = await createSandbox();
  folder = await mkdtemp(join(import.meta.dirname, '.readme-http-'));
  const readme = await readFile(readmeFile, 'utf8');
  const sections = readme.split(/^## /m).filter((text) => /^(HTTP clients|Health)\n/.test(text));
  expect(sections).toHaveLength(2);
  for (const [, name = '', code = ''] of sections.join('').matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    const here = code.replace(/'@evertoken\/nestjs\/fetch'/g, "'../../../src/http/fetch.js'");
    await writeFile(join(folder, name), here.replace(/'@evertoken\/nestjs\/(\w+)'/g, "'../../../src/$1/index.js'"));
  }
  const accounts = `import { officialAccount } from '@evertoken/wechat';
export const shop = officialAccount({ name: 'shop', appId: '${wechat.appId}', secret: '${wechat.secret}' });`;
  await writeFile(join(folder, 'accounts.ts'), accounts);
});
afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  sandbox.reset();
  const real = globalThis.fetch;
  const here = (url: string) =>
    url
      .replace('https://api.weixin.qq.com', sandbox.urls.wechat)
      .replace('https://api.dingtalk.com', sandbox.urls.dingtalkApi);
  vi.stubGlobal('fetch', (input: unknown, init?: RequestInit) =>
    input instanceof Request ? real(new Request(here(input.url), input), init) : real(here(String(input)), init),
  );
});
afterEach(() => vi.unstubAllGlobals());

const load = (file: string): Promise<Record<string, never>> => import(/* @vite-ignore */ join(folder, `${file}.ts`));

async function application(...imports: never[]): Promise<INestApplication> {
  const { shop } = await load('accounts');
  const tokens = TokenModule.forRoot({ accounts: [shop as never], store: memoryStore(), schedule: false });
  const module = await Test.createTestingModule({ imports: [tokens, ...imports] })
    .setLogger(silence())
    .compile();
  return ending(module.createNestApplication()).init();
}

it('has a service whose requests carry the token, and are repeated where it is refused', async () => {
  const { ReportsModule } = await load('reports.module');
  const app = await application(ReportsModule as never);
  const { ReportsService } = await load('reports.service');
  const reports = app.get<{ followers(): Promise<number> }>(ReportsService as never, { strict: false });
  expect(await reports.followers()).toEqual(expect.any(Number));
  sandbox.wechat.killToken(wechat.appId);
  expect(await reports.followers()).toEqual(expect.any(Number));
  expect(sandbox.calls({ outcome: '40001' })).toHaveLength(1);
});

it('has a fetch for DingTalk', async () => {
  const { account, tokens } = dingTalkAppOf(sandbox);
  const { contactsOf } = await load('contacts');
  const contacts = (contactsOf as unknown as (...parts: unknown[]) => typeof fetch)(tokens, account);
  for (const refused of [0, 1]) {
    expect((await contacts('https://api.dingtalk.com/v1.0/contact/users/union-1')).status).toBe(200);
    expect(sandbox.calls({ outcome: 'InvalidAuthentication' })).toHaveLength(refused);
    sandbox.dingtalk.killToken(dingtalk.appKey);
  }
  await tokens.close();
});

it('has a health endpoint', async () => {
  const { HealthModule } = await load('health.module');
  const app = await application(HealthModule as never);
  await app.listen(0, '127.0.0.1');
  const { account } = officialAccountOf(sandbox);
  await app.get(TokenManager).get(account.accessToken);
  const answer = await fetch(`${await app.getUrl()}/health`);
  expect([answer.status, await answer.json()]).toMatchObject([
    200,
    { status: 'ok', info: { tokens: { status: 'up', living: 1 } } },
  ]);
});
