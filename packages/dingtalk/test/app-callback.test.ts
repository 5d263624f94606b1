import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { HandledPushes } from '../src/callback/handled-pushes.js';
import type { ReceivedDingTalkPush } from '../src/callback/open-callback.js';
import { DingTalkAppClient, type DingTalkEvent, type DingTalkPushHandler, dingTalkApp } from '../src/index.js';
import { damage, draftOf } from './callback/mutators.js';
import { pushOf } from './callback/pushes.js';
import { diceOf } from './callback/random.js';
import { appIn, OA, world } from './world.js';

const there = world();
const KEYS = { token: 'pushToken1', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
const ADDED = { EventType: 'user_add_org', TimeStamp: '1700000000123', UserId: ['manager1'] };
const MINUTE = 60_000;

let server: Server;
let url: string;
/** What the server answers with. */
let answer: (request: CallbackRequest) => Promise<CallbackReply>;

beforeAll(async () => {
  server = createServer(async (request, response) => sendReply(response, await answer(await callbackRequest(request))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/oa`;
});
beforeEach(() => {
  there.sandbox.dingtalk.setCallback(OA.appKey, { url, ...KEYS });
  there.sandbox.dingtalk.configure(OA.appKey, { repushEveryMs: 0 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** An app whose callback the server serves. */
function setUp(onPush?: DingTalkPushHandler, push: object = KEYS) {
  const app = appIn(there, { clock: there.clock, push: push as never, ...(onPush && { onPush }) });
  const manager = there.manage(app);
  answer = app.callback(manager);
  return { app, manager };
}

/** A handler that fails as often as it is told to, and remembers what it was told. */
function telling({ failures = 0 } = {}) {
  const told: DingTalkEvent[] = [];
  const onPush: DingTalkPushHandler = async ({ event }) => {
    told.push(event);
    if (failures-- > 0) throw new Error('the database is away');
  };
  return { told, onPush };
}

async function pushed(event: object = ADDED) {
  there.sandbox.dingtalk.pushEvent(OA.appKey, event as never);
  await there.sandbox.pushes();
  return there.sandbox.pushLog().at(-1);
}

function warningsOf(type: string): string[] {
  const seen: string[] = [];
  const listen = (warning: Error) => {
    if (warning.name === type) seen.push(warning.message);
  };
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  return seen;
}

const aTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('an app’s callback', () => {
  it.each(['appKey', 'corpId'] as const)(
    'answers checks of the address, for its %s, and tells nobody',
    async (owner) => {
      const { told, onPush } = telling();
      setUp(onPush);
      there.sandbox.dingtalk.setCallback(OA.appKey, { url, ...KEYS, ownerKey: owner });
      expect(await there.sandbox.dingtalk.checkUrl(OA.appKey)).toMatchObject({ outcome: 'success', tries: 1 });
      expect(told).toEqual([]);
    },
  );

  it('hands events on, with the app’s client, and answers encrypted', async () => {
    const clients: unknown[] = [];
    const events: DingTalkEvent[] = [];
    const { app } = setUp((push, { client }) => {
      clients.push(client);
      events.push(push.event);
    });
    expect(await pushed()).toMatchObject({ event: 'user_add_org', outcome: 'success', tries: 1 });
    expect(events).toMatchObject([ADDED]);
    expect(clients).toEqual([expect.any(DingTalkAppClient)]);
    expect(app.problems()).toEqual([]);
  });

  it('tells who made the callback instead, where that one wants to be told', async () => {
    const own = telling();
    const service = telling();
    const { app, manager } = setUp(own.onPush);
    answer = (request) => app.callback(manager, { onPush: service.onPush })(request);
    expect(await pushed()).toMatchObject({ outcome: 'success' });
    expect(await pushed()).toMatchObject({ outcome: 'success' });
    expect(service.told).toHaveLength(1);
    expect(own.told).toEqual([]);
  });

  it('answers where nobody wants to be told, and with either pair of keys', async () => {
    setUp(undefined, [{ token: 'older', encodingAESKey: 'x'.repeat(43) }, KEYS]);
    expect(await pushed()).toMatchObject({ outcome: 'success', tries: 1 });
  });

  it('refuses what is signed by somebody else or for somebody else', async () => {
    const { told, onPush } = telling();
    setUp(onPush, { ...KEYS, token: 'anotherToken' });
    there.sandbox.dingtalk.configure(OA.appKey, { repushTries: 1 });
    expect(await pushed()).toMatchObject({ outcome: 'status', status: 403 });
    setUp(onPush);
    there.sandbox.dingtalk.setCallback(OA.appKey, { url, ...KEYS, ownerKey: 'corpId' });
    const stranger = dingTalkApp({ name: 'oa', appKey: 'dingother', appSecret: 's', push: KEYS, onPush });
    answer = stranger.callback(there.manage(stranger));
    expect(await pushed()).toMatchObject({ outcome: 'status', status: 403 });
    expect(told).toEqual([]);
  });

  it('refuses what is damaged, with one answer, and tells nobody', async () => {
    const { told, onPush } = telling();
    const { app, manager } = setUp(onPush);
    const callback = app.callback(manager);
    const dice = diceOf(8);
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const genuine = pushOf({ event: ADDED, keys: KEYS, ownerKey: OA.appKey, at: there.clock.now() });
      const draft = draftOf(genuine);
      damage(draft, dice);
      const reply = await callback(draft as CallbackRequest);
      // What is not signed may be damaged: then it is the same push once more.
      if (reply.status === 200) continue;
      refused++;
      expect(reply).toMatchObject({ status: 403, body: '' });
    }
    expect(refused).toBeGreaterThan(200);
    expect(told.length).toBeLessThanOrEqual(1);
  });
});

describe('a push that comes again', () => {
  it('is acknowledged, and handed on once, however it was signed', async () => {
    const { told, onPush } = telling();
    const { app, manager } = setUp(onPush);
    expect(await pushed()).toMatchObject({ outcome: 'success' });
    await there.clock.advance(5_000);
    answer = app.callback(manager);
    expect(await pushed()).toMatchObject({ outcome: 'success' });
    expect(told).toHaveLength(1);
    expect(await pushed({ ...ADDED, TimeStamp: '1700000000124' })).toMatchObject({ outcome: 'success' });
    expect(await pushed({ ...ADDED, UserId: ['manager2'] })).toMatchObject({ outcome: 'success' });
    expect(told).toHaveLength(3);
  });

  it('and says no time is another one at another time', async () => {
    const { told, onPush } = telling();
    setUp(onPush);
    const { TimeStamp: _, ...timeless } = ADDED;
    await pushed(timeless);
    await pushed(timeless);
    expect(told).toHaveLength(1);
    await there.clock.advance(1_000);
    await pushed(timeless);
    expect(told).toHaveLength(2);
  });

  it('comes for the sake of a handler that threw', async () => {
    const warnings = warningsOf('DingTalkPush');
    const { told, onPush } = telling({ failures: 2 });
    setUp(onPush);
    expect(await pushed()).toMatchObject({ outcome: 'success', tries: 3 });
    expect(told).toHaveLength(3);
    await aTurn();
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toBe('account "oa": a push was not dealt with, and should come again: the database is away');
  });

  it('is declined while the handler is at it, and found done after', async () => {
    let end = () => {};
    let told = 0;
    const { app, manager } = setUp(async () => {
      told++;
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    const callback = app.callback(manager);
    const request = () => pushOf({ event: ADDED, keys: KEYS, ownerKey: OA.appKey, at: there.clock.now() });
    const first = callback(request());
    for (let turns = 0; told === 0 && turns < 10_000; turns++) await aTurn();
    await there.clock.advance(999);
    expect(await Promise.race([first.then(() => 'answered'), aTurn().then(() => 'waiting')])).toBe('waiting');
    await there.clock.advance(1);
    expect(await first).toMatchObject({ status: 500 });
    const second = callback(request());
    await aTurn();
    end();
    expect(await second).toMatchObject({ status: 200, body: expect.stringContaining('"encrypt"') });
    expect(await callback(request())).toMatchObject({ status: 200 });
    expect(told).toBe(1);
  });

  it('is remembered for two hours, and of 10,000 pushes', async () => {
    const handled = new HandledPushes(() => there.clock.now());
    let times = 0;
    const come = (TimeStamp: number) =>
      handled.once({ event: { TimeStamp }, timestamp: 0 } as unknown as ReceivedDingTalkPush, async () => {
        times++;
      });
    for (let id = 0; id < 10_000; id++) come(id);
    come(0);
    expect(times).toBe(10_000);
    come(10_000);
    come(0);
    expect(times).toBe(10_002);
    await there.clock.advance(120 * MINUTE - 1);
    come(0);
    expect(times).toBe(10_002);
    await there.clock.advance(1);
    come(0);
    expect(times).toBe(10_003);
  });
});

describe('options', () => {
  it('without "push" no callback is made, and the option is named', () => {
    const app = appIn(there);
    expect(() => app.callback(there.manage(app))).toThrow(
      expect.objectContaining({
        code: 'ERR_TOKEN_CONFIGURATION',
        account: 'oa',
        message: expect.stringMatching(/^"push" of account "oa" is missing/) as string,
      }),
    );
  });

  it('of the handler are checked, in the oldest form, too', () => {
    const old = { name: 'old', corpId: 'c', corpSecret: 's' };
    expect(dingTalkApp({ ...old, push: KEYS, onPush: () => {} }).problems()).toEqual([]);
    expect(dingTalkApp({ ...old, push: KEYS, onPush: 'x' as never }).problems()).toEqual([
      '"onPush" must be a function, got string',
    ]);
    expect(appIn(there, { onPush: () => {} }).problems()).toEqual([
      '"push" must be { token, encodingAESKey } where "onPush" is given: pushes cannot be opened without',
    ]);
  });
});
