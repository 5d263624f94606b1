import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { describe, expect, it, onTestFinished } from 'vitest';
import { everythingOf, failureOf } from '../support.js';
import {
  APP_ID,
  AUTHORIZER_INFO,
  AUTHORIZER_LIST,
  AUTHORIZER_TOKEN,
  COMPONENT_TOKEN,
  GET_TICKET,
  HOUR,
  MINI,
  MINUTE,
  openWorld,
  type Program,
  SHOP,
  until,
} from './world.js';

const NOBODY = 'wxnobody';

/** A world in which the first ticket has come, and been used. */
async function openRunning(options: Parameters<typeof openWorld>[0] = {}) {
  const world = await openWorld(options);
  await world.sandbox.openPlatform.pushTicket(APP_ID);
  await world.tokens.get(world.platform.accessToken);
  return world;
}

describe('an authorizer that is authorized at the platform', () => {
  it('comes back to an empty store by `get` alone: one look for its refresh token, one renewal, for all who ask', async () => {
    const { tokens, platform, count } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    const got = await Promise.all(Array.from({ length: 50 }, () => tokens.get(accessToken)));
    expect(new Set(got.map(({ value }) => value)).size).toBe(1);
    expect([count(AUTHORIZER_INFO, SHOP), count(AUTHORIZER_TOKEN, SHOP)]).toEqual([1, 1]);
    expect(got[0]?.extra).toMatchObject({ kind: 'officialAccount', name: 'The shop', permissions: [1, 2, 3, 4] });
  });

  it('comes back to a store that was emptied, by `get` and by its API alone', async () => {
    const world = await openRunning();
    await world.tokens.get(world.platform.authorizer(SHOP).accessToken);
    const store = memoryStore({ clock: world.clock });
    const { tokens, client } = await world.another({ store });
    await world.sandbox.openPlatform.pushTicket(APP_ID);
    // The ticket went to the first program's store: the emptied one has to be given its own.
    const ticket = await world.tokens.get(world.platform.verifyTicket);
    await tokens.adopt(world.platform.verifyTicket, { value: ticket.value, lifetimeMs: HOUR }, { order: 1 });
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });

  it('is renewed before its end with the same refresh token, and knows what it is without asking again', async () => {
    const { tokens, platform, clock, count } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    const first = await tokens.get(accessToken);
    clock.advance(100 * MINUTE);
    await tokens.refreshDue();
    const second = await tokens.get(accessToken);
    expect(second.value).not.toBe(first.value);
    expect(second.extra).toEqual(first.extra);
    expect([count(AUTHORIZER_INFO, SHOP), count(AUTHORIZER_TOKEN, SHOP)]).toEqual([1, 2]);
  });

  it.each(['empty', 'missing'] as const)(
    'keeps its refresh token where an answer’s is %s',
    async (refreshTokenField) => {
      const { tokens, platform, clock, count } = await openRunning({ switches: { refreshTokenField } });
      const { accessToken } = platform.authorizer(SHOP);
      await tokens.get(accessToken);
      for (let turn = 0; turn < 2; turn++) {
        clock.advance(110 * MINUTE);
        await tokens.refreshDue();
      }
      // Without it each renewal would have to look for it anew.
      expect([count(AUTHORIZER_INFO, SHOP), count(AUTHORIZER_TOKEN, SHOP)]).toEqual([1, 3]);
    },
  );

  it('takes over a refresh token that the platform replaces', async () => {
    const { tokens, platform, clock, count, sandbox } = await openRunning({ switches: { rotateRefreshToken: true } });
    const { accessToken } = platform.authorizer(SHOP);
    const first = await tokens.get(accessToken);
    clock.advance(110 * MINUTE);
    await tokens.refreshDue();
    expect((await tokens.get(accessToken)).extra).not.toEqual(first.extra);
    expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' })).toEqual([]);
    expect(count(AUTHORIZER_TOKEN, SHOP)).toBe(2);
  });

  it('that lost its refresh token is looked up once, under the same lease', async () => {
    const { tokens, platform, clock, count, sandbox } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    await tokens.get(accessToken);
    sandbox.openPlatform.replaceRefreshToken(APP_ID, SHOP);
    clock.advance(110 * MINUTE);
    await tokens.refreshDue();
    expect(await platform.authorizer(SHOP).client(tokens).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN }).map(({ outcome }) => outcome)).toEqual(['ok', '61023', 'ok']);
    expect(count(AUTHORIZER_INFO, SHOP)).toBe(2);
  });

  it('keeps the token it has just been given where the platform will not say what it is, and asks with the next renewal', async () => {
    const { tokens, platform, client, clock, sandbox, count } = await openRunning();
    sandbox.fault({ kind: 'drop', platform: 'wechat', endpoint: AUTHORIZER_INFO, count: 2 });
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    expect(await client.exchange(authorizationCode)).toMatchObject({ appId: SHOP, granted: true });
    const { accessToken, jsapiTicket, cardTicket } = platform.authorizer(SHOP);
    for (const kind of [undefined, 'officialAccount']) {
      clock.advance(100 * MINUTE);
      await tokens.refreshDue();
      expect((await tokens.get(accessToken)).extra?.['kind']).toBe(kind);
    }
    expect([count(AUTHORIZER_INFO), count(AUTHORIZER_TOKEN)]).toEqual([3, 2]);
    // Now that it is known, its tickets are kept fresh, too.
    expect([jsapiTicket, cardTicket].map((ticket) => tokens.peek(ticket) !== undefined)).toEqual([true, true]);
  });

  it('is not given up because the look-up got no answer', async () => {
    const { tokens, platform, clock, sandbox } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    await tokens.get(accessToken);
    sandbox.openPlatform.replaceRefreshToken(APP_ID, SHOP);
    clock.advance(3 * HOUR);
    sandbox.fault({ kind: 'drop', platform: 'wechat', endpoint: AUTHORIZER_INFO });
    expect(await failureOf(tokens.get(accessToken))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    clock.advance(20 * MINUTE);
    expect((await tokens.get(accessToken)).value).toMatch(/./);
  });
});

describe('an authorizer that has to authorize', () => {
  it('says so, once a back-off step for all, and by no sweep', async () => {
    const { tokens, platform, clock, count } = await openRunning();
    const { accessToken } = platform.authorizer(NOBODY);
    for (let turn = 0; turn < 3; turn++) {
      expect(await failureOf(tokens.get(accessToken))).toMatchObject({
        code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
        platformCode: '61003',
        subject: NOBODY,
      });
    }
    clock.advance(20 * MINUTE);
    await tokens.refreshDue();
    expect(count(AUTHORIZER_INFO)).toBe(1);
    expect(count(AUTHORIZER_TOKEN)).toBe(0);
  });

  it('is told apart where its code was never exchanged', async () => {
    const { tokens, platform, sandbox } = await openRunning({ pushing: true });
    sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    expect(await failureOf(tokens.get(platform.authorizer(SHOP).accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      message: expect.stringContaining('never exchanged') as string,
    });
  });

  it('after it withdrew without a word: state `reauthorize`, told as an event, and nothing of the secrets', async () => {
    const { tokens, platform, sandbox, clock, client } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    const told: string[] = [];
    tokens.on('reauthorize', ({ subject, cause }) => told.push(`${subject} ${cause}`));
    const token = await tokens.get(accessToken);
    sandbox.openPlatform.cancel(APP_ID, SHOP, { push: false });
    clock.advance(3 * HOUR);
    const error = await failureOf(tokens.get(accessToken));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED', subject: SHOP });
    for (const secret of [token.value, 'refreshtoken@@@', 'component-secret'])
      expect(everythingOf(error)).not.toContain(secret);
    expect(told).toEqual([`${SHOP} refused`]);
    const states = [];
    for await (const { appId, state } of client.authorizers()) states.push([appId, state]);
    expect(states).toEqual([[SHOP, 'reauthorize']]);
  });
});

describe('calls on behalf of an authorizer', () => {
  it('heal a dead token of that authorizer and touch nobody else’s', async () => {
    const { tokens, platform, sandbox, client, count } = await openRunning();
    await Promise.all([SHOP, MINI].map((appId) => tokens.get(platform.authorizer(appId).accessToken)));
    sandbox.openPlatform.killToken(APP_ID, SHOP);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => client.authorizer(SHOP).get<{ total: number }>('/cgi-bin/user/get')),
    );
    expect(answers).toHaveLength(100);
    expect([count(AUTHORIZER_TOKEN, SHOP), count(AUTHORIZER_TOKEN, MINI), count(COMPONENT_TOKEN)]).toEqual([2, 1, 1]);
  });

  it.each([61007, 48001])('never renew anything for a missing permission (%i)', async (code) => {
    const { sandbox, client, count } = await openRunning({
      switches: code === 61007 ? { notGranted: ['/cgi-bin/user/get'] } : { unauthorizedPaths: ['/cgi-bin/user/get'] },
    });
    if (code === 48001) sandbox.fault({ kind: 'code', code: 48001, endpoint: '/cgi-bin/user/get' });
    expect(await failureOf(client.authorizer(SHOP).get('/cgi-bin/user/get'))).toMatchObject({
      name: 'WeChatError',
      errcode: code,
      reason: 'refused',
    });
    expect([count(AUTHORIZER_TOKEN), count(COMPONENT_TOKEN)]).toEqual([1, 1]);
  });

  it('sign pages with its own ticket and app id, obtained with its own token', async () => {
    const { client, count } = await openRunning();
    const config = await client.authorizer(SHOP).jsSdkConfig('https://shop.example/');
    expect(config).toMatchObject({ appId: SHOP, signature: expect.stringMatching(/^[0-9a-f]{40}$/) as string });
    expect(count(GET_TICKET, SHOP)).toBe(1);
  });

  it('cannot be made with the platform’s secret', async () => {
    const { client } = await openRunning();
    expect(await failureOf(client.authorizer(SHOP).clearQuotaBySecret())).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
    });
  });
});

describe('a component token that the platform killed', () => {
  it('is renewed once where a call needs it; authorizers’ tokens and tickets stay', async () => {
    const { tokens, platform, sandbox, client, count, clock } = await openRunning();
    for (const appId of [SHOP, MINI]) await tokens.get(platform.authorizer(appId).accessToken);
    await client.authorizer(SHOP).jsSdkConfig('https://shop.example/');
    const before = sandbox.calls().length;
    sandbox.openPlatform.killToken(APP_ID);
    clock.advance(MINUTE);
    await client.authorizer(SHOP).get('/cgi-bin/user/get');
    await Promise.all(
      Array.from({ length: 20 }, () => client.authorizationUrl({ redirectUri: 'https://app.example/back' })),
    );
    expect(count(COMPONENT_TOKEN)).toBe(2);
    expect([count(AUTHORIZER_TOKEN), count(AUTHORIZER_INFO), count(GET_TICKET)]).toEqual([2, 2, 1]);
    expect(sandbox.calls().length - before).toBeLessThanOrEqual(1 + 1 + 20 + 20);
  });

  it('is renewed once where renewals of many authorizers meet it', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `wx${at}`);
    const { tokens, platform, sandbox, count, clock } = await openRunning({
      authorizers: names.map((appId) => ({ appId, kind: 'miniProgram', authorized: true })),
    });
    for (const appId of names) await tokens.get(platform.authorizer(appId).accessToken);
    clock.advance(100 * MINUTE);
    await tokens.refresh(platform.accessToken);
    sandbox.openPlatform.killToken(APP_ID);
    await tokens.refreshDue();
    expect(count(COMPONENT_TOKEN)).toBe(3);
    for (const appId of names)
      expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, subject: appId, outcome: 'ok' })).toHaveLength(2);
  });
});

describe('quotas', () => {
  it('of the component’s own calls are told, and set back by its secret', async () => {
    const { client, sandbox } = await openRunning();
    expect(await client.quota(COMPONENT_TOKEN)).toMatchObject({ used: 1 });
    sandbox.openPlatform.exhaustQuota(APP_ID, AUTHORIZER_LIST);
    expect(await failureOf(client.syncAuthorizers())).toMatchObject({ errcode: 45009, reason: 'quota' });
    await client.clearQuotaBySecret();
    expect((await client.syncAuthorizers()).counts).toMatchObject({ added: 2 });
    await client.clearQuotaBySecret({ appId: SHOP });
  });

  it('that are used up leave what is stored alone, and say when to come again', async () => {
    const { tokens, platform, sandbox, clock } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    const first = await tokens.get(accessToken);
    sandbox.openPlatform.exhaustQuota(APP_ID, AUTHORIZER_TOKEN);
    clock.advance(100 * MINUTE);
    const result = await tokens.refresh(accessToken);
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'ERR_TOKEN_QUOTA', platformCode: '45009' } });
    expect((await tokens.get(accessToken)).value).toBe(first.value);
  });
});

describe('a lost answer', () => {
  it('to a renewal costs one more call, and no authorization', async () => {
    const { tokens, platform, sandbox, client, clock, count } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    await tokens.get(accessToken);
    clock.advance(100 * MINUTE);
    await tokens.get(platform.accessToken);
    sandbox.fault({ kind: 'drop', endpoint: AUTHORIZER_TOKEN });
    await tokens.refreshDue();
    // The platform has issued another one, and nobody knows whether the old one still works.
    clock.advance(MINUTE);
    await tokens.refreshDue();
    await client.authorizer(SHOP).get('/cgi-bin/user/get');
    expect(sandbox.calls({ endpoint: '/cgi-bin/user/get' }).map(({ outcome }) => outcome)).toEqual(['ok']);
    expect([count(AUTHORIZER_TOKEN, SHOP), count(AUTHORIZER_INFO, SHOP)]).toEqual([3, 1]);
  });

  it('to a component token costs one more call, and its authorizers nothing', async () => {
    const { tokens, platform, sandbox, client, clock, count } = await openRunning();
    await tokens.get(platform.authorizer(SHOP).accessToken);
    clock.advance(100 * MINUTE);
    sandbox.fault({ kind: 'drop', endpoint: COMPONENT_TOKEN });
    await tokens.refresh(platform.accessToken);
    clock.advance(MINUTE);
    await tokens.refreshDue();
    await client.authorizationUrl({ redirectUri: 'https://app.example/back' });
    expect(count(COMPONENT_TOKEN)).toBe(3);
    expect(sandbox.calls({ outcome: '40001' })).toEqual([]);
  });
});

describe('four programs on one store', () => {
  it('make one component token call, and one renewal per authorizer', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'evertoken-open-platform-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const names = Array.from({ length: 10 }, (_, at) => `wx${at}`);
    const world = await openWorld({
      authorizers: names.map((appId) => ({ appId, authorized: true })),
      manager: { singleInstance: false, allowVolatileGrants: false },
    });
    const { sandbox, clock, count } = world;
    const store = () => fileStore({ directory, clock });
    const programs: Program[] = [];
    for (let at = 0; at < 4; at++) programs.push(await world.another({ store: store() }));
    sandbox.openPlatform.configure(APP_ID, { callbackUrl: (programs[0] as Program).url });
    await sandbox.openPlatform.pushTicket(APP_ID);
    const wanted = programs.flatMap(({ tokens, platform }) =>
      names.map((appId) => tokens.get(platform.authorizer(appId).accessToken)),
    );
    const values = (await Promise.all(wanted)).map(({ value }) => value);
    expect(new Set(values).size).toBe(10);
    expect([count(COMPONENT_TOKEN), count(AUTHORIZER_TOKEN), count(AUTHORIZER_INFO)]).toEqual([1, 10, 10]);
    clock.advance(100 * MINUTE);
    await Promise.all(programs.map(({ tokens }) => tokens.refreshDue()));
    await until(() => count(AUTHORIZER_TOKEN) >= 20);
    expect([count(COMPONENT_TOKEN), count(AUTHORIZER_TOKEN), count(AUTHORIZER_INFO)]).toEqual([2, 20, 10]);
    expect(count(AUTHORIZER_LIST)).toBe(0);
  }, 60_000);
});
