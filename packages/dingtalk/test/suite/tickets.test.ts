import { memoryStore } from '@evertoken/core';
import { afterEach, describe, expect, it } from 'vitest';
import { failureFrom } from '../support.js';
import {
  CORP,
  CORP_TOKENS,
  HOUR,
  MINUTE,
  OLD_CORP_TOKENS,
  OTHER,
  PATIENCE,
  SUITE,
  UNIFIED_TOKENS,
  World,
} from './world.js';

let world: World;
afterEach(() => world.close());

describe('the suite ticket', () => {
  it('is stored from a push, and answered with an encrypted success', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork();
    const ticket = await world.ticket();
    const stored = await manager.get(account.ticket);
    expect(stored.value === ticket).toBe(true);
    expect(stored.expiresAt).toBeUndefined();
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
  });

  it.each(['legacy', 'syncHttp'] as const)(
    'is read in the words of %s, and gives a corp its token',
    async (pushMode) => {
      world = await World.open({ pushMode });
      const { client } = await world.atWork();
      await world.ticket();
      await client.corp(CORP).api.get('/v1.0/contact/users/u1');
      expect(world.calls(CORP_TOKENS, { subject: CORP, outcome: 'ok' })).toHaveLength(1);
    },
  );

  it('is the later one, whatever order they come in, repeated or not', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork();
    await world.ticket();
    const second = await world.ticket();
    await world.ticket('older');
    await world.ticket('newest');
    expect((await manager.get(account.ticket)).value === second).toBe(true);
    await manager.get(account.corp(CORP).accessToken);
    expect(world.calls(CORP_TOKENS).map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('is the later one, though the earlier has never come before', async () => {
    world = await World.open();
    const account = world.suite();
    const manager = world.manager(account);
    const now = world.clock.now();
    await account.handleEvents(manager, [{ type: 'suite_ticket', ticket: 'later', at: now - 1_000 }]);
    await account.handleEvents(manager, [{ type: 'suite_ticket', ticket: 'earlier', at: now - 2_000 }]);
    expect((await manager.get(account.ticket)).value).toBe('later');
  });

  it('is waited for: no request is made without one, and what waited is had when it comes', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork();
    const { accessToken } = account.corp(CORP);
    expect(await failureFrom(manager.get(accessToken))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    expect(world.calls(CORP_TOKENS)).toHaveLength(0);
    await world.ticket();
    expect(await manager.get(accessToken)).toMatchObject({ value: expect.any(String) });
  });

  it('is waited for where the platform calls the stored one stale, and asks no more with that', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork();
    await world.ticket();
    world.sandbox.dingtalkSuite.issueTicket(SUITE);
    const { accessToken } = account.corp(CORP);
    for (let i = 0; i < 3; i++) {
      expect(await failureFrom(manager.get(accessToken))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    }
    expect(await failureFrom(manager.get(account.corp(OTHER).accessToken))).toMatchObject({
      code: 'ERR_TOKEN_WAITING',
    });
    expect(world.calls(CORP_TOKENS).map(({ outcome }) => outcome)).toEqual(['invalidSuiteTicket']);

    await world.ticket();
    // By the push alone, which nobody asked again for.
    await expect.poll(() => world.calls(CORP_TOKENS, { outcome: 'ok' }).length, PATIENCE).toBe(2);
    await manager.get(accessToken);
    await manager.get(account.corp(OTHER).accessToken);
    expect(world.calls(CORP_TOKENS, { outcome: 'ok' })).toHaveLength(2);
  });

  it('that is replaced in the middle of a request is followed by the next, and no caller notices', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork();
    await world.ticket();
    // The platform has made it, and its push is under way while we still present the one before.
    world.sandbox.dingtalkSuite.issueTicket(SUITE);
    const getting = manager.get(account.corp(CORP).accessToken);
    await expect.poll(() => world.calls(CORP_TOKENS).length, PATIENCE).toBe(1);
    await world.ticket('newest');
    expect(await getting).toMatchObject({ value: expect.any(String) });
    expect(world.calls(CORP_TOKENS).map(({ outcome }) => outcome)).toEqual(['invalidSuiteTicket', 'ok']);
  });

  it('outlives a restart, since it is stored without an end', async () => {
    world = await World.open();
    const store = memoryStore({ clock: world.clock });
    const { manager } = await world.atWork({}, { store });
    await world.ticket();
    await manager.close();
    world.clock.jump(40 * HOUR);
    const account = world.suite();
    const later = world.manager(account, { store });
    expect(await later.get(account.corp(CORP).accessToken)).toMatchObject({ value: expect.any(String) });
  });

  it('need not come for a custom app', async () => {
    world = await World.open({ anySuiteTicket: true });
    for (const api of ['v1', 'legacy'] as const) {
      const account = world.suite({ custom: true, push: undefined, api });
      const manager = world.manager(account, {
        store: memoryStore({ clock: world.clock }),
        allowVolatileGrants: false,
      });
      await account.client(manager).corp(CORP).oapi.post('/topapi/v2/user/get', { userid: 'u1' });
    }
    expect(world.calls(CORP_TOKENS, { outcome: 'ok' })).toHaveLength(1);
    expect(world.calls(OLD_CORP_TOKENS, { outcome: 'ok' })).toHaveLength(1);
  });

  it('need not come for the unified endpoint', async () => {
    world = await World.open();
    const account = world.suite({ api: 'unified' });
    const manager = world.manager(account);
    await account.client(manager).corp(CORP).api.get('/v1.0/contact/users/u1');
    expect(world.calls(UNIFIED_TOKENS, { outcome: 'ok' })).toHaveLength(1);
    expect(world.calls(CORP_TOKENS)).toHaveLength(0);
  });
});

describe('signed requests for a corp’s token', () => {
  it('are made by the manager’s time, in ms, and encoded once', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork({ api: 'legacy' });
    await world.ticket();
    // A signature with plus or slash in it comes up soon enough.
    for (let i = 0; i < 20; i++) {
      world.clock.jump(2 * HOUR + i);
      await manager.get(account.corp(CORP).accessToken);
    }
    const outcomes = new Set(world.calls(OLD_CORP_TOKENS).map(({ outcome }) => outcome));
    expect([...outcomes]).toEqual(['ok']);
  });

  it('are made once more by the platform’s time where ours is off, and by it from then on', async () => {
    world = await World.open();
    const { account, manager } = await world.atWork({ api: 'legacy' });
    await world.ticket();
    world.sandbox.advance(5 * MINUTE);
    await manager.get(account.corp(CORP).accessToken);
    expect(world.calls(OLD_CORP_TOKENS).map(({ outcome }) => outcome)).toEqual(['853002', 'ok']);
    await manager.get(account.corp(OTHER).accessToken);
    expect(world.calls(OLD_CORP_TOKENS).map(({ outcome }) => outcome)).toEqual(['853002', 'ok', 'ok']);
  });

  it.each([853005, 40085] as const)('take %i for a stale ticket', async (staleTicketCode) => {
    world = await World.open({ staleTicketCode });
    const { account, manager } = await world.atWork({ api: 'legacy' });
    await world.ticket();
    world.sandbox.dingtalkSuite.issueTicket(SUITE);
    const failure = await failureFrom(manager.get(account.corp(CORP).accessToken));
    expect(failure).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
  });
});
