import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CallbackReply, type CallbackRequest, memoryStore, TokenManager } from '@evertoken/core';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  MiniProgramClient,
  miniGame,
  miniProgram,
  OfficialAccountClient,
  type OfficialAccountOptions,
  officialAccount,
  type PushHandler,
  type PushResult,
} from '../src/index.js';
import { PushResults } from '../src/push/push-results.js';
import { buildPushXml, type PushMessage, type ReceivedPush } from '../src/push.js';
import { damage, draftOf } from './push/mutators.js';
import { KEYS, pushOf } from './push/pushes.js';
import { diceOf } from './push/random.js';
import { failureOf, NOON } from './support.js';

const SECOND = 1_000;
const app = { name: 'shop', appId: 'wx1', secret: 'sandbox-secret-0123456789' };
const USER = 'o-user-1';
const OTHER = 'o-user-2';
const HELLO = { MsgType: 'text', Content: '你好', MsgId: '24567890123456789' };

let clock: ManualClock;
let sandbox: Sandbox;
let server: Server;
let url: string;
/** What the server answers with. */
let answer: (request: CallbackRequest) => Promise<CallbackReply>;
let managers: TokenManager[];

beforeAll(async () => {
  clock = new ManualClock(NOON);
  server = createServer(async (request, response) => sendReply(response, await answer(await callbackRequest(request))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/shop`;
  const { appId, secret } = app;
  sandbox = await createSandbox({
    clock,
    wechat: [
      { appId, secret, users: [{ openid: USER, nickname: '小明' }, { openid: OTHER }] },
      { appId: 'wxmini', secret, kind: 'miniProgram', users: [{ openid: 'o-mini' }] },
    ],
  });
});
beforeEach(() => {
  managers = [];
  sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, mode: 'safe', format: 'xml' } });
});
afterEach(async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  // Each test's pushes are at a time of their own.
  await clock.advance(60 * SECOND);
});
afterAll(async () => {
  await sandbox.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** An account whose callback the server serves. */
function setUp(options: Partial<OfficialAccountOptions> = {}, store = memoryStore({ clock })) {
  const shop = officialAccount({
    ...app,
    push: KEYS,
    baseUrl: sandbox.urls.wechat,
    signInBaseUrl: sandbox.urls.wechat,
    clock,
    ...options,
  });
  const manager = new TokenManager({ accounts: [shop], store, clock, allowVolatileGrants: true });
  managers.push(manager);
  answer = shop.callback(manager);
  return { shop, manager };
}

/** A handler that answers with these in turn, and remembers what it was told. */
function telling(...results: (PushResult | Error)[]) {
  const told: PushMessage[] = [];
  const onPush: PushHandler<unknown> = async ({ message }) => {
    told.push(message);
    const result = results[Math.min(told.length, results.length) - 1];
    if (result instanceof Error) throw result;
    return result;
  };
  return { told, onPush };
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

describe('an official account’s callback', () => {
  it.each(['safe', 'plain', 'compatible'] as const)('answers the check of the address, in %s mode', async (mode) => {
    const { onPush, told } = telling();
    setUp({ onPush });
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, mode } });
    expect(await sandbox.wechat.verifyUrl(app.appId)).toMatchObject({ outcome: 'verified' });
    expect(told).toEqual([]);
  });

  it.each([
    ['xml', 'safe'],
    ['json', 'safe'],
    ['xml', 'compatible'],
    ['xml', 'plain'],
    ['json', 'plain'],
  ] as const)('hands messages on and answers with a text, in %s and %s mode', async (format, mode) => {
    const { onPush, told } = telling('谢谢 ]]> <b>');
    setUp({ onPush, push: { ...KEYS, plain: mode === 'plain' } });
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, format, mode } });
    const { outcome, reply = '', tries } = await sandbox.wechat.push(app.appId, HELLO);
    expect(outcome).toBe('reply');
    expect(tries).toBe(1);
    expect(told).toMatchObject([{ ...HELLO, FromUserName: USER }]);
    const seconds = Math.floor(clock.now() / SECOND);
    if (format === 'json') {
      expect(JSON.parse(reply)).toEqual({
        ToUserName: USER,
        FromUserName: 'gh_wx1',
        CreateTime: seconds,
        MsgType: 'text',
        Content: '谢谢 ]]> <b>',
      });
    } else {
      expect(reply).toBe(
        `<xml><ToUserName><![CDATA[${USER}]]></ToUserName><FromUserName><![CDATA[gh_wx1]]></FromUserName>` +
          `<CreateTime>${seconds}</CreateTime><MsgType><![CDATA[text]]></MsgType>` +
          '<Content><![CDATA[谢谢 ]]]]><![CDATA[> <b>]]></Content></xml>',
      );
    }
  });

  it('fills in the addresses of a message, and leaves other fields as they are', async () => {
    const { onPush } = telling({ MsgType: 'image', Image: { MediaId: 'm1' } }, { ErrCode: 0, ErrMsg: 'ok' });
    setUp({ onPush });
    const image = await sandbox.wechat.push(app.appId, HELLO);
    expect(image.reply).toContain(`<ToUserName><![CDATA[${USER}]]></ToUserName>`);
    expect(image.reply).toContain('<Image><MediaId><![CDATA[m1]]></MediaId></Image>');
    const { reply } = await sandbox.wechat.push(app.appId, { MsgType: 'event', Event: 'debug_demo' });
    expect(reply).toBe('<xml><ErrCode>0</ErrCode><ErrMsg><![CDATA[ok]]></ErrMsg></xml>');
    sandbox.wechat.configure(app.appId, { push: { ...KEYS, url, format: 'json' } });
    const json = await sandbox.wechat.push(app.appId, { MsgType: 'event', Event: 'debug_json' });
    expect(json.reply).toBe('{"ErrCode":0,"ErrMsg":"ok"}');
  });

  it.each([[undefined], [''], ['success']])('says “received” where the handler returns %j', async (result) => {
    const { onPush, told } = telling(result);
    setUp({ onPush });
    expect(await sandbox.wechat.push(app.appId, HELLO)).toMatchObject({ outcome: 'success', tries: 1 });
    expect(told).toHaveLength(1);
  });

  it('says “received” where nobody wants to be told', async () => {
    setUp();
    expect(await sandbox.wechat.push(app.appId, HELLO)).toMatchObject({ outcome: 'success' });
  });

  it('tells who made the callback instead, where that one wants to be told', async () => {
    const own = telling('of the account');
    const service = telling('of a service');
    const { shop, manager } = setUp({ onPush: own.onPush });
    answer = (request) => shop.callback(manager, { onPush: service.onPush })(request);
    const { reply } = await sandbox.wechat.push(app.appId, HELLO);
    await sandbox.wechat.push(app.appId, HELLO);
    expect(reply).toContain('of a service');
    expect(service.told).toHaveLength(1);
    expect(own.told).toEqual([]);
  });

  it('gives the handler the account’s client', async () => {
    const clients: OfficialAccountClient[] = [];
    setUp({ onPush: (_, { client }) => void clients.push(client) });
    await sandbox.wechat.push(app.appId, HELLO);
    expect(clients[0]).toBeInstanceOf(OfficialAccountClient);
    expect(await clients[0]?.get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });

  it('refuses what is damaged, with one answer, and tells nobody', { timeout: 60_000 }, async () => {
    const { onPush, told } = telling('never');
    const { shop, manager } = setUp({ onPush });
    const callback = shop.callback(manager);
    const message = buildPushXml({ ...HELLO, FromUserName: USER, ToUserName: 'gh', CreateTime: '1' });
    const genuine = () => pushOf({ message, receiveId: app.appId, at: clock.now() });
    const dice = diceOf(8);
    let refused = 0;
    for (let round = 0; round < 500; round++) {
      const draft = draftOf(genuine());
      damage(draft, dice);
      const before = told.length;
      const reply = await callback(draft as CallbackRequest);
      // What is not signed may be damaged: then it is the same push once more, and nobody is told again.
      if (reply.status === 200) continue;
      refused++;
      expect(reply).toMatchObject({ status: 403, body: '' });
      expect(told).toHaveLength(before);
    }
    expect(refused).toBeGreaterThan(250);
    expect(told.length).toBeLessThanOrEqual(1);
  });
});

describe('a push that comes again', () => {
  it('is answered as before, and handed on once', async () => {
    const { onPush, told } = telling('one', 'two');
    const { shop, manager } = setUp({ onPush });
    const first = await sandbox.wechat.push(app.appId, HELLO);
    // Signed and encrypted anew, as far as anybody knows; and whoever asks for the callback anew has the same memory.
    answer = shop.callback(manager);
    const second = await sandbox.wechat.push(app.appId, HELLO);
    expect(told).toHaveLength(1);
    expect(second).toMatchObject({ outcome: 'reply', reply: first.reply });
    await sandbox.wechat.push(app.appId, { ...HELLO, MsgId: '24567890123456790' });
    await sandbox.wechat.push(app.appId, { ...HELLO, FromUserName: OTHER });
    expect(told).toHaveLength(3);
  });

  it('is told by sender and time where it is an event, and by what it says', async () => {
    const { onPush, told } = telling();
    setUp({ onPush });
    const event = { MsgType: 'event', Event: 'user_info_modified', OpenID: USER, CreateTime: clock.now() / SECOND };
    await sandbox.wechat.push(app.appId, event);
    await sandbox.wechat.push(app.appId, event);
    expect(told).toHaveLength(1);
    // The platform sends for two users in one second.
    await sandbox.wechat.push(app.appId, { ...event, OpenID: OTHER });
    await sandbox.wechat.push(app.appId, { ...event, CreateTime: event.CreateTime + 1 });
    expect(told).toHaveLength(3);
  });

  it('is handled anew by another manager, and by another process', async () => {
    const { onPush, told } = telling();
    setUp({ onPush });
    await sandbox.wechat.push(app.appId, HELLO);
    setUp({ onPush });
    await sandbox.wechat.push(app.appId, HELLO);
    expect(told).toHaveLength(2);
  });

  it('comes for the sake of a handler that threw, three times in all', async () => {
    const warnings = warningsOf('WeChatPush');
    const { onPush, told } = telling(new Error('the database is away'), new Error('still'), 'at last');
    setUp({ onPush });
    expect(await sandbox.wechat.push(app.appId, HELLO)).toMatchObject({ outcome: 'reply', tries: 3 });
    expect(told).toHaveLength(3);
    expect(warnings).toEqual([
      'account "shop": a push was not dealt with, it should come again: the database is away',
      'account "shop": a push was not dealt with, it should come again: still',
    ]);
    const gone = telling(new Error('gone for good'));
    setUp({ onPush: gone.onPush });
    expect(await sandbox.wechat.push(app.appId, HELLO)).toMatchObject({ outcome: 'status', status: 500, tries: 3 });
  });

  it('comes for the sake of an answer that cannot be written, and is not handled again for it', async () => {
    const warnings = warningsOf('WeChatPush');
    const { onPush, told } = telling({ 'no name': 'x' });
    setUp({ onPush });
    expect(await sandbox.wechat.push(app.appId, HELLO)).toMatchObject({ outcome: 'status', tries: 3 });
    expect(told).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  it('is remembered for 20 minutes, and of 10,000 pushes', () => {
    const results = new PushResults(() => clock.now());
    let handled = 0;
    const come = (MsgId: number) =>
      results.of({ message: { FromUserName: USER, MsgId: String(MsgId) } } as unknown as ReceivedPush, async () => {
        handled++;
        return undefined;
      });
    for (let id = 0; id < 10_000; id++) come(id);
    come(0);
    expect(handled).toBe(10_000);
    come(10_000);
    come(0);
    expect(handled).toBe(10_002);
  });

  it('is new after that', async () => {
    const results = new PushResults(() => clock.now());
    let handled = 0;
    const push = { message: { FromUserName: USER, MsgId: '1' } } as unknown as ReceivedPush;
    const come = () => results.of(push, async () => void handled++ as undefined);
    come();
    await clock.advance(20 * 60 * SECOND - 1);
    come();
    expect(handled).toBe(1);
    await clock.advance(1);
    come();
    expect(handled).toBe(2);
  });
});

describe('a handler that takes its time', () => {
  const request = () =>
    pushOf({
      message: buildPushXml({ ...HELLO, ToUserName: 'gh', FromUserName: USER, CreateTime: '1' }),
      receiveId: app.appId,
      at: clock.now(),
    });

  /** A handler that ends when it is told to. */
  function slow() {
    let end: (result: PushResult | Error) => void = () => {};
    const state = { told: 0 };
    const onPush = () =>
      new Promise<PushResult>((resolve, reject) => {
        state.told++;
        end = (result) => (result instanceof Error ? reject(result) : resolve(result));
      });
    return { state, onPush, end: (result: PushResult | Error) => end(result) };
  }

  const waitFor = async (holds: () => boolean) => {
    for (let turns = 0; !holds() && turns < 10_000; turns++) await aTurn();
    expect(holds()).toBe(true);
  };

  it('goes on behind the answer, which comes after 4 s, and is not told again meanwhile', async () => {
    const { state, onPush, end } = slow();
    setUp({ onPush });
    const first = answer(request());
    await waitFor(() => state.told === 1);
    await clock.advance(3_999);
    const early = await Promise.race([first.then(() => 'answered'), aTurn().then(() => 'waiting')]);
    expect(early).toBe('waiting');
    await clock.advance(1);
    expect(await first).toMatchObject({ status: 200, body: 'success' });
    const again = answer(request());
    await aTurn();
    end('made in the end');
    expect((await again).body).toContain('<Encrypt>');
    expect(state.told).toBe(1);
  });

  it('and fails in the end is told as a warning: nobody sends the push again', async () => {
    const warnings = warningsOf('WeChatPush');
    const { state, onPush, end } = slow();
    setUp({ onPush });
    const first = answer(request());
    await waitFor(() => state.told === 1);
    await clock.advance(4_000);
    expect(await first).toMatchObject({ body: 'success' });
    end(new Error('too late'));
    await waitFor(() => warnings.length === 1);
    expect(warnings[0]).toContain('it was answered by then and does not come again: too late');
  });
});

describe('a user who leaves', () => {
  async function signIn({ shop, manager }: ReturnType<typeof setUp>, openid = USER) {
    const wechat = shop.client(manager);
    const { url: page, binding } = wechat.signIn({
      redirectUri: 'https://shop.example/back',
      scope: 'snsapi_userinfo',
    });
    const code = sandbox.wechat.oauthCode(app.appId, { openid });
    await wechat.exchange({ code, state: new URL(page).searchParams.get('state') ?? undefined, binding });
  }

  async function stateOf({ manager }: ReturnType<typeof setUp>, openid = USER) {
    for await (const { state } of manager.inspect({ kinds: ['user_access_token'], subjects: [openid] })) return state;
    return 'absent';
  }

  const leave = (fields: Record<string, string | number>) =>
    sandbox.wechat.push(app.appId, {
      FromUserName: 'o-of-the-platform',
      MsgType: 'event',
      OpenID: USER,
      AppID: app.appId,
      ...fields,
    });

  it.each([
    { Event: 'user_authorization_revoke' },
    { Event: 'user_authorization_revoke', RevokeInfo: '205' },
    { Event: 'user_authorization_revoke', RevokeInfo: '201,205' },
    { Event: 'user_authorization_revoke', RevokeInfo: '1' },
    { Event: 'user_authorization_cancellation' },
  ])('loses the stored tokens before the handler is told: %j', async (fields) => {
    const states: unknown[] = [];
    const world = setUp({
      userTokens: true,
      onPush: async ({ message }) => {
        states.push(message['Event'], await stateOf(world));
        return undefined;
      },
    });
    await signIn(world);
    await signIn(world, OTHER);
    expect(await leave(fields)).toMatchObject({ outcome: 'success', tries: 1 });
    expect(states).toEqual([fields.Event, 'gone']);
    expect(await failureOf(world.shop.user(USER).client(world.manager).get('/sns/userinfo'))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
    });
    expect(await stateOf(world, OTHER)).toBe('active');
  });

  it.each([
    { Event: 'user_authorization_revoke', RevokeInfo: '201' },
    { Event: 'user_authorization_revoke', RevokeInfo: '206,207' },
    { Event: 'user_info_modified' },
    { Event: 'user_authorization_revoke', OpenID: '' },
    { Event: 'unsubscribe' },
    { MsgType: 'text', Event: 'user_authorization_revoke' },
  ])('is another one, or takes back something else: %j', async (fields) => {
    const { onPush, told } = telling();
    const world = setUp({ userTokens: true, onPush });
    await signIn(world);
    expect(await leave(fields)).toMatchObject({ outcome: 'success' });
    expect(await stateOf(world)).toBe('active');
    expect(told).toHaveLength(1);
  });

  it('and has signed in since has not left', async () => {
    const world = setUp({ userTokens: true });
    const before = Math.floor(clock.now() / SECOND) - 1;
    await signIn(world);
    expect(await leave({ Event: 'user_authorization_revoke', CreateTime: before })).toMatchObject({
      outcome: 'success',
    });
    expect(await stateOf(world)).toBe('active');
    expect(await leave({ Event: 'user_authorization_revoke' })).toMatchObject({ outcome: 'success' });
    expect(await stateOf(world)).toBe('gone');
  });

  it('is nothing to an account that keeps no users’ tokens', async () => {
    const { onPush, told } = telling();
    const store = Object.assign(memoryStore({ clock }), {
      read: async () => {
        throw new Error('nobody has business here');
      },
    });
    setUp({ onPush }, store);
    expect(await leave({ Event: 'user_authorization_revoke' })).toMatchObject({ outcome: 'success', tries: 1 });
    expect(told).toHaveLength(1);
  });

  it('leaves again until it is stored', async () => {
    const { onPush, told } = telling();
    const store = memoryStore({ clock });
    let failures = 2;
    const remove = store.remove.bind(store);
    const failing = Object.assign(store, {
      remove: async (...args: Parameters<typeof remove>) => {
        if (failures-- > 0) throw new Error('the store is away');
        return remove(...args);
      },
    });
    const world = setUp({ userTokens: true, onPush }, failing);
    await signIn(world);
    expect(await leave({ Event: 'user_authorization_revoke' })).toMatchObject({ outcome: 'success', tries: 3 });
    expect(await stateOf(world)).toBe('gone');
    expect(told).toHaveLength(1);
  });
});

describe('mini programs and mini games', () => {
  it.each([miniProgram, miniGame])('have a callback, too (%o)', async (make) => {
    const clients: unknown[] = [];
    const mini = make({
      ...{ name: 'mini', appId: 'wxmini', secret: app.secret, baseUrl: sandbox.urls.wechat, clock, push: KEYS },
      onPush: (_, { client }) => {
        clients.push(client);
        return { MsgType: 'transfer_customer_service' };
      },
    });
    const manager = new TokenManager({ accounts: [mini], clock });
    managers.push(manager);
    answer = mini.callback(manager);
    sandbox.wechat.configure('wxmini', { push: { ...KEYS, url, format: 'json' } });
    expect(await sandbox.wechat.verifyUrl('wxmini')).toMatchObject({ outcome: 'verified' });
    const { reply = '' } = await sandbox.wechat.push('wxmini', HELLO);
    expect(JSON.parse(reply)).toMatchObject({ ToUserName: 'o-mini', MsgType: 'transfer_customer_service' });
    expect(clients).toEqual([expect.any(MiniProgramClient)]);
  });
});

describe('options', () => {
  it.each([officialAccount, miniProgram])(
    'without "push" no callback is made, and the option is named (%o)',
    (make) => {
      const shop = make(app);
      const manager = new TokenManager({ accounts: [shop] });
      managers.push(manager);
      expect(() => shop.callback(manager)).toThrow(
        expect.objectContaining({
          code: 'ERR_TOKEN_CONFIGURATION',
          account: 'shop',
          message: expect.stringMatching(/^"push" of account "shop" is missing/) as string,
        }),
      );
    },
  );

  it.each([officialAccount, miniProgram])('of the handler are checked (%o)', (make) => {
    expect(make({ ...app, push: KEYS, onPush: () => {} }).problems()).toEqual([]);
    expect(make({ ...app, push: KEYS, onPush: 'x' as never }).problems()).toEqual([
      '"onPush" must be a function, got string',
    ]);
    expect(make({ ...app, onPush: () => {} }).problems()).toEqual([
      '"push" must be { token, encodingAESKey } where "onPush" is given: pushes cannot be opened without',
    ]);
  });
});
