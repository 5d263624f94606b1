import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callbackRequest, sendReply } from '../../src/push.js';
import { until } from './world.js';

/** The snippets of the README, one a file, as they stand there; only the platform's hosts lead to the sandbox. */
const { appId, secret, token, encodingAESKey } = SANDBOX_ACCOUNTS.openPlatform;
const SHOP = 'wx000000authorizer1';

let sandbox: Sandbox;
let snippets: Awaited<ReturnType<typeof load>>;
let folder = '';
const here = process.cwd();
const servers: Server[] = [];

async function load() {
  return {
    server: await import('./usage/platform-server.js'),
    authorize: await import('./usage/connect.js'),
    call: await import('./usage/on-behalf.js'),
    sync: await import('./usage/sync-authorizers.js'),
    messages: await import('./usage/authorizer-messages.js'),
  };
}

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(tmpdir(), 'evertoken-usage-'));
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  vi.stubEnv('COMPONENT_APPID', appId);
  vi.stubEnv('COMPONENT_SECRET', secret);
  vi.stubEnv('COMPONENT_PUSH_TOKEN', token);
  vi.stubEnv('COMPONENT_AES_KEY', encodingAESKey);
  const { fetch } = globalThis;
  vi.stubGlobal('fetch', (url: string | URL, init?: RequestInit) =>
    fetch(String(url).replace(/^https:\/\/(api|mp|open)\.weixin\.qq\.com/, sandbox.urls.wechat), init),
  );
  snippets = await load();
  const { server, messages } = snippets;
  const messageServer = createServer(async (request, response) => {
    sendReply(response, await messages.answerMessage(await callbackRequest(request)));
  });
  const callbackUrl = `${await listening(server.server)}/wechat/events`;
  const messageUrl = `${await listening(messageServer)}/wechat/$APPID$/messages`;
  sandbox.openPlatform.configure(appId, { callbackUrl, messageUrl });
  await sandbox.pushes();
});

afterAll(async () => {
  await sandbox.pushes();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await snippets?.server.tokens.close();
  await sandbox?.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
  expect(process.cwd()).toBe(here);
});

describe('the README’s snippets', () => {
  it('take an administrator to the page and back', async () => {
    const session = {};
    const page = new URL(await snippets.authorize.begin(session));
    expect(page.host).toBe('mp.weixin.qq.com');
    page.searchParams.set('authorizer_appid', SHOP);
    const redirect = await fetch(page, { redirect: 'manual' });
    const back = new URL(redirect.headers.get('location') ?? '');
    expect(back.origin + back.pathname).toBe('https://app.example/wechat/authorized');
    const query = Object.fromEntries(back.searchParams);
    expect(await snippets.authorize.end(query, session)).toBe(`Official account of the sandbox (${SHOP}) is connected`);
    await sandbox.pushes();
    expect(sandbox.pushLog().map(({ event, outcome }) => [event, outcome])).toEqual([
      ['component_verify_ticket', 'success'],
      ['authorized', 'success'],
    ]);
  });

  it('call as the account, and sign its pages', async () => {
    expect((await snippets.call.followers()).total).toBe(2);
    expect(await snippets.call.pageConfig('https://shop.example/')).toMatchObject({ appId: SHOP });
  });

  it('make the store what the platform says', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    sandbox.openPlatform.authorize(appId, 'wx000000authorizer2', { push: false });
    expect(await snippets.sync.sync()).toEqual(['wx000000authorizer2']);
    expect(log.mock.calls.map((line) => line.join(' '))).toContain(`${SHOP} known`);
    log.mockRestore();
  });

  it('answer a message of one of its users', async () => {
    const answered = await sandbox.openPlatform.pushMessage(appId, SHOP, { MsgType: 'text', Content: 'hello' });
    expect(answered).toMatchObject({ outcome: 'reply', reply: expect.stringContaining('Thank you') as string });
  });

  it('keep all of it fresh', async () => {
    await until(async () => (await snippets.server.tokens.refreshDue()).counts.failed === 0);
    const kinds = [];
    for await (const { kind, state } of snippets.server.tokens.inspect()) if (state === 'active') kinds.push(kind);
    expect(kinds.sort()).toEqual([
      'authorizer_access_token',
      'authorizer_card_ticket',
      'authorizer_jsapi_ticket',
      'component_access_token',
      'component_verify_ticket',
    ]);
  });
});
