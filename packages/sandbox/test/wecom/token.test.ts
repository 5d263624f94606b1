import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND, START, startSandbox } from '../support.js';
import { AGENT, CORP, get, getToken, post, SUITE, startWeCom, tokenOf, use, WECOM } from './support.js';

const CONTACTS = { corpsecret: WECOM.agents[1]?.secret };

describe('/cgi-bin/gettoken', () => {
  it('hands out one token until two hours after its first issue, and says 7200 seconds each time', async () => {
    const sandbox = await startSandbox();
    const first = await getToken(sandbox);
    expect(first).toMatchObject({ errcode: 0, errmsg: 'ok', expires_in: 7200 });
    sandbox.advance(2 * HOUR - SECOND);
    expect(await getToken(sandbox)).toEqual(first);
    expect(await use(sandbox, first.access_token)).toBe(0);
    sandbox.advance(SECOND);
    expect(await use(sandbox, first.access_token)).toBe(42001);
    expect(await tokenOf(sandbox)).not.toBe(first.access_token);
    expect(await use(sandbox, first.access_token)).toBe(42001);
  });

  it('says what is left where it is told to', async () => {
    const sandbox = await startWeCom({ repeatExpiresIn: 'remaining' });
    await getToken(sandbox);
    sandbox.advance(HOUR);
    expect((await getToken(sandbox)).expires_in).toBe(3600);
  });

  it('gives every secret of every company a token of its own', async () => {
    const other = { corpId: 'ww2', agents: [{ agentId: AGENT, secret: 'secret of the other' }] };
    const sandbox = await startSandbox({ wecom: [WECOM, other] });
    const tokens = [
      await tokenOf(sandbox),
      await tokenOf(sandbox, CONTACTS),
      await tokenOf(sandbox, { corpid: 'ww2', corpsecret: 'secret of the other' }),
    ];
    expect(new Set(tokens).size).toBe(3);
  });

  it.each([
    [{ corpid: undefined }, 41002],
    [{ corpsecret: undefined }, 41004],
    [{ corpid: 'nobody' }, 40013],
    [{ corpsecret: 'wrong' }, 40001],
    [{ corpsecret: WECOM.providerSecret }, 40091],
    [{ corpsecret: SUITE.secret }, 40091],
  ])('refuses %o with %i', async (fields, code) => {
    const sandbox = await startSandbox();
    expect((await getToken(sandbox, fields)).errcode).toBe(code);
  });

  it('refuses the secret of another company with 40091', async () => {
    const sandbox = await startWeCom({}, {}, { corpId: 'ww2', agents: [{ agentId: 1, secret: 'the other' }] });
    expect((await getToken(sandbox, { corpsecret: 'the other' })).errcode).toBe(40091);
  });

  it('blocks for an hour after 2000 failures in one', async () => {
    const sandbox = await startWeCom({ failedTokenQuota: 3 });
    for (const _ of [1, 2]) expect((await getToken(sandbox, { corpsecret: 'wrong' })).errcode).toBe(40001);
    expect((await getToken(sandbox)).errcode).toBe(0);
    expect((await getToken(sandbox, { corpsecret: 'wrong' })).errcode).toBe(40001);
    expect((await getToken(sandbox)).errcode).toBe(45009);
    expect((await getToken(sandbox, { corpsecret: 'wrong' })).errcode).toBe(45009);
    sandbox.advance(HOUR - SECOND);
    expect((await getToken(sandbox)).errcode).toBe(45009);
    sandbox.advance(SECOND);
    expect((await getToken(sandbox)).errcode).toBe(0);
  });
});

describe('a token', () => {
  it('works only for the agent whose secret brought it', async () => {
    const sandbox = await startSandbox();
    const [crm, contacts] = [await tokenOf(sandbox), await tokenOf(sandbox, CONTACTS)];
    const agent = (token: string) => get(sandbox, '/cgi-bin/agent/get', { access_token: token, agentid: `${AGENT}` });
    expect(await agent(crm)).toMatchObject({ errcode: 0, agentid: AGENT });
    expect((await agent(contacts)).errcode).toBe(301002);
    const send = (token: string) =>
      post(sandbox, '/cgi-bin/message/send', { agentid: AGENT, msgtype: 'text' }, { access_token: token });
    expect((await send(crm)).errcode).toBe(0);
    expect((await send(contacts)).errcode).toBe(301002);
    expect((await get(sandbox, '/cgi-bin/agent/get', { access_token: crm })).errcode).toBe(40056);
  });

  it('is refused when it is missing or a stranger', async () => {
    const sandbox = await startSandbox();
    expect((await get(sandbox, '/cgi-bin/user/get')).errcode).toBe(41001);
    expect(await use(sandbox, 'x'.repeat(214))).toBe(40014);
  });

  it('can die before its end; the next call brings another, or the dead one again', async () => {
    const sandbox = await startSandbox();
    const first = await tokenOf(sandbox);
    sandbox.wecom.killToken(CORP, AGENT);
    expect(await use(sandbox, first)).toBe(40014);
    const second = await tokenOf(sandbox);
    expect(second).not.toBe(first);
    expect([await use(sandbox, second), await use(sandbox, first)]).toEqual([0, 40014]);
    sandbox.wecom.configure(CORP, { killedCode: 42001 });
    sandbox.wecom.killToken(CORP, AGENT, { keepReturningSame: true });
    expect(await tokenOf(sandbox)).toBe(second);
    expect(await use(sandbox, second)).toBe(42001);
    sandbox.advance(2 * HOUR);
    expect(await use(sandbox, await tokenOf(sandbox))).toBe(0);
  });

  it('leaves the other agents alone when it dies', async () => {
    const sandbox = await startSandbox();
    const contacts = await tokenOf(sandbox, CONTACTS);
    await tokenOf(sandbox);
    sandbox.wecom.killToken(CORP, AGENT);
    expect(await use(sandbox, contacts)).toBe(0);
    sandbox.wecom.killToken(CORP);
    expect(await use(sandbox, contacts)).toBe(40014);
  });
});

describe('agents at run time', () => {
  it('are added and removed', async () => {
    const sandbox = await startSandbox();
    sandbox.wecom.addAgent(CORP, { agentId: 7, secret: 'secret of 7', name: 'Seven' });
    const token = await tokenOf(sandbox, { corpsecret: 'secret of 7' });
    const answer = await get(sandbox, '/cgi-bin/agent/get', { access_token: token, agentid: '7' });
    expect(answer).toMatchObject({ errcode: 0, name: 'Seven' });
    sandbox.wecom.removeAgent(CORP, 7);
    expect(await use(sandbox, token)).toBe(40014);
    expect((await getToken(sandbox, { corpsecret: 'secret of 7' })).errcode).toBe(40001);
    expect(() => sandbox.wecom.addAgent(CORP, { agentId: AGENT, secret: 'another' })).toThrow('"agentId"');
    expect(() => sandbox.wecom.addAgent(CORP, { agentId: 8, secret: WECOM.agents[0]?.secret ?? '' })).toThrow(
      '"secret"',
    );
    expect(() => sandbox.wecom.removeAgent(CORP, 8)).toThrow('"agentId"');
  });

  it('get another secret; what the old one brought is dead', async () => {
    const sandbox = await startSandbox();
    const before = await tokenOf(sandbox);
    const secret = sandbox.wecom.resetSecret(CORP, { agentId: AGENT });
    expect(await use(sandbox, before)).toBe(40014);
    expect((await getToken(sandbox)).errcode).toBe(40001);
    expect(await use(sandbox, await tokenOf(sandbox, { corpsecret: secret }))).toBe(0);
    const same = { agentId: AGENT, secret: SUITE.secret };
    expect(() => sandbox.wecom.resetSecret(CORP, same)).toThrow('"secret"');
  });

  it('are disabled and enabled', async () => {
    const sandbox = await startSandbox();
    const token = await tokenOf(sandbox);
    sandbox.wecom.disableAgent(CORP, AGENT);
    expect([await use(sandbox, token), (await getToken(sandbox)).errcode]).toEqual([50003, 50003]);
    sandbox.wecom.disableAgent(CORP, AGENT, false);
    expect(await use(sandbox, token)).toBe(0);
  });
});

describe('tickets', () => {
  const jsapi = (sandbox: Awaited<ReturnType<typeof startSandbox>>, token: string) =>
    get(sandbox, '/cgi-bin/get_jsapi_ticket', { access_token: token });
  const agentConfig = (sandbox: Awaited<ReturnType<typeof startSandbox>>, token: string, type = 'agent_config') =>
    get(sandbox, '/cgi-bin/ticket/get', { access_token: token, type });

  it('are one for the company and one for each agent, the same until their end', async () => {
    const sandbox = await startWeCom({ agents: [...WECOM.agents, { agentId: 3, secret: 'secret of 3' }] });
    const [two, three] = [await tokenOf(sandbox), await tokenOf(sandbox, { corpsecret: 'secret of 3' })];
    const first = await jsapi(sandbox, two);
    expect(first).toMatchObject({ errcode: 0, expires_in: 7200 });
    expect((await jsapi(sandbox, three)).ticket).toBe(first.ticket);
    const own = await agentConfig(sandbox, two);
    expect(own.ticket).not.toBe(first.ticket);
    expect((await agentConfig(sandbox, three)).ticket).not.toBe(own.ticket);
    sandbox.advance(HOUR);
    expect(await agentConfig(sandbox, two)).toEqual(own);
    sandbox.advance(HOUR);
    const later = await tokenOf(sandbox);
    expect((await agentConfig(sandbox, later)).ticket).not.toBe(own.ticket);
    expect((await jsapi(sandbox, later)).ticket).not.toBe(first.ticket);
  });

  it('survive a new token, and change when they are killed', async () => {
    const sandbox = await startSandbox();
    const { ticket } = await jsapi(sandbox, await tokenOf(sandbox));
    sandbox.wecom.killToken(CORP);
    expect((await jsapi(sandbox, await tokenOf(sandbox))).ticket).toBe(ticket);
    sandbox.wecom.killTickets(CORP);
    expect((await jsapi(sandbox, await tokenOf(sandbox))).ticket).not.toBe(ticket);
  });

  it('can be one per agent, and can say what is left', async () => {
    const sandbox = await startWeCom({ jsapiTicketPer: 'agent', ticketExpiresIn: 'remaining' });
    const [crm, contacts] = [await tokenOf(sandbox), await tokenOf(sandbox, CONTACTS)];
    expect((await jsapi(sandbox, crm)).ticket).not.toBe((await jsapi(sandbox, contacts)).ticket);
    sandbox.advance(HOUR);
    expect((await jsapi(sandbox, crm)).expires_in).toBe(3600);
  });

  it('of an agent are not for a secret that belongs to none, nor of another type', async () => {
    const sandbox = await startSandbox();
    expect((await agentConfig(sandbox, await tokenOf(sandbox, CONTACTS))).errcode).toBe(301002);
    expect((await agentConfig(sandbox, await tokenOf(sandbox), 'jsapi')).errcode).toBe(40097);
    expect((await agentConfig(sandbox, 'nobody')).errcode).toBe(40014);
  });

  it('are 100 an hour for an agent and 400 for a company', async () => {
    const sandbox = await startWeCom({ ticketAgentQuota: 2, ticketCorpQuota: 3 });
    const [crm, contacts] = [await tokenOf(sandbox), await tokenOf(sandbox, CONTACTS)];
    const codes: number[] = [];
    for (const token of [crm, crm, crm, contacts, contacts]) codes.push((await jsapi(sandbox, token)).errcode);
    expect(codes).toEqual([0, 0, 45009, 0, 45009]);
    expect((await agentConfig(sandbox, crm)).errcode).toBe(0);
    // The next hour of the clock begins after 30 minutes, the block ends after 60.
    sandbox.advance(31 * MINUTE);
    expect([(await jsapi(sandbox, crm)).errcode, (await jsapi(sandbox, contacts)).errcode]).toEqual([45009, 45009]);
    sandbox.advance(29 * MINUTE);
    expect((await jsapi(sandbox, crm)).errcode).toBe(0);
  });
});

describe('the provider', () => {
  const provider = (sandbox: Awaited<ReturnType<typeof startSandbox>>, fields: Record<string, unknown> = {}) =>
    post(sandbox, '/cgi-bin/service/get_provider_token', {
      corpid: CORP,
      provider_secret: WECOM.providerSecret,
      ...fields,
    });
  const openId = (sandbox: Awaited<ReturnType<typeof startSandbox>>, token: string, name = 'provider_access_token') =>
    post(sandbox, '/cgi-bin/service/corpid_to_opencorpid', { corpid: 'ww1' }, { [name]: token });

  it('gets a token for its own endpoints', async () => {
    const sandbox = await startSandbox();
    const first = await provider(sandbox);
    expect(first).toMatchObject({ errcode: 0, expires_in: 7200 });
    expect(await provider(sandbox)).toEqual(first);
    const token = first.provider_access_token;
    expect((await openId(sandbox, token)).errcode).toBe(0);
    expect((await openId(sandbox, token, 'access_token')).errcode).toBe(0);
    expect(await use(sandbox, token)).toBe(40014);
    expect((await openId(sandbox, await tokenOf(sandbox))).errcode).toBe(40082);
    sandbox.wecom.killToken(CORP, 'provider');
    expect((await openId(sandbox, token)).errcode).toBe(40082);
  });

  it('gets another one with each call where it is told to', async () => {
    const sandbox = await startWeCom({ providerToken: 'new' });
    const [first, second] = [await provider(sandbox), await provider(sandbox)];
    expect((await openId(sandbox, first.provider_access_token)).errcode).toBe(40082);
    expect((await openId(sandbox, second.provider_access_token)).errcode).toBe(0);
  });

  it.each([
    [{ corpid: undefined }, 41002],
    [{ corpid: 'nobody' }, 40013],
    [{ provider_secret: 'wrong' }, 40001],
    [{ provider_secret: SUITE.secret }, 40091],
  ])('is refused %o with %i', async (fields, code) => {
    expect((await provider(await startSandbox(), fields)).errcode).toBe(code);
  });
});

describe('limits', () => {
  it.each([
    ['minute', { minuteCallQuota: 2 }, MINUTE],
    ['hour', { hourCallQuota: 2 }, HOUR],
    // 09:30 in China: the natural day has 14.5 hours left.
    ['day', { dailyCallQuota: 2 }, 14.5 * HOUR],
  ] as const)('block a path after too many calls in a %s, for that long', async (_period, quota, blockMs) => {
    const sandbox = await startWeCom(quota);
    const codes: number[] = [];
    for (const _ of [1, 2, 3]) codes.push((await getToken(sandbox)).errcode);
    expect(codes).toEqual([0, 0, 45009]);
    sandbox.advance(blockMs - SECOND);
    expect((await getToken(sandbox)).errcode).toBe(45009);
    sandbox.advance(SECOND);
    expect((await getToken(sandbox)).errcode).toBe(0);
  });

  it('can be used up by hand, path by path', async () => {
    const sandbox = await startSandbox();
    const token = await tokenOf(sandbox);
    sandbox.wecom.exhaustQuota(CORP, '/cgi-bin/user/get', 'month');
    expect(await use(sandbox, token)).toBe(45009);
    expect((await getToken(sandbox)).errcode).toBe(0);
    sandbox.advance(29 * DAY);
    expect(await use(sandbox, await tokenOf(sandbox))).toBe(45009);
    sandbox.advance(DAY);
    expect(await use(sandbox, await tokenOf(sandbox))).toBe(0);
  });

  it('hold for calls at the same time', async () => {
    const sandbox = await startWeCom({ concurrency: 2, answerMs: 3000 });
    const underWay = [getToken(sandbox), getToken(sandbox)];
    await expect.poll(() => sandbox.calls()).toHaveLength(2);
    sandbox.wecom.configure(CORP, { answerMs: 0 });
    expect((await getToken(sandbox)).errcode).toBe(45033);
    expect((await Promise.all(underWay)).map(({ errcode }) => errcode)).toEqual([0, 0]);
    expect((await getToken(sandbox)).errcode).toBe(0);
  });

  it('are told by the state', async () => {
    const sandbox = await startSandbox();
    await getToken(sandbox);
    sandbox.wecom.exhaustQuota(CORP, '/cgi-bin/user/get');
    expect(sandbox.state().wecom.corps[0]).toMatchObject({
      callsThisHour: { '/cgi-bin/gettoken': 1 },
      blockedUntil: { '/cgi-bin/user/get': START + HOUR },
    });
  });
});

describe('addresses', () => {
  it('that are not on the list get 60020', async () => {
    const sandbox = await startWeCom({ ipAllowList: ['203.0.113.1'] });
    const { errcode, errmsg } = await getToken(sandbox);
    expect(errcode).toBe(60020);
    expect(errmsg).toContain('from ip: 127.0.0.1');
    sandbox.wecom.configure(CORP, { ipAllowList: ['127.0.0.1'] });
    expect((await getToken(sandbox)).errcode).toBe(0);
  });

  it('can be blocked and let in again', async () => {
    const sandbox = await startSandbox();
    const token = await tokenOf(sandbox);
    sandbox.wecom.blockIp(CORP, '127.0.0.1');
    expect(await use(sandbox, token)).toBe(60020);
    expect(sandbox.state().wecom.corps[0]?.blockedAddresses).toEqual(['127.0.0.1']);
    sandbox.wecom.blockIp(CORP, '127.0.0.1', false);
    expect(await use(sandbox, token)).toBe(0);
  });
});

describe('answers', () => {
  it('tell a hint, the address and a link with an error, unless they are told not to', async () => {
    const sandbox = await startSandbox();
    const hinted = /^invalid credential, hint: \[\d+_\d+_[0-9a-f]{32}\], from ip: 127\.0\.0\.1, more info at https:/;
    expect((await getToken(sandbox, { corpsecret: 'wrong' })).errmsg).toMatch(hinted);
    sandbox.wecom.configure(CORP, { hint: false });
    expect((await getToken(sandbox, { corpsecret: 'wrong' })).errmsg).toBe('invalid credential');
  });

  it('lack fields and the right content type where they are told to', async () => {
    const sandbox = await startWeCom({ omit: ['errcode', 'expires_in'], textPlain: true });
    const response = await fetch(
      `${sandbox.urls.wecom}/cgi-bin/gettoken?corpid=${CORP}&corpsecret=${WECOM.agents[0]?.secret}`,
    );
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(Object.keys((await response.json()) as object)).toEqual(['errmsg', 'access_token']);
  });

  it('to an unknown path are 40066, and 0 to any other POST with a token', async () => {
    const sandbox = await startSandbox();
    const token = { access_token: await tokenOf(sandbox) };
    expect((await get(sandbox, '/cgi-bin/nothing', token)).errcode).toBe(40066);
    expect((await post(sandbox, '/cgi-bin/externalcontact/list', {}, token)).errcode).toBe(0);
    expect((await post(sandbox, '/cgi-bin/externalcontact/list', {})).errcode).toBe(41001);
    expect((await get(sandbox, '/cgi-bin/message/send', token)).errcode).toBe(43002);
    expect((await get(sandbox, '/cgi-bin/department/list', token)).errcode).toBe(0);
    expect((await get(sandbox, '/cgi-bin/get_api_domain_ip', token)).errcode).toBe(0);
  });
});

it('tells calls by company and agent, and never a secret or a token', async () => {
  const sandbox = await startSandbox();
  const token = await tokenOf(sandbox);
  await use(sandbox, token);
  expect(sandbox.calls({ platform: 'wecom', account: CORP, subject: `${AGENT}` })).toMatchObject([
    { endpoint: '/cgi-bin/gettoken', outcome: 'ok' },
    { endpoint: '/cgi-bin/user/get', outcome: 'ok' },
  ]);
  sandbox.fault({ kind: 'busy', platform: 'wecom', subject: `${AGENT}` });
  expect(await use(sandbox, token)).toBe(-1);
  const told = JSON.stringify([sandbox.calls(), sandbox.state()]);
  for (const secret of [token, ...WECOM.agents.map((agent) => agent.secret)]) expect(told).not.toContain(secret);
});
