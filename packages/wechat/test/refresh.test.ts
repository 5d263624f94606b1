import { type Account, memoryStore, type RefreshOptions, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccessTokenEndpoint, miniGame, miniProgram, officialAccount } from '../src/index.js';
import { failureOf, NOON } from './support.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };
const mini = { name: 'mini', appId: 'wx2', secret: 'sandbox-secret-2' };
const STABLE = '/cgi-bin/stable_token';
const LEGACY = '/cgi-bin/token';
const TICKETS = '/cgi-bin/ticket/getticket';

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  const accounts = [app, mini].map(({ appId, secret }) => ({ appId, secret }));
  sandbox = await createSandbox({ clock, wechat: accounts });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

function managerOf(accounts: readonly Account[], random = () => 0.999_999): TokenManager {
  const manager = new TokenManager({ accounts, store: memoryStore({ clock }), clock, random, singleInstance: true });
  managers.push(manager);
  return manager;
}

function shopWith(refresh: RefreshOptions = {}, endpoint: AccessTokenEndpoint = 'stable_token') {
  return officialAccount({ ...app, endpoint, refresh, baseUrl: sandbox.urls.wechat, clock });
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;

/** Sweeps once a minute up to `minutes` after the start; the minutes in which `endpoint` was called. */
async function minutesOfCalls(manager: TokenManager, endpoint: string, minutes: number): Promise<number[]> {
  const at: number[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    const before = calls(endpoint);
    await manager.refreshDue();
    if (calls(endpoint) > before) at.push(minute);
    await clock.advance(MINUTE);
  }
  return at;
}

describe('what is kept fresh, and when', () => {
  it('the older endpoint’s token, half an hour before its end', async () => {
    const manager = managerOf([shopWith({}, 'token')]);
    expect(await minutesOfCalls(manager, LEGACY, 200)).toEqual([0, 90, 180]);
  });

  it('the stable token, in its last five minutes: before that the platform has no other', async () => {
    const manager = managerOf([shopWith()]);
    expect(await minutesOfCalls(manager, STABLE, 240)).toEqual([0, 115, 230]);
    expect(calls(STABLE)).toBe(3);
  });

  it('tickets, when they end', async () => {
    const manager = managerOf([shopWith()]);
    expect(await minutesOfCalls(manager, TICKETS, 241)).toEqual([0, 120, 240]);
    expect(calls(TICKETS)).toBe(6);
  });

  it('no ticket is asked for because the access token was renewed', async () => {
    const manager = managerOf([shopWith({}, 'token')]);
    await minutesOfCalls(manager, LEGACY, 100);
    expect([calls(LEGACY), calls(TICKETS)]).toEqual([2, 2]);
  });

  it('earlier or later, as the account says', async () => {
    const manager = managerOf([shopWith({ refreshBeforeExpiryMs: 10 * MINUTE }, 'token')]);
    expect(await minutesOfCalls(manager, LEGACY, 120)).toEqual([0, 110]);
  });

  it('only the kinds that the account names; the others when somebody wants them', async () => {
    const shop = shopWith({ kinds: ['stable_access_token'] });
    const manager = managerOf([shop]);
    await minutesOfCalls(manager, STABLE, 150);
    expect(calls(TICKETS)).toBe(0);
    expect((await manager.get(shop.jsapiTicket)).value).not.toBe('');
    expect(calls(TICKETS)).toBe(1);
  });

  it('by default token and tickets of official accounts, the token of mini programs and mini games', async () => {
    const of = (make: typeof miniProgram, name: string, appId: string) =>
      make({ ...mini, name, appId, baseUrl: sandbox.urls.wechat });
    const manager = managerOf([shopWith(), of(miniProgram, 'mini', 'wx2')]);
    const { results } = await manager.refreshDue();
    expect(results.map(({ account, kind }) => `${account} ${kind}`).toSorted()).toEqual([
      'mini stable_access_token',
      'shop card_ticket',
      'shop jsapi_ticket',
      'shop stable_access_token',
    ]);
    expect([...of(miniGame, 'game', 'wx3').sources()].map(({ kind }) => kind)).toEqual(['stable_access_token']);
  });
});

describe('after a failure', () => {
  it.each([
    [60 * SECOND, {}],
    [10 * SECOND, { retryIntervalMs: 10 * SECOND }],
  ])('it is tried again after %i ms at most, and later each time', async (first, refresh) => {
    const shop = shopWith(refresh);
    const manager = managerOf([shop]);
    sandbox.fault({ kind: 'busy', endpoint: STABLE, count: 'always' });
    const distances: number[] = [];
    for (let n = 0; n < 3; n++) {
      const { results } = await manager.refreshDue();
      const failed = results.find(({ kind }) => kind === 'stable_access_token');
      const { retryAt = 0 } = (failed?.error ?? {}) as { retryAt?: number };
      distances.push(Math.round((retryAt - clock.now()) / SECOND));
      await clock.advance(retryAt - clock.now());
    }
    expect(distances).toEqual([first, 2 * first, 4 * first].map((ms) => ms / SECOND));
    expect(calls(STABLE)).toBe(3);
    sandbox.clearFaults();
    await manager.refreshDue();
    expect((await manager.get(shop.accessToken)).value).not.toBe('');
  });

  it('the living token is served meanwhile', async () => {
    const shop = shopWith({}, 'token');
    const manager = managerOf([shop]);
    const { value } = await manager.get(shop.accessToken);
    await clock.advance(95 * MINUTE);
    sandbox.fault({ kind: 'busy', endpoint: LEGACY, count: 'always' });
    expect((await manager.refreshDue()).counts.failed).toBe(1);
    expect((await manager.get(shop.accessToken)).value).toBe(value);
    await clock.advance(26 * MINUTE);
    expect(await failureOf(manager.get(shop.accessToken))).toMatchObject({ code: 'ERR_TOKEN_BUSY' });
  });
});

describe('at run time', () => {
  it('accounts come and go, and are listed with their options', async () => {
    const manager = managerOf([]);
    expect((await manager.refreshDue()).results).toEqual([]);
    manager.add(shopWith({ retryIntervalMs: 5 * SECOND }), { refresh: { kinds: ['stable_access_token'] } });
    expect(manager.accounts().map(({ name }) => name)).toEqual(['shop']);
    expect(manager.optionsOf('shop')).toMatchObject({ kinds: ['stable_access_token'] });
    expect((await manager.refreshDue()).counts.renewed).toBe(1);
    expect(manager.remove('shop')).toBe(true);
    await clock.advance(118 * MINUTE);
    expect((await manager.refreshDue()).results).toEqual([]);
    expect(calls(STABLE)).toBe(1);
  });

  it('one account or one kind is refreshed by itself', async () => {
    const shop = shopWith({}, 'token');
    const other = miniProgram({ ...mini, endpoint: 'token', baseUrl: sandbox.urls.wechat });
    const manager = managerOf([shop, other]);
    await manager.refreshAll({ accounts: ['mini'] });
    expect(sandbox.calls().map(({ account }) => account)).toEqual(['wx2']);
    await manager.refreshAll({ accounts: ['shop'], kinds: ['access_token'] });
    expect([calls(LEGACY), calls(TICKETS)]).toEqual([2, 0]);
    expect((await manager.refresh(shop.accessToken)).outcome).toBe('renewed');
    expect(calls(LEGACY)).toBe(3);
  });
});

describe('both endpoints of one app', () => {
  const both = (order: readonly AccessTokenEndpoint[]) =>
    officialAccount({ ...app, endpoint: order, baseUrl: sandbox.urls.wechat });

  it('are kept side by side, and neither touches the other', async () => {
    const shop = both(['stable_token', 'token']);
    const manager = managerOf([shop]);
    expect(await minutesOfCalls(manager, LEGACY, 200)).toEqual([0, 90, 180]);
    expect(calls(STABLE)).toBe(2);
    const [stable, legacy] = await Promise.all(
      (['stable_token', 'token'] as const).map((endpoint) => manager.get(shop.accessTokenFrom(endpoint))),
    );
    expect(stable?.value).not.toBe(legacy?.value);
    for (const token of [stable, legacy]) {
      const response = await fetch(`${sandbox.urls.wechat}/cgi-bin/user/get?access_token=${token?.value}`);
      expect(await response.json()).toMatchObject({ total: 2 });
    }
  });

  it('one that dies is refreshed alone', async () => {
    const shop = both(['token', 'stable_token']);
    const manager = managerOf([shop]);
    await manager.refreshDue();
    sandbox.wechat.revoke(app.appId, 'legacy');
    await shop.client(manager).get('/cgi-bin/user/get');
    expect([calls(LEGACY), calls(STABLE)]).toEqual([2, 1]);
  });

  it('the client uses the first', () => {
    const shop = both(['token', 'stable_token']);
    expect(shop.accessToken).toBe(shop.accessTokenFrom('token'));
    expect(shop.accessToken.kind).toBe('access_token');
    expect([...shop.sources()].map(({ kind }) => kind)).toEqual([
      'access_token',
      'stable_access_token',
      'jsapi_ticket',
      'card_ticket',
    ]);
    expect(shop.source('stable_access_token')).toBe(shop.accessTokenFrom('stable_token'));
    expect(shop.kinds.map(({ kind }) => kind)).toEqual([...shop.sources()].map(({ kind }) => kind));
  });

  it('are options: what is not named is not there', () => {
    expect(() => officialAccount(app).accessTokenFrom('token')).toThrow(/^"endpoint" of account "shop"/);
    for (const endpoint of [[], ['token', 'token'], ['stable'], 'stable']) {
      expect(both(endpoint as never).problems()).toEqual([
        '"endpoint" must be "stable_token" or "token", or a list of both',
      ]);
    }
  });
});
