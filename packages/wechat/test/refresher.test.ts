import { memoryStore, systemClock, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniProgram, officialAccount, openPlatform, weCom } from '../src/index.js';
import { NOON } from './support.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const PUSH = { token: 'push-token', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };

let clock: ManualClock;
let sandbox: Sandbox;
let tokens: TokenManager;

/** Calls so far, by the last part of their path. */
function calls(): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { endpoint } of sandbox.calls()) {
    const name = endpoint.replace(/^.*\//, '');
    counted[name] = (counted[name] ?? 0) + 1;
  }
  return counted;
}

/** Calls that this work has made. */
async function callsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = calls();
  await work();
  const made = Object.entries(calls()).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(made.filter(([, count]) => count > 0));
}

/** Waits, with real time, for what goes on behind a caller. */
async function until(isSo: () => boolean, step = () => clock.advance(0)): Promise<void> {
  const limit = systemClock.monotonic() + 10_000;
  while (!isSo() && systemClock.monotonic() < limit) await step();
}

const app = { appId: 'wxapp', secret: 'app-secret' };
const game = { appId: 'wxmini', secret: 'mini-secret' };
const component = { appId: 'wxcomponent', secret: 'component-secret' };
const agent = { agentId: 1000002, secret: 'crm-secret' };

function accounts() {
  const baseUrl = sandbox.urls.wechat;
  return {
    shop: officialAccount({ name: 'shop', ...app, baseUrl }),
    mini: miniProgram({ name: 'mini', ...game, baseUrl }),
    platform: openPlatform({ name: 'platform', ...component, push: PUSH, baseUrl, clock }),
    corp: weCom({ name: 'corp', corpId: 'wwcorp', agents: { crm: agent }, baseUrl: sandbox.urls.wecom }),
  };
}

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({
    clock,
    wechat: [app, { ...game, kind: 'miniProgram' }],
    openPlatforms: [
      {
        ...component,
        ...PUSH,
        ticketEveryMs: 0,
        authorizers: [
          { appId: 'wxofficial', authorized: true },
          { appId: 'wxother', kind: 'miniProgram', authorized: true },
        ],
      },
    ],
    wecom: [{ corpId: 'wwcorp', agents: [agent, { agentId: 1000003, secret: 'hr-secret' }] }],
  });
  tokens = new TokenManager({
    clock,
    random: () => 0.5,
    store: memoryStore({ clock }),
    singleInstance: true,
    allowVolatileGrants: true,
  });
});

afterEach(async () => {
  await tokens.close();
  await sandbox.close();
});

/** The component with both accounts that have authorized it. */
async function withAuthorizers() {
  const { platform } = accounts();
  tokens.add(platform);
  const take = platform.callback(tokens);
  const { createServer } = await import('node:http');
  const { callbackRequest, sendReply } = await import('../src/push.js');
  const server = createServer(async (request, response) =>
    sendReply(response, await take(await callbackRequest(request))),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  sandbox.openPlatform.configure(component.appId, { callbackUrl: `http://127.0.0.1:${port}/events` });
  await sandbox.openPlatform.pushTicket(component.appId);
  await sandbox.pushes();
  server.close();
  server.closeAllConnections();
  await platform.client(tokens).syncAuthorizers();
  return platform;
}

describe('the refresher', () => {
  it('keeps for each type of account what it is used for, from the first sweep on', async () => {
    const { shop, mini, corp } = accounts();
    for (const account of [shop, mini, corp]) tokens.add(account);
    const { results } = await tokens.refreshDue();
    expect(results.map(({ account, kind, outcome }) => `${account} ${kind} ${outcome}`).sort()).toEqual([
      'corp access_token renewed',
      'mini stable_access_token renewed',
      'shop card_ticket renewed',
      'shop jsapi_ticket renewed',
      'shop stable_access_token renewed',
    ]);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({});
  });

  it('adds and removes accounts while it runs, and takes new options for one it has', async () => {
    const { shop } = accounts();
    tokens.add(shop, { refresh: { kinds: ['stable_access_token'] } });
    expect(tokens.optionsOf('shop')).toMatchObject({ kinds: ['stable_access_token'] });
    expect(await callsOf(() => tokens.refreshDue())).toEqual({ stable_token: 1 });
    tokens.add(shop, { refresh: { retryIntervalMs: 5_000 } });
    expect(tokens.optionsOf('shop')).toEqual({ retryIntervalMs: 5_000 });
    expect(await callsOf(() => tokens.refreshDue())).toEqual({ getticket: 2 });
    tokens.remove('shop');
    await clock.advance(3 * HOUR);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({});
    await expect(tokens.get(shop.accessToken)).rejects.toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    // What is stored is still there for who adds it again.
    tokens.add(shop);
    expect((await tokens.refreshDue()).counts).toMatchObject({ renewed: 3, failed: 0 });
  });

  it('renews so long before the end as its options say, where that brings something new', async () => {
    const { shop: stable } = accounts();
    const legacy = officialAccount({
      name: 'shop',
      ...app,
      endpoint: 'token',
      baseUrl: sandbox.urls.wechat,
      refresh: { refreshBeforeExpiryMs: 45 * MINUTE, kinds: ['access_token'] },
    });
    tokens.add(legacy);
    await tokens.refreshDue();
    await clock.advance(74 * MINUTE);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({});
    await clock.advance(2 * MINUTE);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({ token: 1 });
    // The stable token is the same until its last five minutes: asking before is a wasted call.
    tokens.add(stable, { refresh: { refreshBeforeExpiryMs: 45 * MINUTE, kinds: ['stable_access_token'] } });
    await tokens.refreshDue();
    await clock.advance(114 * MINUTE);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({});
    await clock.advance(2 * MINUTE);
    expect(await callsOf(() => tokens.refreshDue())).toEqual({ stable_token: 1 });
  });

  it('tries again after the retry interval, and never in a loop', async () => {
    const { mini } = accounts();
    tokens.add(mini, { refresh: { retryIntervalMs: 60_000 } });
    sandbox.fault({ kind: 'busy', count: 'always' });
    const made = await callsOf(async () => {
      for (let second = 0; second < 300; second++) {
        await tokens.refreshDue();
        await clock.advance(1_000);
      }
    });
    expect(made['stable_token']).toBeGreaterThanOrEqual(3);
    expect(made['stable_token']).toBeLessThanOrEqual(12);
    sandbox.clearFaults();
    await clock.advance(15 * MINUTE);
    expect((await tokens.refreshDue()).counts).toMatchObject({ renewed: 1 });
  });

  it('refreshes an account, one kind, or one token when it is told to', async () => {
    const legacy = officialAccount({ name: 'shop', ...app, endpoint: 'token', baseUrl: sandbox.urls.wechat });
    tokens.add(legacy);
    await tokens.refreshDue();
    expect(await callsOf(() => tokens.refreshAll({ accounts: ['shop'] }))).toEqual({ token: 1, getticket: 2 });
    expect(await callsOf(() => tokens.refreshAll({ accounts: ['shop'], kinds: ['jsapi_ticket'] }))).toEqual({
      getticket: 1,
    });
    expect(await callsOf(() => tokens.refresh(legacy.accessToken))).toEqual({ token: 1 });
  });

  it('refreshes a component’s authorizers, and asks for the component’s token once for all of them', async () => {
    await withAuthorizers();
    // The tickets of the official account are obtained behind its authorization.
    await until(() => calls()['getticket'] === 2);
    await clock.advance(3 * HOUR);
    const made = await callsOf(() => tokens.refreshAll({ accounts: ['platform'] }));
    expect(made).toEqual({ api_component_token: 1, api_authorizer_token: 2, getticket: 2 });
    expect(
      await callsOf(() => tokens.refreshAll({ kinds: ['authorizer_access_token'], subjects: ['wxother'] })),
    ).toEqual({
      api_authorizer_token: 1,
    });
  });

  it('appends an agent to a corp that it keeps already', async () => {
    const { corp } = accounts();
    tokens.add(corp);
    await tokens.refreshDue();
    const hr = corp.addAgent('hr', { agentId: 1000003, secret: 'hr-secret' });
    expect(await callsOf(() => tokens.refreshDue())).toEqual({ gettoken: 1 });
    expect(tokens.peek(hr.accessToken)).toBeDefined();
    await expect(hr.client(tokens).get('/cgi-bin/agent/get', { agentid: 1000003 })).resolves.toBeDefined();
    expect(corp.agents().map(({ name }) => name)).toEqual(['crm', 'hr']);
  });

  it('lists accounts, their options, and which of them are components', async () => {
    for (const account of Object.values(accounts())) tokens.add(account);
    expect(tokens.accounts().map(({ name }) => name)).toEqual(['shop', 'mini', 'platform', 'corp']);
    const components = tokens
      .accounts()
      .filter(({ kinds }) => kinds.some(({ kind }) => kind === 'component_access_token'));
    expect(components.map(({ name }) => name)).toEqual(['platform']);
  });

  it('takes a value that came another way, and stores no older one over it', async () => {
    const { shop } = accounts();
    tokens.add(shop);
    await tokens.refreshDue();
    const soon = { value: 'from-elsewhere', lifetimeMs: 10 * MINUTE };
    expect(await tokens.takeOver(shop.accessToken, soon)).toBe('kept');
    expect(await tokens.takeOver(shop.accessToken, { ...soon, lifetimeMs: 5 * HOUR })).toBe('taken');
    expect((await tokens.get(shop.accessToken)).value).toBe('from-elsewhere');
  });

  it('does nothing by itself before it is told to', async () => {
    const { shop } = accounts();
    const idle = new TokenManager({ accounts: [shop], clock });
    await clock.advance(3 * HOUR);
    expect(calls()).toEqual({});
    await idle.start();
    expect(calls()).toEqual({});
    const stop = idle.refreshEvery(30_000);
    await until(
      () => calls()['getticket'] === 2,
      () => clock.advance(10_000),
    );
    expect(calls()).toEqual({ stable_token: 1, getticket: 2 });
    stop();
    await idle.close();
  });
});
