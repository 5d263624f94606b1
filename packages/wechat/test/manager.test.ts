import { memoryStore, TokenManager } from '@evertoken/core';
import { fixedTokens, ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccessTokenEndpoint, miniProgram, officialAccount } from '../src/index.js';
import { answering, failureOf, NOON } from './support.js';

const MINUTE = 60_000;
const app = { name: 'shop', appId: 'wx0000000000sandbox', secret: 'sandbox-wechat-secret' };

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({ clock });
  managers = [];
});

afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

describe.each(['stable_token', 'token'] as const)('a manager, with %s', (endpoint) => {
  it('starts cold with one call for all, and one for each ticket', async () => {
    const { shop, manager } = setUp(endpoint);
    const wechat = shop.client(manager);
    const totals = await Promise.all(times(20, () => wechat.get<{ total: number }>('/cgi-bin/user/get')));
    expect(new Set(totals.map(({ total }) => total))).toEqual(new Set([2]));
    await Promise.all(times(20, () => wechat.jsSdkConfig('https://shop.example/')));
    await Promise.all(times(20, () => wechat.cardExt({ cardId: 'p1' })));
    expect(issues(endpoint)).toBe(1);
    expect(calls('/cgi-bin/ticket/getticket')).toBe(2);
  });

  it('serves the token while it lives and asks again after its end', async () => {
    const { shop, manager } = setUp(endpoint);
    const first = await manager.get(shop.accessToken);
    await clock.advance(60 * MINUTE);
    expect((await manager.get(shop.accessToken)).value).toBe(first.value);
    expect(issues(endpoint)).toBe(1);
    await clock.advance(61 * MINUTE);
    expect((await manager.get(shop.accessToken)).value).not.toBe(first.value);
    expect(issues(endpoint)).toBe(2);
    await shop.client(manager).get('/cgi-bin/user/get');
  });

  it('heals 100 calls under way with one refresh, after the token was killed', async () => {
    const { shop, manager } = setUp(endpoint);
    const wechat = shop.client(manager);
    await wechat.get('/cgi-bin/user/get');
    sandbox.wechat.revoke(app.appId);
    const answers = await Promise.all(times(100, () => wechat.get<{ total: number }>('/cgi-bin/user/get')));
    expect(answers).toHaveLength(100);
    expect(issues(endpoint)).toBe(2);
  });

  it('heals the calls of several processes on one store with one refresh', async () => {
    const store = memoryStore({ clock });
    const processes = times(4, () => setUp(endpoint, store));
    await Promise.all(processes.map(({ shop, manager }) => manager.get(shop.accessToken)));
    expect(issues(endpoint)).toBe(1);
    sandbox.wechat.revoke(app.appId);
    const call = ({ shop, manager }: ReturnType<typeof setUp>) => shop.client(manager).get('/cgi-bin/user/get');
    await Promise.all(processes.flatMap((each) => times(5, () => call(each))));
    expect(issues(endpoint)).toBe(2);
  });

  it('gets a ticket although the access token at hand is dead', async () => {
    const { shop, manager } = setUp(endpoint);
    await manager.get(shop.accessToken);
    sandbox.wechat.revoke(app.appId);
    expect((await manager.get(shop.jsapiTicket)).value).not.toBe('');
    expect(issues(endpoint)).toBe(2);
  });

  it('sweeps everything that is due, tokens before their tickets', async () => {
    const { shop, manager } = setUp(endpoint);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 3, failed: 0 });
    await clock.advance(121 * MINUTE);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 3, failed: 0 });
    expect(issues(endpoint)).toBe(2);
    await shop.client(manager).get('/cgi-bin/user/get');
  });
});

it('takes the next ticket once somebody said that the browser refuses this one', async () => {
  const tickets = ['K1', 'K2'].map((ticket) => ({ errcode: 0, errmsg: 'ok', ticket, expires_in: 7200 }));
  const { fetch, seen } = answering({ access_token: 'T1', expires_in: 7200 }, ...tickets);
  const shop = officialAccount({ ...app, fetch });
  const manager = keep(new TokenManager({ accounts: [shop], clock }));
  const first = await manager.get(shop.jsapiTicket);
  expect((await manager.reject(shop.jsapiTicket, first)).value).toBe('K2');
  expect(seen).toHaveLength(3);
});

it('takes the next ticket of the platform once the old one was reported, and keeps what the token’s renewal does not touch', async () => {
  const { shop, manager } = setUp('token');
  const tickets = { jsapi: await manager.get(shop.jsapiTicket), card: await manager.get(shop.cardTicket) };
  await manager.refresh(shop.accessToken);
  expect((await manager.get(shop.jsapiTicket)).value).toBe(tickets.jsapi.value);
  sandbox.wechat.endTicket(app.appId, 'jsapi');
  // No answer of the platform tells the server; a browser did.
  expect((await manager.get(shop.jsapiTicket)).value).toBe(tickets.jsapi.value);
  const next = await manager.reject(shop.jsapiTicket, tickets.jsapi);
  expect(next.value).not.toBe(tickets.jsapi.value);
  expect((await manager.get(shop.cardTicket)).value).toBe(tickets.card.value);
  expect(calls('/cgi-bin/ticket/getticket')).toBe(3);
});

it('sends a file and fetches it again, across a token that died in between', async () => {
  const { shop, manager } = setUp('stable_token');
  const wechat = shop.client(manager);
  const media = { data: Uint8Array.from([137, 80, 78, 71, 0, 255]), fileName: '图 1.png', contentType: 'image/png' };
  const params = { type: 'image' };
  const { media_id } = await wechat.upload<{ media_id: string }>('/cgi-bin/media/upload', { media }, { params });
  sandbox.wechat.killToken(app.appId);
  const file = await wechat.download('/cgi-bin/media/get', { media_id });
  expect(Buffer.from(file.body)).toEqual(Buffer.from(media.data));
  expect(file.contentType).toBe('image/png');
  expect(await failureOf(wechat.download('/cgi-bin/media/get', { media_id: 'none' }))).toMatchObject({
    errcode: 40007,
  });
  // Sooner, another dead token would be taken for a fight over the app.
  await clock.advance(31_000);
  sandbox.wechat.killToken(app.appId);
  expect(await wechat.upload('/cgi-bin/media/upload', { media }, { params })).toMatchObject({ type: 'image' });
  expect(issues('stable_token')).toBe(3);
});

it('takes a wrong secret for a matter of the configuration, and does not hammer', async () => {
  const shop = officialAccount({ ...app, secret: 'another', baseUrl: sandbox.urls.wechat });
  const manager = keep(new TokenManager({ accounts: [shop], clock }));
  for (const _ of times(5, () => 0)) {
    expect(await failureOf(manager.get(shop.accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      platformCode: '40125',
    });
  }
  expect(calls('/cgi-bin/stable_token')).toBe(1);
});

it('is refused by the manager without its credentials, by name', () => {
  for (const make of [officialAccount, miniProgram]) {
    const account = make({ name: 'shop', appId: 'wx1', secret: undefined });
    expect(() => new TokenManager({ accounts: [account] })).toThrow(/^"secret" .*account "shop"/);
  }
});

it('does not let the older endpoint onto a store that other processes cannot see', () => {
  const shop = officialAccount({ ...app, endpoint: 'token' });
  expect(() => new TokenManager({ accounts: [shop] })).toThrow(
    expect.objectContaining({ code: 'ERR_TOKEN_CONFIGURATION' }),
  );
  expect(() => new TokenManager({ accounts: [officialAccount(app)] })).not.toThrow();
});

it('can be doubled in users’ tests, even where nothing is configured', async () => {
  const { fetch, seen } = answering({ total: 2 });
  const shop = officialAccount({ name: 'shop', appId: undefined, secret: undefined, fetch });
  const tokens = fixedTokens([[shop.accessToken, 'T1']]);
  expect(await shop.client(tokens).get('/cgi-bin/user/get')).toEqual({ total: 2 });
  expect(seen[0]?.url.searchParams.get('access_token')).toBe('T1');
  expect(tokens.rejections).toEqual([]);
});

function setUp(endpoint: AccessTokenEndpoint, store = memoryStore({ clock })) {
  const shop = officialAccount({ ...app, endpoint, baseUrl: sandbox.urls.wechat });
  // The store is in this process's memory, which for the test is all the processes there are.
  const manager = keep(new TokenManager({ accounts: [shop], store, clock, singleInstance: true }));
  return { shop, manager };
}

function keep(manager: TokenManager): TokenManager {
  managers.push(manager);
  return manager;
}

function calls(endpoint: string): number {
  return sandbox.calls({ platform: 'wechat', endpoint }).length;
}

function issues(endpoint: AccessTokenEndpoint): number {
  return calls(`/cgi-bin/${endpoint}`);
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
