import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, TokenManager, type TokenManagerOptions } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccessTokenEndpoint, type OfficialAccountClient, officialAccount } from '../src/index.js';
import { NOON } from './support.js';

const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };
const CALLS = 1000;
/** A thousand requests at once may take a slow machine a while. */
const PATIENT = { timeoutMs: 60_000 };
const FOLLOWERS = '/cgi-bin/user/get';
const MESSAGE = '/cgi-bin/message/custom/send';

let clock: ManualClock;
let sandbox: Sandbox;
let managers: TokenManager[];
let folder: string;

beforeEach(async () => {
  clock = new ManualClock(NOON);
  sandbox = await createSandbox({
    clock,
    wechat: [{ appId: app.appId, secret: app.secret, dailyCallQuota: 10 * CALLS }],
  });
  managers = [];
  folder = await mkdtemp(join(tmpdir(), 'evertoken-dead-'));
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await sandbox.close();
  await rm(folder, { recursive: true });
});

function clients(count: number, endpoint: AccessTokenEndpoint, more: Pick<TokenManagerOptions, 'store' | 'clock'>) {
  return Array.from({ length: count }, () => {
    const shop = officialAccount({ ...app, endpoint, baseUrl: sandbox.urls.wechat });
    const manager = new TokenManager({ accounts: [shop], ...more, singleInstance: true });
    managers.push(manager);
    return shop.client(manager);
  });
}

const callsOf = (endpoint: string, outcome?: string) =>
  sandbox.calls({ endpoint, ...(outcome !== undefined && { outcome }) }).length;

/** A thousand calls, so many at a time, reads and writes in turn; the token dies when a tenth of them are answered. */
async function thousandCalls(among: readonly OfficialAccountClient[], atATime = 100): Promise<unknown[]> {
  const results: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < CALLS) {
      const n = next++;
      const client = among[n % among.length] as OfficialAccountClient;
      results.push(await (n % 2 ? client.post(MESSAGE, { n }, PATIENT) : client.get(FOLLOWERS, {}, PATIENT)));
      if (results.length === CALLS / 10) sandbox.wechat.revoke(app.appId);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}

describe.each(['stable_token', 'token'] as const)('a token of %s that dies during 1,000 calls', (endpoint) => {
  it.each([100, CALLS])(
    'is replaced by one refresh, and all have their results, %i at a time',
    async (atATime) => {
      const results = await thousandCalls(clients(1, endpoint, { store: memoryStore({ clock }), clock }), atATime);
      expectAllDone(results);
      expect(callsOf(`/cgi-bin/${endpoint}`)).toBe(2);
    },
    60_000,
  );

  it('is replaced by one refresh for four processes on one store', async () => {
    const results = await thousandCalls(clients(4, endpoint, { store: memoryStore({ clock }), clock }));
    expectAllDone(results);
    expect(callsOf(`/cgi-bin/${endpoint}`)).toBe(2);
  }, 60_000);
});

it('is replaced by one refresh for four processes that share nothing but files', async () => {
  // Who waits for another process looks again after a while: these live by the machine's clock.
  const four = Array.from({ length: 4 }, () =>
    clients(1, 'stable_token', { store: fileStore({ directory: folder }) }),
  ).flat();
  const results = await thousandCalls(four);
  expectAllDone(results);
  expect(callsOf('/cgi-bin/stable_token')).toBe(2);
}, 60_000);

function expectAllDone(results: readonly unknown[]): void {
  expect(results).toHaveLength(CALLS);
  expect(results.filter((result) => JSON.stringify(result).includes('"total":2'))).toHaveLength(CALLS / 2);
  expect(results.filter((result) => JSON.stringify(result).includes('"errmsg":"ok"'))).toHaveLength(CALLS / 2);
  // Nobody's call was done twice, and somebody's did meet the dead token.
  expect(callsOf(MESSAGE, 'ok')).toBe(CALLS / 2);
  expect(callsOf(FOLLOWERS, 'ok')).toBe(CALLS / 2);
  expect(callsOf(MESSAGE, '40001') + callsOf(FOLLOWERS, '40001')).toBeGreaterThan(0);
}
