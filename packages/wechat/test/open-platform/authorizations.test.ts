import { describe, expect, it } from 'vitest';
import { failureOf } from '../support.js';
import { push, pushAuthorized, pushRequest, seconds } from './own-pushes.js';
import {
  APP_ID,
  AUTHORIZER_INFO,
  AUTHORIZER_TOKEN,
  GET_TICKET,
  HOUR,
  MINI,
  MINUTE,
  openWorld,
  QUERY_AUTH,
  SHOP,
  until,
  type World,
  type WorldOptions,
} from './world.js';

const NEW = [
  { appId: SHOP, name: 'The shop' },
  { appId: MINI, kind: 'miniProgram' },
] as const;
const REDIRECT = { redirectUri: 'https://app.example/back?tenant=7' };

async function openRunning(options: WorldOptions = { authorizers: NEW }): Promise<World> {
  const world = await openWorld(options);
  await world.sandbox.openPlatform.pushTicket(APP_ID);
  await world.tokens.get(world.platform.accessToken);
  return world;
}

/** The refresh token that stands, by what only the platform knows of it: whether a renewal with it works. */
async function worksAfterRenewal({ tokens, platform, client }: World, appId = SHOP): Promise<boolean> {
  await tokens.refresh(platform.authorizer(appId).accessToken);
  return (await client.authorizer(appId).get<{ total: number }>('/cgi-bin/user/get')).total === 2;
}

describe('an authorization page', () => {
  it('is begun with a pre-auth code of its own each time, and a binding in the redirect', async () => {
    const { client } = await openRunning();
    const [one, two] = [await client.authorizationUrl(REDIRECT), await client.authorizationUrl(REDIRECT)];
    const [first, second] = [new URL(one.url), new URL(two.url)];
    expect(first.pathname).toBe('/wechat/cgi-bin/componentloginpage');
    expect(first.searchParams.get('component_appid')).toBe(APP_ID);
    expect(first.searchParams.get('pre_auth_code')).not.toBe(second.searchParams.get('pre_auth_code'));
    const back = new URL(first.searchParams.get('redirect_uri') ?? '');
    expect([back.searchParams.get('tenant'), back.searchParams.get('state')]).toEqual(['7', one.binding]);
    expect(one.binding).not.toBe(two.binding);
  });

  it('has a form for browsers inside WeChat, and may be for one account only', async () => {
    const { client } = await openRunning();
    const { url } = await client.authorizationUrl({ ...REDIRECT, mobile: true, bizAppId: SHOP });
    const page = new URL(url);
    expect(page.pathname).toBe('/wechat/wxaopen/safe/bindcomponent');
    expect(page.hash).toBe('#wechat_redirect');
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      action: 'bindcomponent',
      no_scan: '1',
      biz_appid: SHOP,
    });
  });

  it.each([
    [{ redirectUri: 'nowhere' }, /"redirectUri"/],
    [{ ...REDIRECT, authType: 4 as 1 }, /"authType"/],
    [{ ...REDIRECT, authType: 1 as const, bizAppId: SHOP }, /"bizAppId"/],
  ])('refuses %j without a call', async (options, message) => {
    const { client, sandbox } = await openRunning();
    const before = sandbox.calls().length;
    await expect(client.authorizationUrl(options)).rejects.toThrow(message);
    expect(sandbox.calls().length).toBe(before);
  });
});

describe('a redirect', () => {
  it('stores access and refresh token, and tells who authorized and no token', async () => {
    const world = await openRunning();
    const { client, sandbox, tokens, platform, count } = world;
    sandbox.openPlatform.configure(APP_ID, { callbackUrl: undefined });
    const { binding } = await client.authorizationUrl(REDIRECT);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    const outcome = await client.handleCallback(
      { auth_code: authorizationCode, expires_in: '3600', state: binding },
      binding,
    );
    expect(outcome).toEqual({
      appId: SHOP,
      granted: true,
      kind: 'officialAccount',
      name: 'The shop',
      permissions: [1, 2, 3, 4],
      authorizedAt: expect.any(Number) as number,
    });
    expect(await worksAfterRenewal(world)).toBe(true);
    expect([count(QUERY_AUTH), count(AUTHORIZER_INFO)]).toEqual([1, 1]);
    // Its tickets go with it, and are kept fresh from now on.
    const { jsapiTicket, cardTicket } = platform.authorizer(SHOP);
    await until(() => tokens.peek(jsapiTicket) !== undefined && tokens.peek(cardTicket) !== undefined);
    expect(count(GET_TICKET, SHOP)).toBe(2);
  });

  it('of a mini program brings no ticket', async () => {
    const { client, sandbox, tokens, count } = await openRunning();
    await client.exchange(sandbox.openPlatform.authorize(APP_ID, MINI, { push: false }).authorizationCode);
    await tokens.refreshDue();
    await tokens.refreshAll();
    expect(count(GET_TICKET)).toBe(0);
  });

  it.each([
    ['no binding', undefined, 'unbound'],
    ['another session’s binding', 'f'.repeat(32), 'unbound'],
    ['a binding that is a part of it', '', 'unbound'],
  ])('with %s is refused without a call', async (_, binding, reason) => {
    const { client, sandbox, count } = await openRunning();
    const start = await client.authorizationUrl(REDIRECT);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    const query = { auth_code: authorizationCode, expires_in: '3600', state: start.binding };
    expect(await failureOf(client.handleCallback(query, binding))).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason });
    expect(count(QUERY_AUTH)).toBe(0);
  });

  it('with a repeated or missing code is refused as incomplete', async () => {
    const { client } = await openRunning();
    for (const query of [{ state: 'b' }, { state: 'b', auth_code: ['a', 'b'] }])
      expect(await failureOf(client.handleCallback(query, 'b'))).toMatchObject({ reason: 'incomplete' });
  });

  it('with a code that nobody knows, or that is too old, says: begin anew', async () => {
    const { client, sandbox, clock, tokens, platform } = await openRunning();
    expect(await failureOf(client.exchange('nothing'))).toMatchObject({ reason: 'code', platformCode: '61009' });
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    clock.advance(2 * HOUR);
    await tokens.get(platform.accessToken);
    const error = await failureOf(client.exchange(authorizationCode));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason: 'code', platformCode: '61010' });
    expect((error as Error).message).not.toContain(authorizationCode);
  }, 20_000);

  it('that grants nothing that comes with tokens stores nothing and says so', async () => {
    const { client, sandbox } = await openRunning();
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false, permissions: [] });
    expect(await client.exchange(authorizationCode)).toEqual({ appId: SHOP, granted: false, permissions: [] });
    const stored = [];
    for await (const each of client.authorizers()) stored.push(each);
    expect(stored).toEqual([]);
  });

  it('survives a dead component token: renewed once, and the code is exchanged', async () => {
    const { client, sandbox, count } = await openRunning();
    sandbox.openPlatform.killToken(APP_ID);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    expect(await client.exchange(authorizationCode)).toMatchObject({ appId: SHOP, granted: true });
    expect(sandbox.calls({ endpoint: QUERY_AUTH }).map(({ outcome }) => outcome)).toEqual(['40001', 'ok']);
    expect(count('/cgi-bin/component/api_component_token')).toBe(2);
  });
});

describe('a push of an authorization', () => {
  it('is answered once the tokens are stored', async () => {
    const { sandbox, tokens, platform, client, count } = await openRunning();
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'authorized', outcome: 'success', tries: 1 });
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    expect([count(QUERY_AUTH), count(AUTHORIZER_TOKEN)]).toEqual([1, 0]);
    expect((await tokens.get(platform.authorizer(SHOP).accessToken)).extra).toMatchObject({ kind: 'officialAccount' });
  });

  it.each(['redirect', 'push'] as const)(
    'and the redirect bring the same code: with the %s first, one exchange serves both',
    async (first) => {
      const { sandbox, client, count, url, replies } = await openRunning();
      const steer = sandbox.openPlatform;
      if (first === 'push') {
        const { authorizationCode } = steer.authorize(APP_ID, SHOP);
        await sandbox.pushes();
        expect(await client.exchange(authorizationCode)).toMatchObject({
          appId: SHOP,
          granted: true,
          name: 'The shop',
        });
      } else {
        sandbox.fault({ kind: 'delay', delayMs: 300, endpoint: QUERY_AUTH });
        const { authorizationCode } = steer.authorize(APP_ID, SHOP, { push: false });
        const exchanging = client.exchange(authorizationCode);
        await until(() => count(QUERY_AUTH) === 1);
        // The platform has done the exchange, and its answer is on the way: the push must wait for it, not fail.
        await pushAuthorized(sandbox, url, SHOP, authorizationCode);
        expect(await exchanging).toMatchObject({ appId: SHOP, granted: true });
      }
      expect(sandbox.calls({ endpoint: QUERY_AUTH, outcome: 'ok' })).toHaveLength(1);
      // Nobody had to look for what the other one had.
      expect(count(AUTHORIZER_TOKEN)).toBe(0);
      expect(replies.every(({ status }) => status === 200)).toBe(true);
      expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    },
  );

  it('and the redirect at one time end well, both', async () => {
    const { sandbox, client } = await openRunning();
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP);
    expect(await client.exchange(authorizationCode)).toMatchObject({ appId: SHOP, granted: true });
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
    expect(sandbox.calls({ endpoint: QUERY_AUTH, outcome: 'ok' })).toHaveLength(1);
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });

  it('is declined while the exchange cannot be done, and finds it done when it is sent again', async () => {
    const { sandbox, client, replies } = await openRunning();
    replies.length = 0;
    sandbox.fault({ kind: 'status', status: 503, endpoint: QUERY_AUTH });
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect(replies.map(({ status }) => status)).toEqual([500, 200]);
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
  });

  it('whose exchange’s answer is lost: the account comes back by what the platform says of it', async () => {
    const { sandbox, client, tokens, platform, count } = await openRunning();
    sandbox.fault({ kind: 'drop', endpoint: QUERY_AUTH });
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
    await tokens.get(platform.authorizer(SHOP).accessToken);
    expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
    expect(count(AUTHORIZER_TOKEN, SHOP)).toBe(1);
  }, 20_000);

  it('whose account is gone again before its code was exchanged is not asked for for ever', async () => {
    const { sandbox, url, replies, clock, tokens, platform } = await openRunning();
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    sandbox.openPlatform.cancel(APP_ID, SHOP, { push: false });
    clock.advance(MINUTE);
    await pushAuthorized(sandbox, url, SHOP, authorizationCode);
    expect(replies.at(-1)).toEqual({ status: 200, body: 'success' });
    expect(tokens.peek(platform.authorizer(SHOP).accessToken)).toBeUndefined();
  }, 20_000);

  it('that takes longer than the platform waits is declined and goes on; sent again, it is done', async () => {
    const world = await openRunning();
    const { sandbox, platform, tokens, replies } = world;
    replies.length = 0;
    const slow = 4_600;
    sandbox.fault({ kind: 'delay', delayMs: slow, endpoint: QUERY_AUTH });
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect(replies[0]).toMatchObject({ status: 500 });
    expect(sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success' });
    expect(sandbox.calls({ endpoint: QUERY_AUTH })).toHaveLength(1);
    expect(tokens.peek(platform.authorizer(SHOP).accessToken)).toBeDefined();
  }, 30_000);

  it('replaces both tokens of an account that authorizes anew, and the old pair’s end harms nobody', async () => {
    const world = await openRunning();
    const { sandbox, tokens, platform, clock } = world;
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    const first = await tokens.get(platform.authorizer(SHOP).accessToken);
    clock.advance(MINUTE);
    sandbox.openPlatform.authorize(APP_ID, SHOP, { permissions: [1, 2] });
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'updateauthorized', outcome: 'success' });
    const second = await tokens.get(platform.authorizer(SHOP).accessToken);
    expect(second.value).not.toBe(first.value);
    expect(second.extra).toMatchObject({ permissions: [1, 2], kind: 'officialAccount' });
    expect(await worksAfterRenewal(world)).toBe(true);
    expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' })).toEqual([]);
  });

  it('ends `reauthorize`', async () => {
    const { sandbox, tokens, platform, clock } = await openRunning();
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    sandbox.openPlatform.cancel(APP_ID, SHOP, { push: false });
    clock.advance(3 * HOUR);
    await failureOf(tokens.get(platform.authorizer(SHOP).accessToken));
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect((await tokens.get(platform.authorizer(SHOP).accessToken)).value).toMatch(/./);
  });
});

describe('an account that withdraws', () => {
  it('is gone with its tickets, stays so, and is back with its tickets when it authorizes again', async () => {
    const { sandbox, tokens, platform, client, clock, count } = await openRunning();
    const { accessToken, jsapiTicket, cardTicket } = platform.authorizer(SHOP);
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    await Promise.all([tokens.get(jsapiTicket), tokens.get(cardTicket)]);
    clock.advance(MINUTE);
    sandbox.openPlatform.cancel(APP_ID, SHOP);
    await sandbox.pushes();
    for (const source of [accessToken, jsapiTicket, cardTicket])
      expect(await failureOf(tokens.get(source))).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' });
    const before = sandbox.calls().length;
    clock.advance(2 * HOUR);
    await tokens.refreshDue();
    expect(
      sandbox
        .calls()
        .slice(before)
        .filter(({ subject }) => subject === SHOP),
    ).toEqual([]);
    const stored = async () => {
      const all = [];
      for await (const { appId, state } of client.authorizers()) all.push([appId, state]);
      return all;
    };
    expect(await stored()).toEqual([]);
    const tickets = count(GET_TICKET, SHOP);
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    expect(await stored()).toEqual([[SHOP, 'active']]);
    await until(() => tokens.peek(jsapiTicket) !== undefined && tokens.peek(cardTicket) !== undefined);
    expect(count(GET_TICKET, SHOP)).toBe(tickets + 2);
  });

  it('and authorized anew before the word of it came is kept', async () => {
    const world = await openRunning();
    const { sandbox, tokens, platform, clock } = world;
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    const withdrawnAt = seconds(sandbox);
    sandbox.openPlatform.cancel(APP_ID, SHOP, { push: false });
    clock.advance(MINUTE);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    await world.client.exchange(authorizationCode);
    // The platform's word of the withdrawal was held up, and comes twice.
    const late = { InfoType: 'unauthorized', CreateTime: withdrawnAt, AuthorizerAppid: SHOP };
    for (let turn = 0; turn < 2; turn++) await push(sandbox, world.url, late);
    expect(world.replies.at(-1)).toEqual({ status: 200, body: 'success' });
    expect((await tokens.get(platform.authorizer(SHOP).accessToken)).value).toMatch(/./);
    expect(await worksAfterRenewal(world)).toBe(true);
  });

  it('while its renewal is in flight stays gone', async () => {
    const { sandbox, tokens, platform, clock, count } = await openRunning();
    const { accessToken } = platform.authorizer(SHOP);
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    clock.advance(100 * MINUTE);
    await tokens.get(platform.accessToken);
    sandbox.fault({ kind: 'delay', delayMs: 500, endpoint: AUTHORIZER_TOKEN });
    const renewing = tokens.refresh(accessToken);
    await until(() => count(AUTHORIZER_TOKEN) === 1);
    sandbox.openPlatform.cancel(APP_ID, SHOP);
    await sandbox.pushes();
    await renewing;
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'unauthorized', outcome: 'success' });
    expect(await failureOf(tokens.get(accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      reason: 'gone',
    });
  });
});

describe('an account that withdraws while there is no component token', () => {
  it('is gone all the same', async () => {
    const { sandbox, tokens, platform, clock } = await openRunning();
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    sandbox.openPlatform.configure(APP_ID, { ticketsStopped: true });
    clock.advance(24 * HOUR);
    sandbox.fault({ kind: 'busy', endpoint: '/cgi-bin/component/api_component_token', count: 'always' });
    sandbox.openPlatform.cancel(APP_ID, SHOP);
    await sandbox.pushes();
    expect(sandbox.pushLog().at(-1)).toMatchObject({ event: 'unauthorized', outcome: 'success' });
    expect(await failureOf(tokens.get(platform.authorizer(SHOP).accessToken))).toMatchObject({ reason: 'gone' });
  });
});

describe('an account that withdraws while it is being restored', () => {
  it('stays gone', async () => {
    const world = await openRunning({ authorizers: [{ appId: SHOP, authorized: true }] });
    const { sandbox, tokens, platform, client, count } = world;
    sandbox.fault({ kind: 'delay', delayMs: 500, endpoint: AUTHORIZER_TOKEN });
    const syncing = client.syncAuthorizers();
    await until(() => count(AUTHORIZER_TOKEN) === 1);
    sandbox.openPlatform.cancel(APP_ID, SHOP);
    await Promise.all([syncing, sandbox.pushes()]);
    expect(await failureOf(tokens.get(platform.authorizer(SHOP).accessToken))).toMatchObject({ reason: 'gone' });
  });
});

describe('an authorization while a renewal of the old one is in flight', () => {
  it.each(['the renewal’s answer', 'the new tokens'] as const)(
    'ends with the new pair, where %s comes first',
    async (first) => {
      const world = await openRunning();
      const { sandbox, tokens, platform, client, clock, count } = world;
      const { accessToken } = platform.authorizer(SHOP);
      sandbox.openPlatform.authorize(APP_ID, SHOP);
      await sandbox.pushes();
      clock.advance(100 * MINUTE);
      await tokens.get(platform.accessToken);
      const late = first === 'the new tokens' ? AUTHORIZER_TOKEN : QUERY_AUTH;
      sandbox.fault({ kind: 'delay', delayMs: 600, endpoint: late });
      // The renewal is done with the old refresh token, then the account authorizes anew; the answers come in either order.
      const renewing = tokens.refresh(accessToken);
      await until(() => count(AUTHORIZER_TOKEN) === 1);
      const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
      const exchanging = client.exchange(authorizationCode);
      await Promise.all([renewing, exchanging]);
      expect((await exchanging).granted).toBe(true);
      await until(async () => (await tokens.get(accessToken)).extra?.['codeFingerprint'] !== undefined);
      expect(await client.authorizer(SHOP).get('/cgi-bin/user/get')).toMatchObject({ total: 2 });
      clock.advance(100 * MINUTE);
      const failed = sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' }).length;
      expect(await worksAfterRenewal(world)).toBe(true);
      // The refresh token that stands is the new one: had the old one won, the platform would have refused it.
      expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' })).toHaveLength(failed);
    },
  );

  it('ends with the token issued last, where the renewal finds the new refresh token before the exchange is answered', async () => {
    const { sandbox, tokens, platform, client, clock, count } = await openRunning();
    const { accessToken, jsapiTicket, cardTicket } = platform.authorizer(SHOP);
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    await Promise.all([tokens.get(jsapiTicket), tokens.get(cardTicket)]);
    clock.advance(MINUTE);
    const { authorizationCode } = sandbox.openPlatform.authorize(APP_ID, SHOP, { push: false });
    sandbox.fault({ kind: 'delay', delayMs: 600, endpoint: QUERY_AUTH });
    const exchanging = client.exchange(authorizationCode);
    await until(() => count(QUERY_AUTH) === 2);
    // The old token is dead, and its refresh token with it.
    await client.authorizer(SHOP).get('/cgi-bin/user/get');
    const { value } = await tokens.get(accessToken);
    expect(await exchanging).toMatchObject({ appId: SHOP, granted: true });
    const stored = await tokens.get(accessToken);
    expect(stored.value).toBe(value);
    expect(stored.extra?.['codeFingerprint']).toBeDefined();
    clock.advance(10 * MINUTE);
    await client.authorizer(SHOP).get('/cgi-bin/user/get');
    expect(sandbox.calls({ endpoint: '/cgi-bin/user/get' }).map(({ outcome }) => outcome)).toEqual([
      '40001',
      'ok',
      'ok',
    ]);
  });

  it('by push waits for the renewal, and then wins', async () => {
    const world = await openRunning();
    const { sandbox, tokens, platform, clock, count } = world;
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await sandbox.pushes();
    clock.advance(100 * MINUTE);
    await tokens.get(platform.accessToken);
    sandbox.fault({ kind: 'delay', delayMs: 600, endpoint: AUTHORIZER_TOKEN });
    const renewing = tokens.refresh(platform.authorizer(SHOP).accessToken);
    await until(() => count(AUTHORIZER_TOKEN) === 1);
    sandbox.openPlatform.authorize(APP_ID, SHOP);
    await Promise.all([sandbox.pushes(), renewing]);
    const failed = sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' }).length;
    clock.advance(2 * MINUTE);
    expect(await worksAfterRenewal(world)).toBe(true);
    expect(sandbox.calls({ endpoint: AUTHORIZER_TOKEN, outcome: '61023' })).toHaveLength(failed);
  });
});

describe('what else comes to the address', () => {
  it('of an unknown type is answered with success, and nothing happens', async () => {
    const { url, replies, sandbox } = await openRunning();
    const before = sandbox.calls().length;
    await push(sandbox, url, { InfoType: 'notify_third_fasteregister', CreateTime: seconds(sandbox) });
    expect(replies.at(-1)).toEqual({ status: 200, body: 'success' });
    expect(sandbox.calls().length).toBe(before);
  });

  it('for another component, or not signed for us, changes nothing', async () => {
    const { url, replies, sandbox, tokens, platform } = await openRunning();
    const { value } = await tokens.get(platform.verifyTicket);
    const ticket = {
      InfoType: 'component_verify_ticket',
      CreateTime: seconds(sandbox) + 5,
      ComponentVerifyTicket: 'forged',
    };
    await push(sandbox, url, { ...ticket, AppId: 'wxother' });
    await push(sandbox, url, { ...ticket, AppId: APP_ID }, { token: 'wrong' });
    await push(sandbox, url, { ...ticket, AppId: APP_ID }, { receiveId: 'wxother' });
    expect(replies.slice(-3).map(({ status }) => status)).toEqual([200, 403, 403]);
    expect((await tokens.get(platform.verifyTicket)).value).toBe(value);
  });

  it('as a message of an authorizer’s user is opened with the platform’s keys', async () => {
    const { client, sandbox } = await openRunning();
    const request = await pushRequest(sandbox, { MsgType: 'text', Content: 'hello', FromUserName: 'o1' });
    const opened = await client.openMessage(request);
    expect(opened).toMatchObject({ kind: 'message', message: { Content: 'hello' }, receiveId: APP_ID });
    if (opened.kind === 'message') expect(opened.reply({ Content: 'welcome' }).body).toContain('<Encrypt>');
  });
});
