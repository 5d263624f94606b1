import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, startSandbox } from '../support.js';
import {
  CORP,
  CUSTOMER,
  corpToken,
  get,
  getToken,
  installed,
  openSuite,
  post,
  SUITE,
  startWeCom,
  suiteCall,
  suiteToken,
  use,
} from './support.js';

const PRE_AUTH = '/cgi-bin/service/get_pre_auth_code';
const preAuth = (sandbox: Awaited<ReturnType<typeof startSandbox>>, token: string) =>
  get(sandbox, PRE_AUTH, { suite_access_token: token });

describe('get_suite_token', () => {
  it('brings the same token for two hours, with newer tickets too, and no errcode', async () => {
    const sandbox = await startSandbox();
    sandbox.wecom.pushTicket(SUITE.suiteId);
    const first = await suiteToken(sandbox);
    expect(first).toEqual({ suite_access_token: expect.any(String), expires_in: 7200 });
    sandbox.advance(HOUR);
    sandbox.wecom.pushTicket(SUITE.suiteId);
    expect(await suiteToken(sandbox)).toEqual(first);
    sandbox.advance(HOUR);
    expect((await preAuth(sandbox, first.suite_access_token)).errcode).toBe(42009);
    sandbox.wecom.pushTicket(SUITE.suiteId);
    expect((await suiteToken(sandbox)).suite_access_token).not.toBe(first.suite_access_token);
  });

  it('sends errcode 0 where it is told to', async () => {
    const sandbox = await startWeCom({}, { bareSuccess: false });
    sandbox.wecom.pushTicket(SUITE.suiteId);
    expect(await suiteToken(sandbox)).toMatchObject({ errcode: 0, errmsg: 'ok' });
  });

  it('takes any ticket of the last half hour', async () => {
    const sandbox = await startSandbox();
    const { ticket: first } = sandbox.wecom.pushTicket(SUITE.suiteId);
    sandbox.advance(10 * MINUTE);
    const { ticket: second } = sandbox.wecom.pushTicket(SUITE.suiteId);
    expect(first).toHaveLength(512);
    expect((await suiteToken(sandbox, { suite_ticket: first })).suite_access_token).toBeTypeOf('string');
    sandbox.advance(20 * MINUTE - SECOND);
    expect((await suiteToken(sandbox, { suite_ticket: first })).errcode).toBeUndefined();
    sandbox.advance(SECOND);
    expect((await suiteToken(sandbox, { suite_ticket: first })).errcode).toBe(40085);
    expect((await suiteToken(sandbox, { suite_ticket: second })).errcode).toBeUndefined();
  });

  it.each([
    [{ suite_id: undefined }, 41021],
    [{ suite_secret: undefined }, 41024],
    [{ suite_ticket: undefined }, 41023],
    [{ suite_id: 'nobody' }, 40083],
    [{ suite_secret: 'wrong' }, 40080],
    [{ suite_ticket: 'wrong' }, 40085],
  ])('refuses %o with %i', async (fields, code) => {
    const sandbox = await startSandbox();
    sandbox.wecom.pushTicket(SUITE.suiteId);
    expect((await suiteToken(sandbox, fields)).errcode).toBe(code);
  });

  it('knows its addresses and its secret of the day', async () => {
    const sandbox = await startWeCom({}, { ipAllowList: ['203.0.113.1'] });
    sandbox.wecom.pushTicket(SUITE.suiteId);
    expect((await suiteToken(sandbox)).errcode).toBe(60020);
    sandbox.wecom.configure(SUITE.suiteId, { ipAllowList: [] });
    const secret = sandbox.wecom.resetSecret(SUITE.suiteId, { secret: 'the next' });
    expect((await suiteToken(sandbox)).errcode).toBe(40080);
    expect((await suiteToken(sandbox, { suite_secret: secret })).errcode).toBeUndefined();
    sandbox.wecom.blockIp(SUITE.suiteId, '127.0.0.1');
    expect((await suiteToken(sandbox, { suite_secret: secret })).errcode).toBe(60020);
  });

  it('answers no JSON with 47001 and GET with 43002', async () => {
    const { urls } = await startSandbox();
    const url = `${urls.wecom}/cgi-bin/service/get_suite_token`;
    expect(await (await fetch(url, { method: 'POST', body: '{' })).json()).toMatchObject({ errcode: 47001 });
    expect(await (await fetch(url)).json()).toMatchObject({ errcode: 43002 });
  });
});

describe('a suite token', () => {
  it('is refused when it is missing, a stranger, or was killed', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    expect((await get(sandbox, PRE_AUTH)).errcode).toBe(41022);
    expect((await preAuth(sandbox, 'nobody')).errcode).toBe(40082);
    expect((await preAuth(sandbox, (await getToken(sandbox)).access_token)).errcode).toBe(40082);
    expect((await preAuth(sandbox, token)).errcode).toBe(0);
    expect(await use(sandbox, token)).toBe(40014);
    sandbox.wecom.killToken(SUITE.suiteId);
    expect((await preAuth(sandbox, token)).errcode).toBe(40082);
    const next = await openSuite(sandbox);
    sandbox.wecom.configure(SUITE.suiteId, { killedCode: 42009 });
    sandbox.wecom.killToken(SUITE.suiteId);
    expect((await preAuth(sandbox, next)).errcode).toBe(42009);
  });

  it('opens any other POST of the suite', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    expect((await suiteCall(sandbox, token, 'getuserdetail3rd', {})).errcode).toBe(0);
    expect((await suiteCall(sandbox, 'nobody', 'getuserdetail3rd', {})).errcode).toBe(40082);
  });
});

describe('a pre-auth code', () => {
  it('works for as long as it says', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const { pre_auth_code: code, expires_in: seconds } = await preAuth(sandbox, token);
    expect(seconds).toBe(1200);
    const session = { pre_auth_code: code, session_info: { auth_type: 1 } };
    expect((await suiteCall(sandbox, token, 'set_session_info', session)).errcode).toBe(0);
    sandbox.advance(1200 * SECOND);
    expect((await suiteCall(sandbox, token, 'set_session_info', session)).errcode).toBe(42007);
  });
});

describe('an auth code', () => {
  it('is exchanged once, for a permanent code of up to 512 bytes and no token', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const { authCode, agentId } = sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER, name: 'A customer' });
    expect(authCode).toHaveLength(512);
    const answer = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect(answer).toMatchObject({ errcode: 0, auth_corp_info: { corpid: CUSTOMER, corp_name: 'A customer' } });
    expect(answer.auth_info.agent[0]?.agentid).toBe(agentId);
    expect(answer.permanent_code).toHaveLength(512);
    expect(answer).not.toHaveProperty('access_token');
    const again = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect(again.errcode).toBe(40078);
  });

  it('brings a token with it from the older endpoint', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const { authCode } = sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER });
    const answer = await suiteCall(sandbox, token, 'get_permanent_code', { auth_code: authCode });
    expect(await use(sandbox, answer.access_token)).toBe(0);
    const corp = await corpToken(sandbox, token, answer.permanent_code);
    expect(corp.access_token).toBe(answer.access_token);
  });

  it('ends after its time, and with its installation', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const { authCode: late } = sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER });
    sandbox.advance(600 * SECOND);
    expect((await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: late })).errcode).toBe(40078);
    const { authCode } = sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER });
    sandbox.wecom.uninstall(SUITE.suiteId, CUSTOMER);
    expect((await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode })).errcode).toBe(40078);
    expect((await suiteCall(sandbox, token, 'v2/get_permanent_code', {})).errcode).toBe(40063);
  });

  it('is of the length that is asked for', async () => {
    const sandbox = await startWeCom({}, { authCodeBytes: 64, permanentCodeBytes: 43, ticketBytes: 64 });
    const token = await openSuite(sandbox);
    expect(sandbox.wecom.currentTicket(SUITE.suiteId)?.ticket).toHaveLength(64);
    expect(sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER }).authCode).toHaveLength(64);
    expect(await installed(sandbox, token)).toHaveLength(43);
  });
});

describe('get_corp_token', () => {
  it('brings the same token until its end, and no errcode', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const first = await corpToken(sandbox, token, code);
    expect(first).toEqual({ access_token: expect.any(String), expires_in: 7200 });
    expect(await corpToken(sandbox, token, code)).toEqual(first);
    expect(await use(sandbox, first.access_token)).toBe(0);
    sandbox.advance(2 * HOUR);
    expect(await use(sandbox, first.access_token)).toBe(42001);
  });

  it.each([
    [{ auth_corpid: undefined }, 40063],
    [{ permanent_code: undefined }, 41025],
    [{ permanent_code: 'wrong' }, 40084],
    [{ auth_corpid: CORP }, 48004],
  ])('refuses %o with %i', async (fields, code) => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const permanent = await installed(sandbox, token);
    const body = { auth_corpid: CUSTOMER, permanent_code: permanent, ...fields };
    expect((await suiteCall(sandbox, token, 'get_corp_token', body)).errcode).toBe(code);
  });

  it('is of one company: killing its token leaves the others alone', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const [one, two] = [await installed(sandbox, token, 'ww1'), await installed(sandbox, token, 'ww2')];
    const ones = (await corpToken(sandbox, token, one, 'ww1')).access_token;
    const twos = (await corpToken(sandbox, token, two, 'ww2')).access_token;
    sandbox.wecom.killToken(SUITE.suiteId, 'ww1');
    expect([await use(sandbox, ones), await use(sandbox, twos)]).toEqual([40014, 0]);
    expect((await preAuth(sandbox, token)).errcode).toBe(0);
  });

  it('works for tickets, and for the app in that company only', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const { access_token: corp } = await corpToken(sandbox, token, code);
    expect((await get(sandbox, '/cgi-bin/get_jsapi_ticket', { access_token: corp })).errcode).toBe(0);
    const ticket = { access_token: corp, type: 'agent_config' };
    expect((await get(sandbox, '/cgi-bin/ticket/get', ticket)).errcode).toBe(0);
    const agentId = sandbox.state().wecom.suites[0]?.installations[0]?.agentId;
    const agent = (agentid: string) => get(sandbox, '/cgi-bin/agent/get', { access_token: corp, agentid });
    expect((await agent(`${agentId}`)).errcode).toBe(0);
    expect((await agent('1')).errcode).toBe(301002);
  });

  it('counts against the company, and shows what it is about in the log', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const { access_token: corp } = await corpToken(sandbox, token, code);
    await use(sandbox, corp);
    expect(sandbox.calls({ account: SUITE.suiteId, subject: CUSTOMER })).toMatchObject([
      { endpoint: '/cgi-bin/service/get_corp_token' },
      { endpoint: '/cgi-bin/user/get' },
    ]);
    sandbox.wecom.exhaustQuota(CUSTOMER, '/cgi-bin/user/get');
    expect(await use(sandbox, corp)).toBe(45009);
  });
});

describe('the other endpoints of a suite', () => {
  it('tell about an authorization and its administrators', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const info = await suiteCall(sandbox, token, 'get_auth_info', { auth_corpid: CUSTOMER, permanent_code: code });
    expect(info).toMatchObject({ errcode: 0, auth_corp_info: { corpid: CUSTOMER } });
    const agentid = info.auth_info.agent[0]?.agentid;
    const admins = await suiteCall(sandbox, token, 'get_admin_list', { auth_corpid: CUSTOMER, agentid });
    expect(admins).toMatchObject({ errcode: 0, admin: [{ auth_type: 1 }] });
    const wrong = await suiteCall(sandbox, token, 'get_admin_list', { auth_corpid: CUSTOMER, agentid: 1 });
    expect(wrong.errcode).toBe(40056);
  });
});

describe('the end of an authorization', () => {
  it('kills what the company had given, and no code helps any more', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const { access_token: corp } = await corpToken(sandbox, token, code);
    sandbox.wecom.uninstall(SUITE.suiteId, CUSTOMER);
    expect(await use(sandbox, corp)).toBe(40014);
    expect((await corpToken(sandbox, token, code)).errcode).toBe(48004);
    expect(() => sandbox.wecom.uninstall(SUITE.suiteId, CUSTOMER)).toThrow('"corpId"');
  });

  it('is followed by another permanent code when the suite is installed again', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const before = await installed(sandbox, token);
    const { access_token: corp } = await corpToken(sandbox, token, before);
    const { authCode, agentId } = sandbox.wecom.reinstall(SUITE.suiteId, CUSTOMER);
    expect(await use(sandbox, corp)).toBe(40014);
    expect((await corpToken(sandbox, token, before)).errcode).toBe(40084);
    const answer = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect(answer.permanent_code).not.toBe(before);
    expect(answer.auth_info.agent[0]?.agentid).toBe(agentId);
    expect((await corpToken(sandbox, token, answer.permanent_code)).errcode).toBeUndefined();
  });
});

describe('an app that a provider has built for a company', () => {
  it('takes the permanent code for a secret of plain gettoken', async () => {
    const sandbox = await startWeCom({}, { providerBuilt: true });
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const first = await getToken(sandbox, { corpid: CUSTOMER, corpsecret: code });
    expect(first).toMatchObject({ errcode: 0, expires_in: 7200 });
    expect(await use(sandbox, first.access_token)).toBe(0);
    expect((await corpToken(sandbox, token, code)).errcode).toBe(48002);
    expect(sandbox.calls({ endpoint: '/cgi-bin/gettoken' })).toMatchObject([
      { account: SUITE.suiteId, subject: CUSTOMER },
    ]);
    sandbox.wecom.uninstall(SUITE.suiteId, CUSTOMER);
    expect((await getToken(sandbox, { corpid: CUSTOMER, corpsecret: code })).errcode).toBe(40001);
  });

  it('gets another code when the company resets its secret', async () => {
    const sandbox = await startWeCom({}, { providerBuilt: true });
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    const { access_token: old } = await getToken(sandbox, { corpid: CUSTOMER, corpsecret: code });
    const { authCode } = sandbox.wecom.resetPermanentCode(SUITE.suiteId, CUSTOMER);
    expect(await use(sandbox, old)).toBe(40014);
    expect((await getToken(sandbox, { corpid: CUSTOMER, corpsecret: code })).errcode).toBe(40001);
    const next = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect((await getToken(sandbox, { corpid: CUSTOMER, corpsecret: next.permanent_code })).errcode).toBe(0);
  });

  it('is no third-party suite: the code of one is no secret', async () => {
    const sandbox = await startSandbox();
    const token = await openSuite(sandbox);
    const code = await installed(sandbox, token);
    expect((await getToken(sandbox, { corpid: CUSTOMER, corpsecret: code })).errcode).toBe(40001);
  });
});

it('installations can stand from the start', async () => {
  const corps = [{ corpId: CUSTOMER, name: 'From the start', agentId: 77, permanentCode: 'the code of the start' }];
  const sandbox = await startWeCom({}, { corps });
  const token = await openSuite(sandbox);
  const { access_token: corp } = await corpToken(sandbox, token, 'the code of the start');
  expect((await get(sandbox, '/cgi-bin/agent/get', { access_token: corp, agentid: '77' })).errcode).toBe(0);
});

it('an app has the number that is configured, keeps it, and gets the next one of its company otherwise', async () => {
  const corps = [{ corpId: CUSTOMER, agentId: 77 }];
  const { wecom } = await startWeCom({}, { corps });
  const install = (corpId: string) => wecom.install(SUITE.suiteId, { corpId }).agentId;
  expect([install(CUSTOMER), install(CUSTOMER), install('ww1'), install('ww1'), install('ww2')]).toEqual([
    ...[77, 77, 1000100, 1000100, 1000100],
  ]);
});

describe('the install page', () => {
  const page = (sandbox: Awaited<ReturnType<typeof startSandbox>>, fields: Record<string, string>) =>
    fetch(`${sandbox.urls.wecom}/3rdapp/install?${new URLSearchParams(fields)}`, { redirect: 'manual' });

  it('shows the companies, and redirects with a code and the state when one is chosen', async () => {
    const sandbox = await startWeCom({}, { corps: [{ corpId: CUSTOMER, name: 'Shop & <Co>' }] });
    const token = await openSuite(sandbox);
    const { pre_auth_code: code } = await preAuth(sandbox, token);
    const fields = {
      suite_id: SUITE.suiteId,
      pre_auth_code: code,
      redirect_uri: 'https://app.example/cb?x=1',
      state: 's t',
    };
    const html = await (await page(sandbox, fields)).text();
    expect(html).toContain('Shop &amp; &lt;Co&gt;');
    const link = /href="(\?[^"]*corpid=wwcustomer[^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const response = await fetch(new URL(link, `${sandbox.urls.wecom}/3rdapp/install`), { redirect: 'manual' });
    const target = new URL(response.headers.get('location') ?? '');
    expect(target.origin + target.pathname).toBe('https://app.example/cb');
    expect(target.searchParams.get('state')).toBe('s t');
    expect(target.searchParams.get('x')).toBe('1');
    expect(target.searchParams.get('expires_in')).toBe('600');
    const authCode = target.searchParams.get('auth_code');
    const answer = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect(answer.auth_corp_info.corpid).toBe(CUSTOMER);
    expect(await (await page(sandbox, fields)).text()).toContain('installed');
  });

  it('refuses an unknown suite, a dead pre-auth code and what is no URL', async () => {
    const sandbox = await startSandbox();
    const { pre_auth_code: code } = await preAuth(sandbox, await openSuite(sandbox));
    const good = { suite_id: SUITE.suiteId, pre_auth_code: code, redirect_uri: 'https://app.example/' };
    const statuses: number[] = [];
    for (const wrong of [{ suite_id: 'x' }, { pre_auth_code: 'x' }, { redirect_uri: 'javascript:1' }, { corpid: 'x' }])
      statuses.push((await page(sandbox, { ...good, ...wrong })).status);
    expect(statuses).toEqual([404, 400, 400, 400]);
    sandbox.advance(20 * MINUTE);
    expect((await page(sandbox, good)).status).toBe(400);
    expect(sandbox.calls({ outcome: '42007' })).toMatchObject([
      { endpoint: '/3rdapp/install', account: SUITE.suiteId },
    ]);
  });
});

it('holds no code, ticket or token in what it tells', async () => {
  const sandbox = await startSandbox();
  const token = await openSuite(sandbox);
  const { authCode } = sandbox.wecom.install(SUITE.suiteId, { corpId: CUSTOMER });
  const answer = await suiteCall(sandbox, token, 'get_permanent_code', { auth_code: authCode });
  const { pre_auth_code: preAuthCode } = await preAuth(sandbox, token);
  await post(sandbox, '/cgi-bin/service/get_suite_token', { suite_id: SUITE.secret });
  const ticket = sandbox.wecom.currentTicket(SUITE.suiteId)?.ticket ?? '';
  const told = JSON.stringify([sandbox.calls(), sandbox.state(), sandbox.pushLog()]);
  const values = [token, authCode, answer.permanent_code, answer.access_token, preAuthCode, ticket, SUITE.secret];
  for (const value of values) expect(told).not.toContain(value);
});
