import { memoryStore, TokenManager } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';
import { NOON } from './support.js';

const MINUTE = 60_000;
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };
const PROBE = '/cgi-bin/openapi/quota/get';
const STABLE = '/cgi-bin/stable_token';

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({ clock, wechat: [{ appId: app.appId, secret: app.secret }] });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
});

function processOn(store = memoryStore({ clock }), options: object = { probe: true }) {
  const mini = miniProgram({ ...app, baseUrl: sandbox.urls.wechat, ...options });
  const manager = new TokenManager({ accounts: [mini], store, clock });
  managers.push(manager);
  return { mini, manager };
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;

/** Sweeps of all processes, once a minute. */
async function sweep(minutes: number, ...all: TokenManager[]): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    for (const manager of all) await manager.refreshDue();
    await clock.advance(MINUTE);
  }
}

describe('the option "probe"', () => {
  it('has a token that died before its time replaced by the sweeps, before anybody’s call meets it', async () => {
    const { mini, manager } = processOn();
    await sweep(10, manager);
    const dead = await manager.get(mini.accessToken);
    sandbox.wechat.killToken(app.appId);
    await sweep(6, manager);
    const { value } = await manager.get(mini.accessToken);
    expect(value).not.toBe(dead.value);
    expect(await mini.client(manager).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    expect(calls(STABLE)).toBe(2);
    expect(sandbox.calls({ endpoint: '/cgi-bin/user/get' }).map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('costs one call every five minutes, whatever the number of processes', async () => {
    const store = memoryStore({ clock });
    const processes = [1, 2, 3].map(() => processOn(store).manager);
    await sweep(60, ...processes);
    expect(calls(PROBE)).toBe(12);
  });

  it('comes as often as it says', async () => {
    const { manager } = processOn(undefined, { probe: { everyMs: 20 * MINUTE } });
    await sweep(60, manager);
    expect(calls(PROBE)).toBe(3);
  });

  it('asks nothing where it is not set', async () => {
    for (const options of [{}, { probe: false }]) {
      const { manager } = processOn(undefined, options);
      await sweep(30, manager);
    }
    expect(calls(PROBE)).toBe(0);
  });

  it('does the token no harm where the platform is busy or the calls are used up', async () => {
    const { mini, manager } = processOn();
    sandbox.fault({ kind: 'busy', endpoint: PROBE, count: 2 });
    sandbox.fault({ kind: 'code', code: 45009, endpoint: PROBE, count: 'always' });
    await sweep(60, manager);
    expect(calls(STABLE)).toBe(1);
    // Used up until tomorrow: not asked again every few minutes.
    expect(calls(PROBE)).toBeLessThanOrEqual(3);
    expect((await manager.get(mini.accessToken)).value).not.toBe('');
  });

  it('exists for official accounts, too, where it is one kind among others', () => {
    const shop = officialAccount({ ...app, probe: true });
    expect([...shop.sources()].map(({ kind }) => kind)).toEqual([
      'stable_access_token',
      'token_probe',
      'jsapi_ticket',
      'card_ticket',
    ]);
    expect(shop.source('token_probe')?.dependsOn).toEqual([shop.accessToken]);
    expect(officialAccount({ ...app, probe: true, refresh: { kinds: ['token_probe'] } }).problems()).toEqual([]);
    expect(officialAccount({ ...app, refresh: { kinds: ['token_probe'] } }).problems()).toHaveLength(1);
  });
});
