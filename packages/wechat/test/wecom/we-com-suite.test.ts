import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { accountContract } from '@evertoken/core/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aesKeyOf, buildPushXml, encryptMessage, messageSignature } from '../../src/push.js';
import { type WeComSuiteEvent, weComSuite } from '../../src/wecom.js';
import { everythingOf, failureOf } from '../support.js';
import { BUILT, CORP, eventually, MINUTE, OTHER, PROVIDER, PUSH, SECRETS, SUITE, times, World } from './world.js';

const SUITE_TOKEN = '/cgi-bin/service/get_suite_token';
const CORP_TOKEN = '/cgi-bin/service/get_corp_token';
const EXCHANGE = '/cgi-bin/service/v2/get_permanent_code';

accountContract(
  { describe, it, expect },
  {
    name: 'weComSuite',
    create: () =>
      weComSuite({ name: 'account', suiteId: 'ww1', secret: 'the-suite-secret', push: PUSH, corpId: 'wwprovider' }),
    secrets: ['the-suite-secret', PUSH.encodingAESKey, PUSH.token],
    unconfigured: () => weComSuite({ name: 'account', suiteId: undefined, secret: undefined, push: undefined }),
    subjects: (account) => {
      const { permanentCode, accessToken, jsapiTicket, agentJsapiTicket } = (
        account as ReturnType<typeof weComSuite>
      ).corp('wwcorp');
      return [permanentCode, accessToken, jsapiTicket, agentJsapiTicket];
    },
  },
);

describe('the options of weComSuite', () => {
  const base = { name: 'suite', suiteId: 'ww1', secret: 's', push: PUSH };

  it.each([
    [{ ...base, suiteId: undefined }, /^"suiteId" must be a non-empty string, it is missing/],
    [{ ...base, secret: '' }, /^"secret" must be a non-empty string, it is empty/],
    [{ ...base, secret: 's ' }, /^"secret" must not begin or end with blanks/],
    [{ ...base, push: undefined }, /^"push" must be an object with "token"/],
    [{ ...base, push: { ...PUSH, encodingAESKey: 'short' } }, /^"push.encodingAESKey" must be the 43 characters/],
    [{ ...base, corpId: 'w w' }, /^"corpId" must be 1 to 128/],
    [{ ...base, providerBuilt: 'yes' }, /^"providerBuilt" must be true or false/],
    [{ ...base, tickets: ['jsapi_ticket'] }, /^"tickets" must be true, false, or a list of "corp_jsapi_ticket"/],
    [{ ...base, onEvent: 1 }, /^"onEvent" must be a function, got number/],
    [{ ...base, pageUrl: 'open' }, /^"pageUrl" must be an http or https URL/],
    [{ ...base, refresh: { kinds: ['access_token'] } }, /^"refresh.kinds" may name/],
    [{ ...base, nonsense: 1 }, /^"nonsense" is no option/],
  ])('%j is refused by the manager, by name', (options, problem) => {
    const account = weComSuite(options as Parameters<typeof weComSuite>[0]);
    expect(account.problems()[0]).toMatch(problem);
    expect(() => new TokenManager({ accounts: [account], allowVolatileGrants: true })).toThrow('account "suite"');
  });

  it('wants a durable store: ticket and codes are not to be had by asking', () => {
    expect(() => new TokenManager({ accounts: [weComSuite(base)] })).toThrow(/"grantStore" must be a durable store/);
  });
});

describe('a suite', () => {
  let world: World;
  const calls = (endpoint: string) => world.calls(endpoint).length;

  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(() => world.close());

  it('waits for its ticket, and has its token as soon as that comes', async () => {
    const { account, manager } = await world.suiteAtWork();
    const error = await failureOf(manager.get(account.accessToken));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_WAITING', retryable: true });
    await world.ticket();
    await eventually(
      () => calls(SUITE_TOKEN),
      (count) => count === 1,
    );
    expect((await manager.get(account.accessToken)).value).not.toBe('');
    await world.ticket();
    await world.ticket();
    await manager.get(account.accessToken);
    expect(calls(SUITE_TOKEN)).toBe(1);
  });

  it('starts cold with the ticket arriving late: everything fresh without a restart, nothing asked twice', async () => {
    const store = memoryStore({ clock: world.clock });
    const { account, manager } = await world.suiteAtWork({ tickets: true }, { store });
    await world.ticket();
    await world.install(CORP);
    await world.install(OTHER);
    for (const id of [CORP, OTHER]) await allOf(manager, account.corp(id));
    // Hours later: whatever could be asked for is dead, the codes are not, and the ticket is late.
    await world.clock.advance(300 * MINUTE);
    const before = world.sandbox.calls().length;
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 0 });
    expect(world.sandbox.calls().length).toBe(before);
    await world.ticket();
    await eventually(
      () => manager.peek(account.accessToken),
      (token) => token !== undefined,
    );
    await world.clock.advance(2 * MINUTE);
    await manager.refreshDue();
    await manager.refreshDue();
    for (const id of [CORP, OTHER]) {
      expect(manager.peek(account.corp(id).accessToken)).toBeDefined();
      expect(manager.peek(account.corp(id).jsapiTicket)).toBeDefined();
      expect(manager.peek(account.corp(id).agentJsapiTicket)).toBeDefined();
    }
    expect(calls(SUITE_TOKEN)).toBe(2);
    expect(calls(CORP_TOKEN)).toBe(4);
  });

  it('takes the latest ticket for the newest, in whatever order they come', async () => {
    const { account, manager } = await world.suiteAtWork();
    const url = await world.listen(account, manager);
    // This one is under way for a while.
    world.sandbox.wecom.setCallback(SUITE, { url: null });
    await world.ticket();
    const late = world.sandbox.wecom.currentTicket(SUITE)?.ticket;
    world.sandbox.wecom.setCallback(SUITE, { url });
    await world.clock.advance(10 * MINUTE);
    await world.ticket();
    await manager.get(account.accessToken);
    const newest = world.sandbox.wecom.currentTicket(SUITE)?.ticket;
    expect(newest).not.toBe(late);
    world.sandbox.wecom.pushTicket(SUITE, { older: true });
    await world.sandbox.pushes();
    expect(world.sandbox.pushLog().map(({ event, outcome }) => `${event} ${outcome}`)).toEqual(
      times(2, () => 'suite_ticket success'),
    );
    expect((await manager.get(account.ticket)).value).toBe(newest);
    world.sandbox.wecom.pushTicket(SUITE, { duplicate: true });
    await world.sandbox.pushes();
    expect((await manager.get(account.ticket)).value).toBe(newest);
  });

  it('goes on after a restart with the ticket it had, for 30 minutes', async () => {
    const store = memoryStore({ clock: world.clock });
    const first = await world.suiteAtWork({}, { store });
    await world.ticket();
    await first.manager.get(first.account.accessToken);
    await first.manager.forget(first.account.accessToken);
    await world.clock.advance(29 * MINUTE);
    const again = world.suite();
    const restarted = world.manager(again, { store });
    expect((await restarted.get(again.accessToken)).value).not.toBe('');
    await restarted.forget(again.accessToken);
    await world.clock.advance(1 * MINUTE);
    expect(await failureOf(restarted.get(again.accessToken))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
  });

  it('asks once more with the ticket that another process has stored, where its own is refused', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wecom-'));
    world.onClose(() => rm(directory, { recursive: true }));
    const store = () => fileStore({ directory, clock: world.clock });
    const account = world.suite();
    const manager = world.manager(account, { store: store() });
    const ticket = (value: string, order: number) =>
      [account.ticket, { value, lifetimeMs: 30 * MINUTE }, { order }] as const;
    await manager.adopt(...ticket('a-dead-ticket', 1));
    await manager.get(account.ticket);
    world.sandbox.wecom.pushTicket(SUITE);
    const newest = world.sandbox.wecom.currentTicket(SUITE)?.ticket ?? '';
    const other = world.suite();
    await world.manager(other, { store: store() }).adopt(...ticket(newest, 2));
    expect((await manager.get(account.accessToken)).value).not.toBe('');
    expect(world.calls(SUITE_TOKEN).map(({ outcome }) => outcome)).toEqual(['40085', 'ok']);
  });

  it('waits for a push where its only ticket is refused, without asking in a loop', async () => {
    const { account, manager } = await world.suiteAtWork();
    await manager.adopt(account.ticket, { value: 'a-dead-ticket', lifetimeMs: 30 * MINUTE }, { order: 1 });
    for (const _ of times(5, () => 0)) {
      const error = await failureOf(manager.get(account.accessToken));
      expect(error).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
      expect(everythingOf(error)).not.toContain('a-dead-ticket');
    }
    expect(calls(SUITE_TOKEN)).toBe(1);
    await world.ticket();
    await eventually(
      () => calls(SUITE_TOKEN),
      (count) => count === 2,
    );
    expect((await manager.get(account.accessToken)).value).not.toBe('');
    expect(calls(SUITE_TOKEN)).toBe(2);
  });

  it('stores a permanent code before the push is answered, and calls the corp with it', async () => {
    const events: WeComSuiteEvent[] = [];
    const { account, manager, client } = await world.suiteAtWork({ onEvent: (event) => events.push(event) });
    await world.ticket();
    const { agentId } = await world.install();
    expect(world.sandbox.pushLog().map(({ event, outcome }) => `${event} ${outcome}`)).toEqual([
      'suite_ticket success',
      'create_auth success',
    ]);
    expect(events).toMatchObject([
      {
        infoType: 'create_auth',
        corpId: CORP,
        installation: { corpId: CORP, corpName: `Corp ${CORP}`, agentId: String(agentId) },
      },
    ]);
    expect(await client.corp(CORP).get('/cgi-bin/agent/get', { agentid: agentId })).toMatchObject({ agentid: agentId });
    expect(await collected(client.corps())).toMatchObject([{ corpId: CORP, agentId: String(agentId) }]);
    await manager.get(account.corp(CORP).accessToken);
    expect(calls(CORP_TOKEN)).toBe(1);
    expect(calls(EXCHANGE)).toBe(1);
    const code = (await manager.get(account.corp(CORP).permanentCode)).value;
    expect(JSON.stringify([events, await collected(manager.inspect())])).not.toContain(code);
  });

  it('can be refreshed as a whole: nothing that is fresh is reported as missing, no code is lost', async () => {
    const { account, manager } = await world.suiteAtWork({ tickets: true });
    await world.ticket();
    await world.install();
    await allOf(manager, account.corp(CORP));
    const code = await manager.get(account.corp(CORP).permanentCode);
    const { counts, results } = await manager.refreshAll({ accounts: ['suite'] });
    expect(counts).toMatchObject({ failed: 0, waiting: 0, reauthorize: 0 });
    expect(results.map(({ kind }) => kind).sort()).toEqual(account.kinds.map(({ kind }) => kind).sort());
    expect(await manager.get(account.corp(CORP).permanentCode)).toMatchObject({ value: code.value, extra: code.extra });
  });

  it('signs pages of a corp with that corp’s tickets', async () => {
    const { client } = await world.suiteAtWork();
    await world.ticket();
    const { agentId } = await world.install();
    const corp = client.corp(CORP);
    expect(await corp.jsSdkConfig('https://app.example/')).toMatchObject({ beta: true, appId: CORP });
    expect(await corp.agentConfig('https://app.example/')).toMatchObject({ corpid: CORP, agentid: String(agentId) });
    expect(calls('/cgi-bin/get_jsapi_ticket')).toBe(1);
    expect(calls('/cgi-bin/ticket/get')).toBe(1);
  });

  it('installs by a person’s browser, once for redirect and push together', async () => {
    const { account, client } = await world.suiteAtWork();
    await world.ticket();
    const { url, binding } = await client.installUrl({ redirectUri: 'https://app.example/installed?from=shop' });
    expect(new URL(url).searchParams.get('suite_id')).toBe(SUITE);
    const page = await fetch(`${url}&corpid=${CORP}`, { redirect: 'manual' });
    const query = Object.fromEntries(new URL(page.headers.get('location') ?? '').searchParams);
    const results = await Promise.all(times(5, () => client.handleCallback(query, binding)));
    await world.sandbox.pushes();
    expect(results.map(({ corpId }) => corpId)).toEqual(times(5, () => CORP));
    // The browser's five joined; the push may have come before them or after.
    expect(calls(EXCHANGE)).toBeLessThanOrEqual(2);
    // Whoever comes later finds what the first one stored.
    expect(await client.exchange(query['auth_code'] ?? '')).toMatchObject({ corpId: CORP });
    expect(world.calls(EXCHANGE, { outcome: 'ok' })).toHaveLength(1);
    expect(account.corp(CORP).corpId).toBe(CORP);
  });

  it('tells nobody which corp a code was for that was used long ago', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    const { authCode } = await world.install();
    expect(await client.exchange(authCode)).toMatchObject({ corpId: CORP });
    await manager.get(account.corp(CORP).accessToken);
    await world.clock.advance(16 * MINUTE);
    expect(await failureOf(client.exchange(authCode))).toMatchObject({ errcode: 40078 });
    expect((await manager.get(account.corp(CORP).permanentCode)).value).not.toBe('');
  });

  it.each([
    ['another session’s state', { auth_code: 'c', state: 's2' }, 's1', 'unbound'],
    ['no state', { auth_code: 'c' }, 's1', 'unbound'],
    ['two states', { auth_code: 'c', state: ['s1', 's1'] }, 's1', 'unbound'],
    ['no session', { auth_code: 'c', state: 's1' }, undefined, 'unbound'],
    ['an empty state on both sides', { auth_code: 'c', state: '' }, '', 'unbound'],
    ['no code', { state: 's1' }, 's1', 'incomplete'],
  ])('completes no installation with %s', async (_, query, binding, reason) => {
    const { client } = await world.suiteAtWork();
    const error = await failureOf(client.handleCallback(query, binding));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', reason });
    expect(calls(EXCHANGE)).toBe(0);
  });

  it('answers a push for a code that nobody can use any more, and says so', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    // Somebody has used the code, and died with what it brought.
    const install = world.sandbox.wecom.install(SUITE, { corpId: CORP }, { push: false });
    const { value: token } = await manager.get(account.accessToken);
    await fetch(`${account.baseUrl}${EXCHANGE}?suite_access_token=${token}`, {
      method: 'POST',
      body: JSON.stringify({ auth_code: install.authCode }),
    });
    const failing = failureOf(client.exchange(install.authCode));
    let over = false;
    failing.finally(() => {
      over = true;
    });
    // Waits for whoever may be storing it, by the account's clock.
    await eventually(
      () => world.clock.advance(100),
      () => over,
    );
    expect(await failing).toMatchObject({ errcode: 40078, reason: 'reauthorize' });
    const pushed = { InfoType: 'create_auth', SuiteId: SUITE, AuthCode: install.authCode };
    expect(await reply(pushed)).toMatchObject({ status: 200, body: 'success' });
    expect(warned).toHaveBeenCalledWith(expect.stringContaining('an auth code was used already'), {
      type: 'WeComSuite',
    });
    warned.mockRestore();

    /** What the command address answers to a push of ours. */
    async function reply(message: Record<string, string>) {
      const seconds = String(Math.floor(world.clock.now() / 1000));
      const encrypt = encryptMessage(
        { message: buildPushXml({ ...message, TimeStamp: seconds }), receiveId: SUITE },
        aesKeyOf(PUSH.encodingAESKey),
      );
      const msg_signature = messageSignature({ token: PUSH.token, timestamp: seconds, nonce: '1' }, encrypt);
      const answering = account.callback?.(manager)({
        method: 'POST',
        query: { timestamp: seconds, nonce: '1', msg_signature },
        headers: {},
        body: Buffer.from(`<xml><Encrypt>${encrypt}</Encrypt></xml>`),
      });
      let answered = false;
      answering?.finally(() => {
        answered = true;
      });
      await eventually(
        () => world.clock.advance(100),
        () => answered,
      );
      return answering;
    }
  });

  it('leaves a push unanswered that it could not finish, says so, and does it when it is sent again', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { account, manager } = await world.suiteAtWork();
    await world.ticket();
    await manager.get(account.accessToken);
    world.sandbox.fault({ platform: 'wecom', kind: 'status', status: 503, endpoint: EXCHANGE });
    await world.install();
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ event: 'create_auth', outcome: 'success', tries: 2 });
    expect(warned).toHaveBeenCalledWith(
      expect.stringMatching(/^account "suite": a push \(create_auth\) was not dealt/),
      {
        type: 'WeComSuite',
      },
    );
    warned.mockRestore();
    expect((await manager.get(account.corp(CORP).permanentCode)).value).not.toBe('');
  });

  it('sends an event again whose receiver failed', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    let tries = 0;
    const { client } = await world.suiteAtWork({
      onEvent: () => {
        tries++;
        if (tries < 3) throw new Error('the application is starting');
      },
    });
    await world.ticket();
    await world.install();
    expect(tries).toBe(3);
    warned.mockRestore();
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'success', tries: 3 });
    expect(await collected(client.corps())).toHaveLength(1);
    expect(world.calls(EXCHANGE, { outcome: 'ok' })).toHaveLength(1);
  });

  it('forgets everything of a corp that takes the app out, and of no other', async () => {
    const { account, manager, client } = await world.suiteAtWork({ tickets: true });
    await world.ticket();
    await world.install(CORP);
    await world.install(OTHER);
    for (const id of [CORP, OTHER]) await allOf(manager, account.corp(id));
    world.sandbox.wecom.uninstall(SUITE, CORP);
    await world.sandbox.pushes();
    const corp = account.corp(CORP);
    const before = world.sandbox.calls().length;
    for (const source of [corp.permanentCode, corp.accessToken, corp.jsapiTicket]) {
      expect(await failureOf(manager.get(source))).toMatchObject({
        code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
        account: 'suite',
        subject: CORP,
      });
    }
    expect(world.sandbox.calls().length).toBe(before);
    expect(manager.peek(account.corp(OTHER).accessToken)).toBeDefined();
    expect(await collected(client.corps())).toMatchObject([{ corpId: OTHER }]);
  });

  it('lets a corp leave within the second it came in', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    await world.clock.advance(900);
    const { authCode } = world.sandbox.wecom.install(SUITE, { corpId: CORP }, { push: false });
    await client.exchange(authCode);
    world.sandbox.wecom.uninstall(SUITE, CORP);
    await world.sandbox.pushes();
    expect(await failureOf(manager.get(account.corp(CORP).permanentCode))).toMatchObject({ reason: 'gone' });
  });

  it.each(['with a token at hand', 'with none'])(
    'stays without a corp that leaves while its token is being asked for, %s',
    async (which) => {
      const { account, manager } = await world.suiteAtWork();
      await world.ticket();
      await world.install();
      const { accessToken, permanentCode } = account.corp(CORP);
      await manager.get(accessToken);
      if (which === 'with none') {
        // As on a store that was emptied of what can be had again.
        const code = await manager.get(permanentCode);
        await manager.forget(permanentCode, { grant: true });
        await manager.adopt(permanentCode, { value: code.value }, { grant: true });
      }
      await manager.forget(accessToken);
      world.sandbox.fault({ platform: 'wecom', kind: 'delay', endpoint: CORP_TOKEN, delayMs: 400 });
      const asking = manager.get(accessToken).catch((error: unknown) => error);
      await eventually(
        () => calls(CORP_TOKEN),
        (count) => count === 2,
      );
      world.sandbox.wecom.uninstall(SUITE, CORP);
      await world.sandbox.pushes();
      await asking;
      const error = await eventually(
        () => manager.get(accessToken).catch((reason: unknown) => reason),
        (got) => got instanceof Error,
      );
      expect(error).toMatchObject({ code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' });
    },
  );

  it('lets the new code win where a corp installs the app again, and ignores the old farewell that comes late', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    await world.install();
    const { permanentCode, accessToken } = account.corp(CORP);
    const first = await manager.get(permanentCode);
    await client.corp(CORP).get('/cgi-bin/get_api_domain_ip');
    await world.clock.advance(60 * MINUTE);
    world.sandbox.wecom.uninstall(SUITE, CORP, { push: false });
    await world.clock.advance(1 * MINUTE);
    await world.ticket();
    const { agentId } = await world.install();
    const second = await manager.get(permanentCode);
    expect(second.value).not.toBe(first.value);
    for (const infoType of ['cancel_auth', 'create_auth', 'create_auth'] as const) {
      world.sandbox.wecom.repeatEvent(SUITE, { infoType, corpId: CORP });
    }
    await world.sandbox.pushes();
    expect(world.sandbox.pushLog().slice(-3)).toMatchObject([
      { event: 'cancel_auth', outcome: 'success', tries: 1 },
      { event: 'create_auth', outcome: 'success', tries: 1 },
      { event: 'create_auth', outcome: 'success', tries: 1 },
    ]);
    // By its order alone, too: whoever looked a moment ago may have seen the old code.
    await manager.revoke(permanentCode, { order: world.clock.now() - MINUTE });
    expect((await manager.get(permanentCode)).value).toBe(second.value);
    expect(await client.corp(CORP).get('/cgi-bin/agent/get', { agentid: agentId })).toMatchObject({ agentid: agentId });
    expect((await manager.get(accessToken)).value).not.toBe('');
  });

  it('asks the platform where a farewell and a new installation are of the same second', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    await world.install();
    world.sandbox.wecom.uninstall(SUITE, CORP, { push: false });
    const { agentId } = await world.install();
    const { value } = await manager.get(account.corp(CORP).permanentCode);
    world.sandbox.wecom.repeatEvent(SUITE, { infoType: 'cancel_auth', corpId: CORP });
    await world.sandbox.pushes();
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ event: 'cancel_auth', outcome: 'success', tries: 1 });
    expect((await manager.get(account.corp(CORP).permanentCode)).value).toBe(value);
    expect(await client.corp(CORP).get('/cgi-bin/agent/get', { agentid: agentId })).toMatchObject({ agentid: agentId });
  });

  it('is told of a cancelled authorization by the platform where the push was lost, and heals by a new installation', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    await world.ticket();
    await world.install();
    const corp = client.corp(CORP);
    await corp.get('/cgi-bin/get_api_domain_ip');
    world.sandbox.wecom.uninstall(SUITE, CORP, { push: false });
    const before = calls(CORP_TOKEN);
    for (const _ of times(10, () => 0)) {
      expect(await failureOf(corp.get('/cgi-bin/get_api_domain_ip'))).toMatchObject({
        code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
        platformCode: '48004',
      });
    }
    // For the dead token, to judge the code, and once more by who finds no token; then nobody asks.
    expect(calls(CORP_TOKEN) - before).toBe(3);
    expect(await collected(manager.inspect({ states: ['reauthorize'] }))).toMatchObject([{ subject: CORP }]);
    await world.install();
    expect(await corp.get('/cgi-bin/get_api_domain_ip')).toMatchObject({ errcode: 0 });
    expect((await manager.get(account.corp(CORP).accessToken)).value).not.toBe('');
  });

  it('asks for a corp’s token anew after it changed what the app may do', async () => {
    const { account, manager } = await world.suiteAtWork();
    await world.ticket();
    await world.install();
    await manager.get(account.corp(CORP).accessToken);
    const before = calls(CORP_TOKEN);
    world.sandbox.wecom.changeAuth(SUITE, CORP);
    await world.sandbox.pushes();
    await eventually(
      () => manager.peek(account.corp(CORP).accessToken),
      (token) => token !== undefined,
    );
    expect(manager.peek(account.corp(CORP).accessToken)).toBeDefined();
    expect(calls(CORP_TOKEN)).toBe(before + 1);
  });

  it.each([40082, 42009] as const)(
    'renews the suite’s token alone where the platform killed it (%i)',
    async (killedCode) => {
      world.sandbox.wecom.configure(SUITE, { killedCode });
      const { account, manager, client } = await world.suiteAtWork();
      await world.ticket();
      for (const id of [CORP, OTHER]) {
        await world.install(id);
        await client.corp(id).get('/cgi-bin/get_api_domain_ip');
      }
      const before = { suite: calls(SUITE_TOKEN), corp: calls(CORP_TOKEN) };
      world.sandbox.wecom.killToken(SUITE);
      await Promise.all(times(50, () => client.preAuthCode()));
      expect(calls(SUITE_TOKEN) - before.suite).toBe(1);
      world.sandbox.wecom.killToken(SUITE);
      await world.clock.advance(31 * MINUTE);
      await world.ticket();
      await manager.forget(account.corp(OTHER).accessToken);
      await manager.get(account.corp(OTHER).accessToken);
      await client.corp(CORP).get('/cgi-bin/get_api_domain_ip');
      expect(calls(SUITE_TOKEN) - before.suite).toBe(2);
      // The first with the dead suite token, the second with the new one; the other corp's is as it was.
      expect(world.calls(CORP_TOKEN).slice(before.corp)).toMatchObject([
        { outcome: String(killedCode) },
        { outcome: 'ok' },
      ]);
    },
  );

  it('renews one corp’s token alone where that one is dead, once for 100 calls', async () => {
    const { client } = await world.suiteAtWork();
    await world.ticket();
    for (const id of [CORP, OTHER]) {
      await world.install(id);
      await client.corp(id).get('/cgi-bin/get_api_domain_ip');
    }
    const before = { suite: calls(SUITE_TOKEN), corp: calls(CORP_TOKEN) };
    world.sandbox.wecom.killToken(SUITE, CORP);
    await Promise.all(times(100, (i) => client.corp(i % 2 ? CORP : OTHER).get('/cgi-bin/get_api_domain_ip')));
    expect(calls(SUITE_TOKEN)).toBe(before.suite);
    expect(calls(CORP_TOKEN) - before.corp).toBe(1);
  });

  it('takes a provider-built app’s code for the secret it is, and needs no suite token for a corp', async () => {
    const { account, manager, client } = await world.suiteAtWork({
      suiteId: BUILT,
      secret: SECRETS.built,
      providerBuilt: true,
    });
    await world.ticket(BUILT);
    const { agentId } = await world.install(CORP, BUILT);
    expect(await client.corp(CORP).get('/cgi-bin/agent/get', { agentid: agentId })).toMatchObject({ agentid: agentId });
    expect(calls(CORP_TOKEN)).toBe(0);
    await manager.forget(account.accessToken);
    await world.clock.advance(121 * MINUTE);
    expect((await manager.get(account.corp(CORP).accessToken)).value).not.toBe('');
    await world.ticket(BUILT);
    world.sandbox.wecom.resetPermanentCode(BUILT, CORP);
    await world.sandbox.pushes();
    expect(await client.corp(CORP).get('/cgi-bin/agent/get', { agentid: agentId })).toMatchObject({ agentid: agentId });
    world.sandbox.wecom.resetPermanentCode(BUILT, CORP, { push: false });
    await world.clock.advance(121 * MINUTE);
    expect(await failureOf(manager.get(account.corp(CORP).accessToken))).toMatchObject({
      code: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
      platformCode: '40001',
    });
  });

  it('verifies both its addresses, for the provider’s corp or the suite, and for nobody else', async () => {
    const { account, manager, client } = await world.suiteAtWork();
    const data = {
      ...account,
      callback: () => async (request: Parameters<typeof client.openMessage>[0]) => {
        const push = await client.openMessage(request);
        if (push.kind === 'message') seen.push(`${push.receiveId} ${String(push.message['Content'])}`);
        return push.kind === 'message' ? push.reply() : push.reply;
      },
    };
    const seen: string[] = [];
    world.sandbox.wecom.setCallback(SUITE, { dataUrl: await world.listen(data, manager) });
    for (const onData of [false, true]) {
      for (const receiveId of [PROVIDER, SUITE]) {
        const verified = await world.sandbox.wecom.verifyUrl(SUITE, { receiveId, data: onData });
        expect(verified).toMatchObject({ outcome: 'verified' });
      }
      expect(await world.sandbox.wecom.verifyUrl(SUITE, { receiveId: OTHER, data: onData })).toMatchObject({
        status: 403,
      });
    }
    await world.ticket();
    await world.install();
    world.sandbox.wecom.push(SUITE, { MsgType: 'text', Content: 'hello' }, CORP);
    await world.sandbox.pushes();
    expect(seen).toEqual([`${CORP} hello`]);
  });

  it('takes pushes of one suite for another’s by mistake in the console: refused, and nothing is stored', async () => {
    const { account, manager } = await world.suiteAtWork();
    world.sandbox.wecom.setCallback(BUILT, { url: await world.listen(account, manager) });
    await world.ticket(BUILT);
    expect(world.sandbox.pushLog().at(-1)).toMatchObject({ outcome: 'status', status: 403 });
    expect(await failureOf(manager.get(account.ticket))).toMatchObject({ code: 'ERR_TOKEN_WAITING' });
  });
});

describe('four processes on one file store', () => {
  it('ask once for each token, and again once when it is dead', async () => {
    const world = await World.open({ machine: true });
    const directory = await mkdtemp(join(tmpdir(), 'wecom-'));
    try {
      const store = () => fileStore({ directory });
      const first = await world.suiteAtWork({}, { store: store() });
      await world.ticket();
      await world.install();
      const others = times(3, () => {
        const account = world.suite();
        return { account, client: account.client(world.manager(account, { store: store() })) };
      });
      const clients = [first.client, ...others.map(({ client }) => client)];
      const callAll = () =>
        Promise.all(clients.flatMap((client) => times(5, () => client.corp(CORP).get('/cgi-bin/get_api_domain_ip'))));
      await callAll();
      expect(world.calls(SUITE_TOKEN)).toHaveLength(1);
      expect(world.calls(CORP_TOKEN)).toHaveLength(1);
      world.sandbox.wecom.killToken(SUITE, CORP);
      await callAll();
      expect(world.calls(SUITE_TOKEN)).toHaveLength(1);
      expect(world.calls(CORP_TOKEN)).toHaveLength(2);
    } finally {
      await world.close();
      await rm(directory, { recursive: true });
    }
  });
});

/** Waits until nothing of a corp is under way any more. */
async function allOf(manager: TokenManager, corp: ReturnType<ReturnType<typeof weComSuite>['corp']>): Promise<void> {
  for (const source of [corp.accessToken, corp.jsapiTicket, corp.agentJsapiTicket]) await manager.get(source);
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
