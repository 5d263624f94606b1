import { fingerprint, memoryStore } from '@evertoken/core';
import { afterEach, describe, expect, it } from 'vitest';
import { failureFrom } from '../support.js';
import { CORP, CORP_TOKENS, HOUR, KEYS, listed, OTHER, PATIENCE, SUITE, World } from './world.js';

const NEW = 'dingcorpnew';
const AUTH_INFO = '/v1.0/oauth2/apps/authInfo';

let world: World;
afterEach(() => world.close());

const call = (work: Awaited<ReturnType<World['atWork']>>, corpId: string) =>
  work.client.corp(corpId).api.get('/v1.0/contact/users/u1');

/** Has the sandbox tell something, and waits until it has been answered. */
async function told(tell: () => unknown): Promise<void> {
  tell();
  await world.sandbox.pushes();
}

describe('a corp’s token', () => {
  it('is asked for once by 50 callers, and lives until its end', async () => {
    world = await World.open({ supersededCorpTokens: 'dead' });
    const work = await world.atWork();
    await world.ticket();
    await Promise.all(Array.from({ length: 50 }, () => call(work, CORP)));
    world.clock.jump(30 * 60_000);
    await call(work, CORP);
    expect(world.calls(CORP_TOKENS)).toHaveLength(1);
    world.clock.jump(2 * HOUR);
    await Promise.all(Array.from({ length: 50 }, () => call(work, CORP)));
    expect(world.calls(CORP_TOKENS)).toHaveLength(2);
    expect(
      world.sandbox.calls({ endpoint: '/v1.0/contact/users/{unionId}' }).every(({ outcome }) => outcome === 'ok'),
    ).toBe(true);
  });

  it('that died is renewed alone, and the call repeated', async () => {
    world = await World.open();
    const work = await world.atWork();
    await world.ticket();
    await Promise.all([call(work, CORP), call(work, OTHER)]);
    world.sandbox.dingtalkSuite.killToken(SUITE, { corpId: CORP });
    await Promise.all([call(work, CORP), call(work, OTHER), call(work, CORP)]);
    expect(world.calls(CORP_TOKENS, { subject: CORP })).toHaveLength(2);
    expect(world.calls(CORP_TOKENS, { subject: OTHER })).toHaveLength(1);
  });

  it('gives a JSAPI ticket of that corp', async () => {
    world = await World.open();
    const { client, manager, account } = await world.atWork();
    await world.ticket();
    const config = await client.corp(CORP).jsApiConfig('https://example.com/page');
    expect(config).toMatchObject({ corpId: CORP, signature: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const ticket = await manager.get(account.corp(CORP).jsapiTicket);
    expect((await manager.get(account.corp(OTHER).jsapiTicket)).value === ticket.value).toBe(false);
  });
});

describe('corps that come and go', () => {
  it('are listed with an authorization, and have their token before anybody asks', async () => {
    world = await World.open();
    const { client } = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, { corpId: NEW, name: 'New' }));
    await expect.poll(() => world.calls(CORP_TOKENS, { subject: NEW, outcome: 'ok' }).length, PATIENCE).toBe(1);
    expect(await listed(client.corps())).toMatchObject([{ corpId: NEW, status: 'authorized' }]);
    expect(world.sandbox.pushLog().every(({ outcome }) => outcome === 'success')).toBe(true);
  });

  it('lose their tokens with a cancellation, and their authorization', async () => {
    world = await World.open();
    const work = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    await call(work, NEW);
    await told(() => world.sandbox.dingtalkSuite.cancel(SUITE, NEW));
    expect(await listed(work.client.corps())).toEqual([]);
    expect(await listed(work.client.corps({ statuses: ['cancelled'] }))).toMatchObject([{ corpId: NEW }]);
    expect(work.manager.peek(work.account.corp(NEW).accessToken)).toBeUndefined();
    expect(await failureFrom(call(work, NEW))).toMatchObject({
      code: 'ERR_TOKEN_REFUSED',
      platformCode: 'invalidAuthInfo',
    });
  });

  it('come back with the next authorization, and are asked for no dead token', async () => {
    world = await World.open();
    const work = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    await call(work, NEW);
    await told(() => world.sandbox.dingtalkSuite.cancel(SUITE, NEW));
    await failureFrom(call(work, NEW));
    world.clock.jump(1_000);
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    await expect.poll(() => world.calls(CORP_TOKENS, { subject: NEW, outcome: 'ok' }).length, PATIENCE).toBe(2);
    await call(work, NEW);
    expect(await listed(work.client.corps())).toMatchObject([{ corpId: NEW, status: 'authorized' }]);
    expect(world.sandbox.calls({ outcome: 'InvalidAuthentication' })).toEqual([]);
  });

  it('stand by the latest event, whatever order they are told in', async () => {
    world = await World.open();
    const { client, account, manager } = await world.atWork();
    await world.ticket();
    const at = world.clock.now();
    const tell = (type: 'authorized' | 'cancelled' | 'stopped', after: number) =>
      account.handleEvents(manager, [{ type, corpId: NEW, at: at + after }]);
    await tell('cancelled', 20);
    await tell('authorized', 10);
    expect(await listed(client.corps())).toEqual([]);
    await tell('authorized', 30);
    world.sandbox.dingtalkSuite.authorize(SUITE, NEW, { push: false });
    const { value } = await manager.get(account.corp(NEW).accessToken);
    await tell('cancelled', 20);
    await tell('stopped', 25);
    expect(manager.peek(account.corp(NEW).accessToken)?.value === value).toBe(true);
    expect(await listed(client.corps())).toMatchObject([{ corpId: NEW, status: 'authorized', since: at + 30 }]);
  });

  it('are harmed by no repetition', async () => {
    world = await World.open();
    const { client } = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    await expect.poll(() => world.calls(CORP_TOKENS, { subject: NEW }).length, PATIENCE).toBe(1);
    for (let i = 0; i < 5; i++) await told(() => world.sandbox.dingtalkSuite.repeatEvent(SUITE));
    await told(() => world.sandbox.dingtalkSuite.repeatTogether(SUITE, 1));
    expect(await listed(client.corps())).toHaveLength(1);
    expect(world.calls(CORP_TOKENS, { subject: NEW })).toHaveLength(1);
  });

  it('stay authorized while the app is switched off, and have a token again once it is on', async () => {
    world = await World.open();
    const work = await world.atWork();
    await world.ticket();
    await call(work, CORP);
    await told(() => world.sandbox.dingtalkSuite.stop(SUITE, CORP));
    expect(await listed(work.client.corps())).toMatchObject([{ corpId: CORP, status: 'stopped' }]);
    expect(work.manager.peek(work.account.corp(CORP).accessToken)).toBeUndefined();
    world.clock.jump(1_000);
    await told(() => world.sandbox.dingtalkSuite.restore(SUITE, CORP));
    await expect.poll(() => world.calls(CORP_TOKENS, { subject: CORP, outcome: 'ok' }).length, PATIENCE).toBe(2);
    await call(work, CORP);
    expect(await listed(work.client.corps())).toMatchObject([{ corpId: CORP, status: 'authorized' }]);
  });

  it('are told by several events in one push', async () => {
    world = await World.open();
    const { client } = await world.atWork();
    await world.ticket();
    for (const corpId of ['dinga', 'dingb', 'dingc']) {
      world.sandbox.dingtalkSuite.authorize(SUITE, corpId, { push: false });
    }
    await told(() => world.sandbox.dingtalkSuite.repeatTogether(SUITE, 3));
    const corps = await listed(client.corps());
    expect(corps.map(({ corpId }) => corpId).sort()).toEqual(['dinga', 'dingb', 'dingc']);
  });

  it.each(['v1', 'legacy'] as const)('are read from the platform where no push has told of them (%s)', async (api) => {
    world = await World.open();
    const { client } = await world.atWork({ api });
    await world.ticket();
    const known = await client.syncCorp(CORP);
    expect(known).toMatchObject({
      corpId: CORP,
      status: 'authorized',
      corpName: 'One',
      agentIds: [expect.any(String)],
    });
    expect(await listed(client.corps())).toEqual([known]);
    // Again: facts alone, and what stands keeps its time.
    world.clock.jump(1_000);
    expect(await client.syncCorp(CORP)).toEqual(known);
    await told(() => world.sandbox.dingtalkSuite.cancel(SUITE, CORP, { push: false }));
    expect(await client.syncCorp(CORP)).toMatchObject({ status: 'cancelled' });
    expect(await listed(client.corps())).toEqual([]);
    expect(await client.syncCorp('dingnobody')).toMatchObject({ status: 'cancelled' });
    expect(await listed(client.corps({ statuses: ['cancelled'] }))).toMatchObject([{ corpId: CORP }]);
    if (api === 'v1') expect(world.calls(AUTH_INFO).length).toBeGreaterThan(0);
  });
});

describe('the push address', () => {
  it('answers checks, and what it does not know, and tells onEvent of the latter', async () => {
    world = await World.open();
    const seen: unknown[] = [];
    await world.atWork({ onEvent: (event, events) => seen.push([event['EventType'], events.map(({ type }) => type)]) });
    const { sandbox } = world;
    for (const event of ['check_url', 'check_create_suite_url', 'check_update_suite_url'] as const) {
      expect(await sandbox.dingtalkSuite.checkUrl(SUITE, { event })).toMatchObject({ outcome: 'success' });
    }
    await world.ticket();
    await told(() => sandbox.dingtalkSuite.pushEvent(SUITE, { EventType: 'order_paid', amount: 1 }));
    expect(seen).toEqual([['order_paid', ['other']]]);
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
  });

  it('takes pushes that are for another suite where that one is named, and no others', async () => {
    world = await World.open();
    await world.atWork({ push: { ...KEYS, ownerKeys: ['suitetest'] } });
    const check = { event: 'check_url', testSuiteKey: 'suitetest' } as const;
    expect(await world.sandbox.dingtalkSuite.checkUrl(SUITE, check)).toMatchObject({ outcome: 'success' });
    const other = { ...check, testSuiteKey: 'suiteother' };
    expect(await world.sandbox.dingtalkSuite.checkUrl(SUITE, other)).not.toMatchObject({ outcome: 'success' });
  });

  it('has a push sent again whose handler failed, and keeps what it brought', async () => {
    world = await World.open();
    let calls = 0;
    const { client } = await world.atWork({
      onEvent: () => {
        calls += 1;
        if (calls === 1) throw new Error('the application is not ready');
      },
    });
    world.sandbox.dingtalkSuite.authorize(SUITE, NEW);
    await expect.poll(() => calls, PATIENCE).toBeGreaterThan(1);
    expect(await listed(client.corps())).toMatchObject([{ corpId: NEW }]);
  });

  it('answers in time though the store does not, and the push comes again', async () => {
    world = await World.open();
    const store = memoryStore({ clock: world.clock });
    let acknowledge = () => {};
    const held = new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    const late = new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name !== 'commit') return member.bind(target);
        return async (...input: unknown[]) => {
          await held;
          return member.apply(target, input);
        };
      },
    });
    const { account, manager } = await world.atWork({}, { store: late, storeTimeoutMs: 60_000 });
    world.sandbox.dingtalkSuite.pushTicket(SUITE);
    // It is sent again although nothing was stored: it was declined in time.
    await expect.poll(() => world.sandbox.pushLog()[0]?.tries ?? 0, PATIENCE).toBeGreaterThan(1);
    acknowledge();
    await expect.poll(() => manager.peek(account.ticket)?.value !== undefined, PATIENCE).toBe(true);
    await world.sandbox.pushes();
    const [push] = world.sandbox.pushLog();
    expect(push).toMatchObject({ outcome: 'success' });
    expect(push?.tries).toBeGreaterThan(1);
  });
});

describe('codes of the old HTTP callbacks', () => {
  const CODES = '/service/get_permanent_code';
  const ACTIVATE = '/service/activate_suite';

  it('are exchanged once, and the suite is activated once', async () => {
    world = await World.open({ pushMode: 'legacy' });
    const { account, manager, client } = await world.atWork({ api: 'legacy' });
    await world.ticket();
    const { tmpAuthCode } = world.sandbox.dingtalkSuite.authorize(SUITE, NEW);
    await world.sandbox.pushes();
    await expect.poll(() => world.corpState(NEW)?.activated, PATIENCE).toBe(true);
    const { extra } = await manager.get(account.corp(NEW).permanentCode);
    expect(extra).toMatchObject({ authCode: fingerprint(tmpAuthCode) });
    await expect
      .poll(async () => (await manager.get(account.corp(NEW).permanentCode)).extra?.['activated'], PATIENCE)
      .toBe(true);
    for (let i = 0; i < 3; i++) await told(() => world.sandbox.dingtalkSuite.repeatEvent(SUITE));
    await client.activate(NEW);
    expect(world.calls(CODES).map(({ outcome }) => outcome)).toEqual(['ok']);
    expect(world.calls(ACTIVATE)).toHaveLength(1);
  });

  it('that another has exchanged are answered success, or they would be pushed for ever', async () => {
    world = await World.open({ pushMode: 'legacy' });
    const first = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    await first.manager.close();
    // Another installation, with a store of its own, is told the same.
    const { client } = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.repeatEvent(SUITE, { event: 'authorized' }));
    expect(world.calls(CODES).map(({ outcome }) => outcome)).toEqual(['ok', '40078']);
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
    expect(await listed(client.corps())).toMatchObject([{ corpId: NEW }]);
  });

  it('are exchanged with a better suite token where the stored one is dead', async () => {
    world = await World.open({ pushMode: 'legacy' });
    const { account, manager } = await world.atWork();
    await world.ticket();
    await manager.get(account.accessToken);
    world.sandbox.dingtalkSuite.killToken(SUITE);
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    expect(world.calls(CODES).map(({ outcome }) => outcome)).toEqual(['40082', 'ok']);
  });

  it('are gone with a cancellation', async () => {
    world = await World.open({ pushMode: 'legacy' });
    const { account, manager } = await world.atWork();
    await world.ticket();
    await told(() => world.sandbox.dingtalkSuite.authorize(SUITE, NEW));
    world.clock.jump(1_000);
    await told(() => world.sandbox.dingtalkSuite.cancel(SUITE, NEW));
    expect(await failureFrom(manager.get(account.corp(NEW).permanentCode))).toMatchObject({
      code: 'ERR_TOKEN_WAITING',
    });
  });
});
