import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore, type TokenError, TokenManager } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { accountContract } from '@evertoken/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { weCom } from '../../src/wecom.js';
import { failureOf } from '../support.js';
import { AGENT, CORP, MINUTE, OTHER, PROVIDER, SECRETS, times, World } from './world.js';

accountContract(
  { describe, it, expect },
  {
    name: 'weCom',
    create: () =>
      weCom({
        name: 'account',
        corpId: 'ww1',
        agents: { crm: { agentId: 1000002, secret: 'the-crm-secret' } },
        providerSecret: 'the-provider-secret',
      }),
    secrets: ['the-crm-secret', 'the-provider-secret'],
    unconfigured: () =>
      weCom({
        name: 'account',
        corpId: undefined,
        agents: { crm: { agentId: 1000002, secret: undefined } },
        providerSecret: 'the-provider-secret',
      }),
    subjects: (account) => {
      const corp = account as ReturnType<typeof weCom>;
      return [corp.jsapiTicket, corp.agent('crm').agentJsapiTicket];
    },
  },
);

describe('the options of weCom', () => {
  const base = { name: 'corp', corpId: 'ww1' };
  const long = 'x'.repeat(65);

  it.each([
    [{ ...base, corpId: undefined }, /^"corpId" must be a non-empty string, it is missing/],
    [{ ...base, corpId: 'w w' }, /^"corpId" must be 1 to 128 visible ASCII characters/],
    [{ ...base, agents: { crm: { secret: undefined } } }, /^"secret" of agent "crm" must be .*missing/],
    [{ ...base, agents: { crm: { secret: ' s' } } }, /^"secret" of agent "crm" must not begin or end with blanks/],
    [{ ...base, agents: { crm: { secret: 's', agentId: 0 } } }, /^"agentId" of agent "crm" must be the number/],
    [{ ...base, agents: { crm: { secret: 's', agentID: 1 } } }, /^"agentID" of agent "crm" is no option/],
    [
      { ...base, agents: { crm: { secret: 's', tickets: ['nonsense'] } } },
      /^"tickets" of agent "crm" must be true, false/,
    ],
    [{ ...base, agents: { crm: { secret: 's', push: { token: 't' } } } }, /^"push.encodingAESKey" of agent "crm" must/],
    [{ ...base, agents: { [long]: { secret: 's' } } }, /^"agents" must have names/],
    [{ ...base, agents: ['crm'] }, /^"agents" must be an object/],
    [
      { ...base, agents: { a: { secret: 's', agentId: 7 }, b: { secret: 't', agentId: '7' } } },
      /^"agentId" of agent "b" is that of agent "a"/,
    ],
    [{ ...base, providerSecret: '' }, /^"providerSecret" must be a non-empty string/],
    [{ ...base, baseUrl: 'qyapi' }, /^"baseUrl" must be an http or https URL/],
    [{ ...base, refresh: { kinds: ['suite_ticket'] } }, /^"refresh.kinds" may name/],
    [{ ...base, nonsense: 1 }, /^"nonsense" is no option/],
  ])('%j is refused by the manager, by name', (options, problem) => {
    const account = weCom(options as Parameters<typeof weCom>[0]);
    expect(account.problems()[0]).toMatch(problem);
    expect(() => new TokenManager({ accounts: [account] })).toThrow('account "corp"');
  });

  it('shows no secret in a problem', () => {
    const account = weCom({ ...base, agents: { crm: { secret: ' the-secret ' } }, providerSecret: ' the-secret ' });
    expect(account.problems()).toHaveLength(2);
    expect(account.problems().join()).not.toContain('the-secret');
  });
});

describe('a corp', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.open();
  });
  afterEach(() => world.close());

  it('calls each app with its own token, one call for each secret', async () => {
    const corp = world.corp();
    const client = corp.client(world.manager(corp));
    await Promise.all(
      times(10, async () => {
        expect(await client.agent('crm').get('/cgi-bin/agent/get', { agentid: AGENT })).toMatchObject({
          agentid: AGENT,
        });
        expect(await client.agent('hr').get('/cgi-bin/agent/get', { agentid: 1000003 })).toMatchObject({
          agentid: 1000003,
        });
        expect(await client.agent('contacts').get('/cgi-bin/user/get', { userid: 'li' })).toMatchObject({
          userid: 'li',
        });
      }),
    );
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(3);
  });

  it('takes a token of another agent for a mistake, and refreshes nothing', async () => {
    const corp = world.corp();
    const client = corp.client(world.manager(corp));
    const call = client.agent('crm').get('/cgi-bin/agent/get', { agentid: 1000003 });
    expect(await failureOf(call)).toMatchObject({ errcode: 301002, reason: 'refused', account: 'corp' });
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(1);
  });

  it('serves a token to its end, however often the platform repeats 7200, and asks anew then', async () => {
    const corp = world.corp();
    const manager = world.manager(corp);
    const { accessToken } = corp.agent('crm');
    const first = await manager.get(accessToken);
    await world.clock.advance(100 * MINUTE);
    expect(await manager.refresh(accessToken)).toMatchObject({ outcome: 'unchanged' });
    const same = await manager.get(accessToken);
    expect(same).toMatchObject({ value: first.value, expiresAt: first.expiresAt });
    await world.clock.advance(20 * MINUTE);
    const second = await manager.get(accessToken);
    expect(second.value).not.toBe(first.value);
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(3);
  });

  it('does not ask early: the platform would repeat itself', async () => {
    const corp = world.corp({ agents: { crm: { agentId: AGENT, secret: SECRETS.crm } } });
    const manager = world.manager(corp);
    await manager.refreshDue();
    await world.clock.advance(119 * MINUTE);
    expect((await manager.refreshDue()).results).toEqual([]);
    await world.clock.advance(1 * MINUTE);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 1 });
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
  });

  it('heals 100 calls of a killed token with one refresh, and no other agent’s', async () => {
    const corp = world.corp();
    const client = corp.client(world.manager(corp));
    await Promise.all(['crm', 'hr'].map((name) => client.agent(name).get('/cgi-bin/get_api_domain_ip')));
    world.sandbox.wecom.killToken(CORP, AGENT);
    const answers = await Promise.all(
      times(100, () => client.agent('crm').get('/cgi-bin/agent/get', { agentid: AGENT })),
    );
    expect(answers).toHaveLength(100);
    await client.agent('hr').get('/cgi-bin/get_api_domain_ip');
    expect(world.calls('/cgi-bin/gettoken', { subject: String(AGENT) })).toHaveLength(2);
    expect(world.calls('/cgi-bin/gettoken', { subject: '1000003' })).toHaveLength(1);
  });

  it('keeps two corps with one agent id apart', async () => {
    const corp = world.corp();
    const other = world.corp({
      name: 'other',
      corpId: OTHER,
      agents: { crm: { agentId: AGENT, secret: SECRETS.otherCrm } },
    });
    const manager = world.manager(corp);
    manager.add(other);
    const ours = await manager.get(corp.agent('crm').accessToken);
    const theirs = await manager.get(other.agent('crm').accessToken);
    expect(ours.value).not.toBe(theirs.value);
    expect(await other.client(manager).agent('crm').get('/cgi-bin/user/get', { userid: 'li' })).toMatchObject({
      name: `li of Corp ${OTHER}`,
    });
  });

  it('does not give one program the token of another that calls a different app by the same name', async () => {
    const store = memoryStore({ clock: world.clock });
    const [one, two] = [SECRETS.crm, SECRETS.contacts].map((secret) => world.corp({ agents: { app: { secret } } }));
    if (!one || !two) throw new Error('unreachable');
    const first = await world.manager(one, { store }).get(one.agent('app').accessToken);
    const second = await world.manager(two, { store }).get(two.agent('app').accessToken);
    expect(second.value).not.toBe(first.value);
  });

  it('finds an app again under another name', async () => {
    const store = memoryStore({ clock: world.clock });
    const corp = world.corp();
    const renamed = world.corp({ agents: { sales: { agentId: String(AGENT), secret: SECRETS.crm } } });
    const first = await world.manager(corp, { store }).get(corp.agent('crm').accessToken);
    const second = await world.manager(renamed, { store }).get(renamed.agent('sales').accessToken);
    expect(second.value).toBe(first.value);
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(1);
  });

  it('asks at once where a program starts with a secret that was reset', async () => {
    const store = memoryStore({ clock: world.clock });
    const before = world.corp();
    const first = await world.manager(before, { store }).get(before.agent('crm').accessToken);
    await world.clock.advance(5 * MINUTE);
    const secret = world.sandbox.wecom.resetSecret(CORP, { agentId: AGENT });
    const after = world.corp({ agents: { crm: { agentId: AGENT, secret } } });
    const second = await world.manager(after, { store }).get(after.agent('crm').accessToken);
    expect(second.value).not.toBe(first.value);
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
  });

  it('takes over a secret that is reset at run time, for handles that are about too', async () => {
    const corp = world.corp();
    const manager = world.manager(corp);
    const held = corp.agent('crm').client(manager);
    await held.get('/cgi-bin/agent/get', { agentid: AGENT });
    const secret = world.sandbox.wecom.resetSecret(CORP, { agentId: AGENT });
    corp.addAgent('crm', { agentId: AGENT, secret });
    await Promise.all(times(20, () => held.get('/cgi-bin/agent/get', { agentid: AGENT })));
    expect(world.calls('/cgi-bin/gettoken', { outcome: 'ok' })).toHaveLength(2);
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
  });

  it('keeps an agent fresh from when it is added, and no longer than until it is taken away', async () => {
    const corp = world.corp({ agents: {} });
    const manager = world.manager(corp);
    expect((await manager.refreshDue()).results).toEqual([]);
    const crm = corp.addAgent('crm', { agentId: AGENT, secret: SECRETS.crm });
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 1 });
    await world.clock.advance(121 * MINUTE);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 1 });
    expect(corp.agents()).toEqual([crm]);
    expect(corp.removeAgent('crm')).toBe(true);
    await world.clock.advance(121 * MINUTE);
    await manager.refreshDue();
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
    expect(() => corp.agent('crm')).toThrow(/account "corp" has no agent "crm"; it has none/);
    expect(corp.removeAgent('crm')).toBe(false);
  });

  it('refuses a wrong agent at once, and keeps the ones it has', () => {
    const corp = world.corp();
    expect(() => corp.addAgent('crm', { secret: '' })).toThrow(
      /^"secret" of agent "crm" must be .* \(account "corp"\)$/,
    );
    expect(() => corp.addAgent('copy', { agentId: AGENT, secret: 's' })).toThrow(
      /"agentId" of agent "copy" is that of/,
    );
    expect(corp.agents().map(({ name }) => name)).toEqual(['crm', 'hr', 'contacts']);
    expect(corp.problems()).toEqual([]);
  });

  it('asks for the corp’s ticket once, whichever agent wants it, and for each agent’s own', async () => {
    const corp = world.corp();
    const client = corp.client(world.manager(corp));
    const url = 'https://crm.example/page?a=1#top';
    const configs = await Promise.all(times(20, (i) => client.agent(i % 2 ? 'crm' : 'hr').jsSdkConfig(url)));
    expect(configs[0]).toMatchObject({ beta: true, appId: CORP, jsApiList: [], timestamp: world.clock.now() / 1000 });
    await Promise.all(times(20, (i) => client.agent(i % 2 ? 'crm' : 'hr').agentConfig(url)));
    expect(world.calls('/cgi-bin/get_jsapi_ticket')).toHaveLength(1);
    expect(world.calls('/cgi-bin/ticket/get')).toHaveLength(2);
    const options = { timestamp: 1414587457, nonceStr: 'n', jsApiList: ['scanQRCode'] };
    const one = await client.agent('crm').jsSdkConfig(url, options);
    const other = await client.agent('hr').jsSdkConfig(url.replace('#top', ''), options);
    expect(other).toEqual(one);
    const own = await client.agent('crm').agentConfig(url, options);
    expect(own).toMatchObject({ corpid: CORP, agentid: String(AGENT), jsApiList: ['scanQRCode'] });
    expect(own.signature).not.toBe((await client.agent('hr').agentConfig(url, options)).signature);
    expect(own.signature).not.toBe(one.signature);
  });

  it('names what is missing where a page wants an agent that has no number', async () => {
    const corp = world.corp();
    const client = corp.client(world.manager(corp));
    const error = await failureOf(client.agent('contacts').agentConfig('https://crm.example/'));
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringContaining('"agentId"') as string,
    });
  });

  it('has another ticket once somebody said that the browser refuses this one', async () => {
    const corp = world.corp();
    const manager = world.manager(corp);
    const ticket = await manager.get(corp.jsapiTicket);
    world.sandbox.wecom.killTickets(CORP);
    expect((await manager.reject(corp.jsapiTicket, ticket)).value).not.toBe(ticket.value);
  });

  it('gets a ticket although the token at hand is dead', async () => {
    const corp = world.corp();
    const manager = world.manager(corp);
    await manager.get(corp.agent('crm').accessToken);
    world.sandbox.wecom.killToken(CORP, AGENT);
    expect((await manager.get(corp.jsapiTicket)).value).not.toBe('');
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
  });

  it.each([
    [undefined, 0, 0],
    [false, 0, 0],
    [true, 1, 1],
    [['jsapi_ticket'], 1, 0],
    [['agent_jsapi_ticket'], 0, 1],
  ] as const)('keeps the tickets fresh that an agent lists: %j', async (tickets, corps, agents) => {
    const corp = world.corp({ agents: { crm: { agentId: AGENT, secret: SECRETS.crm, tickets } } });
    const manager = world.manager(corp);
    expect((await manager.refreshDue()).counts).toMatchObject({ renewed: 1 + corps + agents, failed: 0 });
    expect(world.calls('/cgi-bin/get_jsapi_ticket')).toHaveLength(corps);
    expect(world.calls('/cgi-bin/ticket/get')).toHaveLength(agents);
  });

  it('calls with a provider’s token', async () => {
    const provider = world.corp({ name: 'provider', corpId: PROVIDER, agents: {}, providerSecret: SECRETS.provider });
    const manager = world.manager(provider);
    const call = () =>
      provider.client(manager).provider().post('/cgi-bin/service/corpid_to_opencorpid', { corpid: CORP });
    expect(await call()).toMatchObject({ open_corpid: `open-${CORP}` });
    world.sandbox.wecom.killToken(PROVIDER, 'provider');
    expect(await call()).toMatchObject({ open_corpid: `open-${CORP}` });
    expect(world.calls('/cgi-bin/service/get_provider_token')).toHaveLength(2);
    expect((await manager.refreshDue()).counts).toMatchObject({ failed: 0 });
  });

  it('says what is missing where a corp is no provider, or has no agent', async () => {
    const corp = world.corp({ agents: {} });
    const manager = world.manager(corp);
    expect(await failureOf(manager.get(corp.provider.accessToken))).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringContaining('"providerSecret" is missing') as string,
    });
    expect(await failureOf(manager.get(corp.jsapiTicket))).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    expect(world.sandbox.calls()).toEqual([]);
  });

  it('tells a wrong secret, does not hammer, and shows it to nobody', async () => {
    const corp = world.corp({ agents: { crm: { agentId: AGENT, secret: 'a-wrong-secret' } } });
    const manager = world.manager(corp);
    for (const _ of times(5, () => 0)) {
      const error = (await failureOf(manager.get(corp.agent('crm').accessToken))) as TokenError;
      expect(error).toMatchObject({ code: 'ERR_TOKEN_REFUSED', platformCode: '40001', account: 'corp' });
      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('a-wrong-secret');
    }
    expect(world.calls('/cgi-bin/gettoken')).toHaveLength(1);
  });

  it('sends all its requests through its own fetch and dispatcher', async () => {
    const dispatcher = { dispatch: () => true };
    const seen: string[] = [];
    const corp = world.corp({
      dispatcher,
      fetch: (input, init) => {
        const { dispatcher: given, ...plain } = init as Omit<RequestInit, 'dispatcher'> & { dispatcher?: unknown };
        seen.push(`${new URL(String(input)).pathname} ${given === dispatcher}`);
        return fetch(input, plain);
      },
    });
    await corp.client(world.manager(corp)).agent('crm').jsSdkConfig('https://crm.example/');
    await corp.client(world.manager(corp)).agent('crm').get('/cgi-bin/agent/get', { agentid: AGENT });
    expect([...new Set(seen)]).toEqual([
      '/wecom/cgi-bin/gettoken true',
      '/wecom/cgi-bin/get_jsapi_ticket true',
      '/wecom/cgi-bin/agent/get true',
    ]);
  });

  it('opens no message without keys, and says which option is missing', async () => {
    const corp = world.corp();
    const request = { method: 'POST', query: {}, headers: {}, body: new Uint8Array() };
    for (const client of [corp.client(world.manager(corp)), corp.agent('crm').client(world.manager(corp))]) {
      expect(await failureOf(client.openMessage(request))).toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"push" of account "corp" is missing/) as string,
      });
    }
  });

  it('takes messages for its corp id, and for no other', async () => {
    const corp = world.corp({
      push: { token: 'sandboxWeComToken', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' },
    });
    const manager = world.manager(corp);
    const seen: string[] = [];
    const receiver = {
      ...corp,
      callback: () => async (request: Parameters<ReturnType<typeof corp.client>['openMessage']>[0]) => {
        const push = await corp.client(manager).openMessage(request);
        if (push.kind === 'message') seen.push(`${push.receiveId} ${String(push.message['Content'])}`);
        return push.kind === 'message' ? push.reply() : push.reply;
      },
    };
    world.sandbox.wecom.setCallback(CORP, { url: await world.listen(receiver, manager) });
    expect(await world.sandbox.wecom.verifyUrl(CORP)).toMatchObject({ outcome: 'verified' });
    expect(await world.sandbox.wecom.verifyUrl(CORP, { receiveId: OTHER })).toMatchObject({ status: 403 });
    world.sandbox.wecom.push(CORP, { MsgType: 'text', Content: 'hello' }, AGENT);
    await world.sandbox.pushes();
    expect(seen).toEqual([`${CORP} hello`]);
  });
});

describe('four processes on one file store', () => {
  it('ask once for each token and ticket, and again once for the one that died', async () => {
    const world = await World.open({ machine: true });
    const directory = await mkdtemp(join(tmpdir(), 'wecom-'));
    try {
      const processes = times(4, () => {
        const corp = world.corp();
        return corp.client(world.manager(corp, { store: fileStore({ directory }) }));
      });
      const callAll = () =>
        Promise.all(
          processes.flatMap((client) => [
            ...times(5, () => client.agent('crm').get('/cgi-bin/agent/get', { agentid: AGENT })),
            ...times(5, () => client.agent('hr').get('/cgi-bin/agent/get', { agentid: 1000003 })),
            client.agent('crm').jsSdkConfig('https://crm.example/'),
          ]),
        );
      await callAll();
      expect(world.calls('/cgi-bin/gettoken')).toHaveLength(2);
      expect(world.calls('/cgi-bin/get_jsapi_ticket')).toHaveLength(1);
      world.sandbox.wecom.killToken(CORP, AGENT);
      await callAll();
      expect(world.calls('/cgi-bin/gettoken', { subject: String(AGENT) })).toHaveLength(2);
      expect(world.calls('/cgi-bin/gettoken', { subject: '1000003' })).toHaveLength(1);
    } finally {
      await world.close();
      await rm(directory, { recursive: true });
    }
  });
});
