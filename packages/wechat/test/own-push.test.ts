import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OfficialAccount, officialAccount } from '../src/index.js';
import type { Push } from '../src/push/open-push.js';
import { failureOf } from './support.js';

const KEYS = { token: 'push-token', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
const NEXT = { token: 'next-token', encodingAESKey: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg' };
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };

let sandbox: Sandbox;
let server: Server;
let url: string;
let shop: OfficialAccount;
let received: Push[];

beforeEach(async () => {
  received = [];
  server = createServer(async (incoming, outgoing) => {
    const push = await shop.openPush(await callbackRequest(incoming));
    received.push(push);
    sendReply(outgoing, push.kind === 'message' ? push.reply() : push.reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`;
  sandbox = await createSandbox({ wechat: [{ appId: app.appId, secret: app.secret, push: { ...KEYS, url } }] });
});
afterEach(async () => {
  await sandbox.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const message = { MsgType: 'text', Content: '你好' };

describe('openPush', () => {
  it.each(['xml', 'json'] as const)('opens what the platform pushes to the account, in %s', async (format) => {
    shop = officialAccount({ ...app, push: KEYS });
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, format } });
    await sandbox.wechat.push(app.appId, message);
    expect(received).toMatchObject([{ kind: 'message', message, receiveId: app.appId }]);
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
  });

  it('answers the check of the address', async () => {
    shop = officialAccount({ ...app, push: KEYS });
    await sandbox.wechat.verifyUrl(app.appId);
    expect(received).toMatchObject([{ kind: 'verification' }]);
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'verified' });
  });

  it('takes either pair while they are being changed', async () => {
    shop = officialAccount({ ...app, push: [NEXT, KEYS] });
    await sandbox.wechat.push(app.appId, message);
    sandbox.wechat.configure(app.appId, { push: { ...NEXT, url } });
    await sandbox.wechat.push(app.appId, message);
    expect(received.map(({ kind }) => kind)).toEqual(['message', 'message']);
  });

  it('refuses what is for somebody else, or signed by somebody else', async () => {
    shop = officialAccount({ ...app, appId: 'wx2', push: KEYS });
    await sandbox.wechat.push(app.appId, message);
    shop = officialAccount({ ...app, push: NEXT });
    await sandbox.wechat.push(app.appId, message);
    shop = officialAccount({ ...app, appId: 'wx2', push: { ...KEYS, receiveId: 'wx1' } });
    await sandbox.wechat.push(app.appId, message);
    // The platform sends again what was refused.
    const kinds = received.map(({ kind }) => kind);
    expect(kinds.slice(0, -1).every((kind) => kind === 'refused')).toBe(true);
    expect(kinds.at(-1)).toBe('message');
  });

  it('takes plain pushes only where the account says so', async () => {
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, mode: 'plain' } });
    shop = officialAccount({ ...app, push: KEYS });
    await sandbox.wechat.push(app.appId, message);
    expect(received.every(({ kind }) => kind === 'refused')).toBe(true);
    shop = officialAccount({ ...app, push: { ...KEYS, plain: true } });
    await sandbox.wechat.push(app.appId, message);
    expect(received.at(-1)).toMatchObject({ kind: 'message', message });
  });

  it('is for nobody where the account has no app id', async () => {
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url } });
    shop = officialAccount({ ...app, appId: undefined, push: KEYS });
    await sandbox.wechat.push(app.appId, message);
    expect(received.every(({ kind }) => kind === 'refused')).toBe(true);
  });

  it('is told what is missing where the account has no keys', async () => {
    const error = await failureOf(
      officialAccount(app).openPush({ method: 'GET', query: {}, headers: {}, body: Buffer.alloc(0) }),
    );
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', account: 'shop' });
    expect((error as Error).message).toMatch(/^"push" of account "shop" is missing/);
  });

  it.each([
    [{ ...KEYS, token: '' }, '"push.token"'],
    [{ ...KEYS, encodingAESKey: 'short' }, '"push.encodingAESKey"'],
    [{ ...KEYS, receiveId: 7 }, '"push.receiveId"'],
    [{ ...KEYS, plain: 'yes' }, '"push.plain"'],
    [{ ...KEYS, key: 1 }, '"push.key"'],
    [[KEYS, { ...NEXT, encodingAESKey: 'short' }], '"push[1].encodingAESKey"'],
    [[], '"push"'],
    [7, '"push"'],
  ])('%j: the problem names %s and shows nothing', (push, name) => {
    const problems = officialAccount({ ...app, push: push as never }).problems();
    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(`${name} `)).toBe(true);
    expect(problems[0]).not.toMatch(/push-token|abcdefghij/);
  });
});
