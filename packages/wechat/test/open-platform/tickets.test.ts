import { describe, expect, it } from 'vitest';
import { failureOf } from '../support.js';
import {
  APP_ID,
  AUTHORIZER_TOKEN,
  COMPONENT_TOKEN,
  HOUR,
  MINUTE,
  openWorld,
  SHOP,
  START_PUSH,
  until,
} from './world.js';

describe('the verify ticket', () => {
  it('is waited for: sweep after sweep asks for the push within the back-off, and the one after it came has everything', async () => {
    const { sandbox, tokens, platform, clock, count } = await openWorld({ switches: { ticketsStopped: true } });
    for (let sweep = 0; sweep < 20; sweep++) {
      const { counts } = await tokens.refreshDue();
      expect(counts.renewed).toBe(0);
      clock.advance(30_000);
    }
    expect(await failureOf(tokens.get(platform.accessToken))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    const asked = count(START_PUSH);
    expect(asked).toBeGreaterThan(0);
    // Ten minutes in back-off steps that begin at up to a minute and double: far fewer than the sweeps.
    expect(asked).toBeLessThan(14);
    expect(count(COMPONENT_TOKEN)).toBe(0);

    expect(await sandbox.openPlatform.pushTicket(APP_ID)).toMatchObject({ outcome: 'success', tries: 1 });
    await tokens.refreshDue();
    expect((await tokens.get(platform.accessToken)).value).toMatch(/./);
    await tokens.get(platform.authorizer(SHOP).accessToken);
    expect([count(COMPONENT_TOKEN), count(AUTHORIZER_TOKEN)]).toEqual([1, 1]);
    expect(count(START_PUSH)).toBe(asked);
  });

  it('is asked for by the first who wants the component token, without any sweep', async () => {
    const { tokens, platform, sandbox, count } = await openWorld({
      switches: { ticketsStopped: true, ticketEveryMs: 10 * MINUTE },
    });
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(tokens.get(platform.accessToken))));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
    expect(count(START_PUSH)).toBe(1);
    // The sandbox pushes at once when it is asked to; the wait is over without anybody's doing.
    await sandbox.pushes();
    await tokens.get(platform.accessToken);
  });

  it('is the one made last, whatever order they come in, and duplicates change nothing', async () => {
    const { sandbox, tokens, platform, clock } = await openWorld();
    const now = Math.floor(sandbox.now() / 1000);
    await sandbox.openPlatform.pushTicket(APP_ID, { createTime: now - 60 });
    const first = await tokens.get(platform.verifyTicket);
    await sandbox.openPlatform.pushTicket(APP_ID, { createTime: now });
    const second = await tokens.get(platform.verifyTicket);
    expect(second.value).not.toBe(first.value);
    expect((await sandbox.openPlatform.pushTicket(APP_ID, { ticket: 'older' })).outcome).toBe('success');
    expect((await sandbox.openPlatform.pushTicket(APP_ID, { createTime: now - 30 })).outcome).toBe('success');
    clock.advance(MINUTE);
    expect((await tokens.get(platform.verifyTicket)).value).toBe(second.value);
    expect((await sandbox.openPlatform.pushTicket(APP_ID, { ticket: 'newest', createTime: now - 10 })).outcome).toBe(
      'success',
    );
    expect((await tokens.get(platform.verifyTicket)).value).toBe(second.value);
  });

  it('lives 12 hours from when the platform made it, whatever time it took', async () => {
    const { sandbox, tokens, platform } = await openWorld();
    const createTime = Math.floor(sandbox.now() / 1000) - 3600;
    await sandbox.openPlatform.pushTicket(APP_ID, { createTime });
    const { expiresAt = 0 } = await tokens.get(platform.verifyTicket);
    expect(Math.abs(expiresAt - (createTime * 1000 + 12 * HOUR))).toBeLessThan(10_000);
    // Older than that: no news at all.
    await sandbox.openPlatform.pushTicket(APP_ID, { createTime: createTime - 13 * 3600 });
    expect((await tokens.get(platform.verifyTicket)).expiresAt).toBe(expiresAt);
  });

  it('outlives a restart: a new process makes its token with the stored one, hours later', async () => {
    const world = await openWorld();
    const { sandbox, clock, count } = world;
    await sandbox.openPlatform.pushTicket(APP_ID);
    await world.tokens.get(world.platform.accessToken);
    await world.tokens.drain();
    clock.advance(11 * HOUR);
    const { tokens, platform } = await world.another();
    await tokens.start();
    await tokens.get(platform.accessToken);
    expect(count(COMPONENT_TOKEN)).toBe(2);
    expect(count(START_PUSH)).toBe(0);
  });

  it('that the platform refuses is presented once; the next push ends the wait at once', async () => {
    const { sandbox, tokens, platform, clock, count } = await openWorld({ switches: { ticketLifeMs: HOUR } });
    await sandbox.openPlatform.pushTicket(APP_ID);
    await tokens.get(platform.accessToken);
    sandbox.openPlatform.configure(APP_ID, { ticketsStopped: true });
    clock.advance(3 * HOUR);
    const refused = () => sandbox.calls({ endpoint: COMPONENT_TOKEN, outcome: '61005' }).length;
    for (let sweep = 0; sweep < 30; sweep++) {
      await tokens.refreshDue();
      expect(await failureOf(tokens.get(platform.accessToken))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
      clock.advance(MINUTE);
    }
    expect(refused()).toBe(1);
    expect(count(START_PUSH)).toBeGreaterThan(0);
    await sandbox.openPlatform.pushTicket(APP_ID);
    await until(() => tokens.peek(platform.accessToken) !== undefined);
    expect(count(COMPONENT_TOKEN)).toBe(3);
  });

  it('that was replaced in the store meanwhile is tried once more with the newest', async () => {
    const world = await openWorld({ switches: { ticketLifeMs: HOUR } });
    const { sandbox, platform, tokens, clock } = world;
    await sandbox.openPlatform.pushTicket(APP_ID);
    const stale = await tokens.get(platform.verifyTicket);
    await tokens.get(platform.accessToken);
    clock.advance(2 * HOUR);
    // What a process with an old copy would present.
    const fetchOnce = sandbox.openPlatform.issueTicket(APP_ID);
    const presented: string[] = [];
    const { tokens: other, platform: same } = await world.another({
      fetch: async (url, init) => {
        const body = JSON.parse(String(init?.body)) as { component_verify_ticket?: string };
        if (body.component_verify_ticket) {
          presented.push(body.component_verify_ticket);
          if (presented.length === 1) {
            const order = Math.floor(sandbox.now() / 1000) * 1000;
            await tokens.adopt(platform.verifyTicket, { value: fetchOnce, lifetimeMs: HOUR }, { order });
          }
        }
        return fetch(url, init);
      },
    });
    await other.get(same.accessToken);
    expect(presented).toEqual([stale.value, fetchOnce]);
  });

  it('can be asked for explicitly, with component_secret and without a token', async () => {
    const { client, sandbox, count } = await openWorld({ switches: { ticketsStopped: true } });
    await client.startTickets();
    expect(sandbox.calls({ endpoint: START_PUSH }).map(({ outcome }) => outcome)).toEqual(['ok']);
    sandbox.openPlatform.resetSecret(APP_ID, 'another');
    expect(await failureOf(client.startTickets())).toMatchObject({ code: 'ERR_TOKEN_REFUSED', account: 'platform' });
    expect(count(START_PUSH)).toBe(2);
  });
});
