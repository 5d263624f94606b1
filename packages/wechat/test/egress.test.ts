import { TokenManager } from '@evertoken/core';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { miniProgram, officialAccount } from '../src/index.js';
import { type EgressProxy, egressProxy, fetchThrough, PROXY_ADDRESS, tunnelAgent } from './egress-proxy.js';
import { failureOf } from './support.js';

const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret' };

let sandbox: Sandbox;
let proxy: EgressProxy;
let managers: TokenManager[];

beforeEach(async () => {
  proxy = await egressProxy();
  // The platform's console lists the address of the proxy, and no other.
  sandbox = await createSandbox({ wechat: [{ appId: app.appId, secret: app.secret, ipAllowList: [PROXY_ADDRESS] }] });
  managers = [];
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  await proxy.close();
  await sandbox.close();
});

function keep(manager: TokenManager): TokenManager {
  managers.push(manager);
  return manager;
}

const calls = (endpoint: string) => sandbox.calls({ endpoint }).length;

describe('behind an IP white list', () => {
  it('a caller from elsewhere is told which address to list', async () => {
    const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat });
    const error = await failureOf(keep(new TokenManager({ accounts: [shop] })).get(shop.accessToken));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', platformCode: '40164', account: 'shop' });
    expect((error as Error).message).toContain('127.0.0.1');
  });

  it.each([
    ['a fetch of the account’s own', async () => ({ fetch: fetchThrough(proxy) })],
    ['a dispatcher, in tunnels', async () => ({ dispatcher: await tunnelAgent(proxy) })],
  ])('token requests and calls of all kinds leave through %s', async (_, egress) => {
    const shop = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, ...(await egress()) });
    const wechat = shop.client(keep(new TokenManager({ accounts: [shop] })));
    expect(await wechat.get<{ total: number }>('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    await wechat.post('/cgi-bin/message/custom/send', { touser: '名' });
    await wechat.jsSdkConfig('https://shop.example/');
    await wechat.clearQuotaBySecret();
    expect(await wechat.forceRefresh({ reason: 'leaked' })).toMatchObject({ changed: true });
    expect(sandbox.calls().every(({ outcome }) => outcome === 'ok')).toBe(true);
    const through = proxy.seen.filter((line) => !line.startsWith('CONNECT'));
    expect(through.toSorted()).toEqual(
      sandbox
        .calls()
        .map(({ method, endpoint }) => `${method} ${new URL(sandbox.urls.wechat).pathname}${endpoint}`)
        .toSorted(),
    );
  });

  it('only the account that has it goes there', async () => {
    const listed = officialAccount({ ...app, baseUrl: sandbox.urls.wechat, fetch: fetchThrough(proxy) });
    const direct = miniProgram({ name: 'mini', appId: 'wx2', secret: 's', baseUrl: sandbox.urls.wechat });
    const manager = keep(new TokenManager({ accounts: [listed, direct] }));
    await manager.get(listed.accessToken);
    const before = proxy.seen.length;
    await failureOf(manager.get(direct.accessToken));
    expect(calls('/cgi-bin/stable_token')).toBe(2);
    expect(proxy.seen).toHaveLength(before);
  });

  it('a dispatcher is given to the account’s own fetch, where it has one', async () => {
    const dispatcher = { dispatch: () => true };
    const given: unknown[] = [];
    const shop = officialAccount({
      ...app,
      dispatcher,
      fetch: async (_input, init) => {
        given.push((init as { dispatcher?: unknown }).dispatcher);
        return Response.json({ access_token: 'T', expires_in: 7200 });
      },
    });
    await keep(new TokenManager({ accounts: [shop] })).get(shop.accessToken);
    expect(given).toEqual([dispatcher]);
  });

  it.each([[7], [{}], ['http://proxy.example']])('%j is no dispatcher', (dispatcher) => {
    expect(officialAccount({ ...app, dispatcher: dispatcher as never }).problems()).toEqual([
      '"dispatcher" must have a function "dispatch", as the agents of undici have',
    ]);
  });
});
