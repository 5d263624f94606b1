import { memoryStore, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';
import { failureOf, NOON } from './support.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };
const LEAK = { reason: 'the token stood in a log' };
/** 2026-11-21 00:00 in China. */
const MIDNIGHT = Date.UTC(2026, 10, 20, 16);

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({ clock, wechat: [app].map(({ appId, secret }) => ({ appId, secret })) });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

function processOn(store = memoryStore({ clock }), options: object = {}) {
  const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, clock, ...options });
  const manager = new TokenManager({ accounts: [shop], store, clock, singleInstance: true });
  managers.push(manager);
  return { shop, manager, client: shop.client(manager) };
}

const calls = () => sandbox.calls({ endpoint: '/cgi-bin/stable_token' }).length;

/** What a call with this very token is answered. */
async function codeFor(token: string): Promise<number> {
  const response = await fetch(`${sandbox.urls.wechat}/cgi-bin/user/get?access_token=${token}`);
  return ((await response.json()) as { errcode?: number }).errcode ?? 0;
}

describe('forceRefresh', () => {
  it('has another token made, and stores it for all processes at once', async () => {
    const store = memoryStore({ clock });
    const [one, two] = [processOn(store), processOn(store)];
    const leaked = await one.manager.get(one.shop.accessToken);
    expect((await two.manager.get(two.shop.accessToken)).value).toBe(leaked.value);
    expect(await one.client.forceRefresh(LEAK)).toEqual({ changed: true, callsToday: 1 });
    const made = await one.manager.get(one.shop.accessToken);
    expect(made.value).not.toBe(leaked.value);
    expect(made.expiresAt).toBe(NOON + 120 * MINUTE);
    // What two remembers is looked at again within half a minute.
    await clock.advance(31 * SECOND);
    expect((await two.manager.get(two.shop.accessToken)).value).toBe(made.value);
    expect(await codeFor(made.value)).toBe(0);
    expect(calls()).toBe(2);
  });

  it('stands against a renewal that was under way with the leaked token', async () => {
    const { shop, manager, client } = processOn();
    const leaked = await manager.get(shop.accessToken);
    await clock.advance(50 * MINUTE);
    sandbox.fault({ kind: 'delay', endpoint: '/cgi-bin/stable_token', delayMs: 150 });
    const renewal = manager.refresh(shop.accessToken);
    await until(() => calls() === 2);
    await client.forceRefresh(LEAK);
    await renewal;
    const { value } = await manager.get(shop.accessToken);
    expect(value).not.toBe(leaked.value);
    expect(await codeFor(value)).toBe(0);
  });

  it('asks nothing sooner than 30 s after the last one, whichever process that was', async () => {
    const store = memoryStore({ clock });
    const [one, two] = [processOn(store), processOn(store)];
    await one.client.forceRefresh(LEAK);
    await clock.advance(29_999);
    const before = calls();
    const error = await failureOf(two.client.forceRefresh(LEAK));
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_QUOTA',
      reason: 'soon',
      retryAt: NOON + 30 * SECOND,
      account: 'shop',
    });
    expect(calls()).toBe(before);
    await clock.advance(1);
    expect(await two.client.forceRefresh(LEAK)).toEqual({ changed: true, callsToday: 2 });
  });

  it('is made once where several processes want it at one time', async () => {
    const store = memoryStore({ clock });
    const processes = Array.from({ length: 4 }, () => processOn(store));
    await Promise.all(processes.map(({ shop, manager }) => manager.get(shop.accessToken)));
    const forcing = Promise.allSettled(processes.map(({ client }) => client.forceRefresh(LEAK)));
    let done = false;
    forcing.finally(() => {
      done = true;
    });
    while (!done) await clock.advance(25);
    const outcomes = (await forcing).map((each) => (each.status === 'fulfilled' ? 'forced' : each.reason.reason));
    expect(outcomes.toSorted()).toEqual(['forced', 'soon', 'soon', 'soon']);
    expect(calls()).toBe(2);
  });

  it('asks nothing after the twentieth of a day in China, and again the next', async () => {
    const { client } = processOn();
    for (let n = 1; n <= 20; n++) {
      expect((await client.forceRefresh(LEAK)).callsToday).toBe(n);
      await clock.advance(31 * SECOND);
    }
    const before = calls();
    const refused = await failureOf(client.forceRefresh(LEAK));
    expect(refused).toMatchObject({ code: 'ERR_TOKEN_QUOTA', reason: 'daily', retryAt: MIDNIGHT });
    expect(calls()).toBe(before);
    await clock.advance(MIDNIGHT - clock.now());
    expect((await client.forceRefresh(LEAK)).callsToday).toBe(1);
  });

  it('twice: waits 30 s in between, and the leaked token is dead at once', async () => {
    const { shop, manager, client } = processOn();
    const leaked = await manager.get(shop.accessToken);
    const forcing = client.forceRefresh({ ...LEAK, times: 2 });
    await until(() => calls() === 2);
    expect(await codeFor(leaked.value)).toBe(0);
    let forced: unknown;
    forcing.then((value) => {
      forced = value;
    });
    while (forced === undefined) await clock.advance(SECOND);
    expect(forced).toEqual({ changed: true, callsToday: 2 });
    expect(clock.now() - NOON).toBeGreaterThanOrEqual(30 * SECOND);
    expect(await codeFor(leaked.value)).not.toBe(0);
    expect(await codeFor((await manager.get(shop.accessToken)).value)).toBe(0);
  });

  it('gives up the wait with the caller', async () => {
    const { client } = processOn();
    const stop = new AbortController();
    const forcing = failureOf(client.forceRefresh({ ...LEAK, times: 2, signal: stop.signal }));
    await until(() => calls() === 2);
    stop.abort();
    expect(await forcing).toMatchObject({ code: 'ERR_TOKEN_ABORTED' });
  });

  it('says that nothing changed where the platform gave the old token again', async () => {
    const { shop, manager, client } = processOn();
    // Another program with the same secret was there first.
    const body = { grant_type: 'client_credential', appid: app.appId, secret: app.secret, force_refresh: true };
    await fetch(`${sandbox.urls.wechat}/cgi-bin/stable_token`, { method: 'POST', body: JSON.stringify(body) });
    const { value } = await manager.get(shop.accessToken);
    expect(await client.forceRefresh(LEAK)).toEqual({ changed: false, callsToday: 1 });
    expect((await manager.get(shop.accessToken)).value).toBe(value);
  });

  it('counts a call whose answer was lost, and finds the token it made', async () => {
    const { shop, manager, client } = processOn();
    const leaked = await manager.get(shop.accessToken);
    sandbox.fault({ kind: 'drop', endpoint: '/cgi-bin/stable_token' });
    expect(await failureOf(client.forceRefresh(LEAK))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    expect(await failureOf(client.forceRefresh(LEAK))).toMatchObject({ reason: 'soon' });
    await clock.advance(6 * MINUTE);
    await client.get('/cgi-bin/user/get');
    expect((await manager.get(shop.accessToken)).value).not.toBe(leaked.value);
  });

  it('tells the platform’s own refusal', async () => {
    const { shop, manager, client } = processOn();
    await manager.get(shop.accessToken);
    sandbox.fault({ kind: 'code', code: 45009, endpoint: '/cgi-bin/stable_token' });
    expect(await failureOf(client.forceRefresh(LEAK))).toMatchObject({
      code: 'ERR_TOKEN_QUOTA',
      platformCode: '45009',
    });
  });

  it('is nothing for accounts on the older endpoint, whose every call makes a new token', async () => {
    const { client } = processOn(undefined, { endpoint: 'token' });
    const error = await failureOf(client.forceRefresh(LEAK));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', account: 'shop' });
    expect((error as Error).message).toMatch(/^"endpoint" of account "shop"/);
  });

  it('finds the stable token of an account that has both, and leaves the other alone', async () => {
    const { shop, manager, client } = processOn(undefined, { endpoint: ['token', 'stable_token'] });
    const [legacy, stable] = [shop.accessToken, shop.accessTokenFrom('stable_token')];
    const before = [await manager.get(legacy), await manager.get(stable)];
    expect(await client.forceRefresh(LEAK)).toMatchObject({ changed: true });
    expect((await manager.get(legacy)).value).toBe(before[0]?.value);
    expect((await manager.get(stable)).value).not.toBe(before[1]?.value);
  });

  it.each([[{ reason: '' }], [{ reason: 7 }], [{ ...LEAK, times: 3 }]])('refuses %j', async (options) => {
    const { client } = processOn();
    expect(await failureOf(client.forceRefresh(options as never))).toBeInstanceOf(TypeError);
    expect(calls()).toBe(0);
  });

  it('exists for mini programs too', async () => {
    const mini = miniProgram({ ...app, name: 'mini', baseUrl: sandbox.urls.wechat, clock });
    const manager = new TokenManager({ accounts: [mini], clock });
    managers.push(manager);
    expect((await mini.client(manager).forceRefresh(LEAK)).changed).toBe(true);
  });

  it('leaves nothing behind that a sweep would ask the platform for', async () => {
    const { shop, manager, client } = processOn();
    await manager.refreshDue();
    await client.forceRefresh(LEAK);
    await clock.advance(3 * 24 * 60 * MINUTE);
    const { results } = await manager.refreshDue();
    expect(results.map(({ kind }) => kind).toSorted()).toEqual([...shop.sources()].map(({ kind }) => kind).toSorted());
    expect(results.every(({ outcome }) => outcome === 'renewed')).toBe(true);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
