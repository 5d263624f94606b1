import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../support.js';
import {
  api,
  CORP_ID,
  corpAccessToken,
  corpToken,
  OTHER_CORP_ID,
  oapi,
  REFUSED,
  SUITE,
  signed,
  startSuite,
  suiteAccessToken,
  suiteToken,
  ticketOf,
  WORKS,
  works,
} from './suite-support.js';

describe('the token of a suite', () => {
  it('is one through both hosts, the same until its end', async () => {
    const sandbox = await startSuite();
    const old = await suiteToken(sandbox);
    expect(old).toEqual({ errcode: 0, errmsg: 'ok', suite_access_token: expect.any(String), expires_in: 7200 });
    expect((await suiteAccessToken(sandbox)).body).toEqual({ accessToken: old.suite_access_token, expireIn: 7200 });
    sandbox.advance(2 * HOUR);
    expect((await suiteToken(sandbox)).suite_access_token).not.toBe(old.suite_access_token);
  });

  it.each([
    ['valid', 0],
    ['dead', 40082],
  ] as const)('is another with each call where the switch says so, the one before %s', async (superseded, errcode) => {
    const sandbox = await startSuite({ suiteTokenRepeat: 'new', supersededSuiteTokens: superseded });
    const first = await suiteToken(sandbox);
    expect((await suiteToken(sandbox)).suite_access_token).not.toBe(first.suite_access_token);
    const answer = await oapi(
      sandbox,
      '/service/get_auth_info',
      { suite_access_token: first.suite_access_token },
      { auth_corpid: CORP_ID },
    );
    expect(answer.errcode).toBe(errcode);
  });

  it.each([
    [{ suite_key: '' }, 41021],
    [{ suite_ticket: '' }, 41023],
    [{ suite_secret: '' }, 41024],
    [{ suite_key: 'nobody' }, 40083],
    [{ suite_secret: 'wrong' }, 40088],
    [{ suite_ticket: 'wrong' }, 40085],
  ])('is refused to %o with %i', async (changes, errcode) => {
    const sandbox = await startSuite();
    expect((await suiteToken(sandbox, changes)).errcode).toBe(errcode);
  });

  it.each([
    [{ suiteKey: 'nobody' }, 400, 'invalidClientIdOrSecret'],
    [{ suiteSecret: 'wrong' }, 400, 'invalidClientIdOrSecret'],
    [{ suiteTicket: 'wrong' }, 400, 'invalidSuiteTicket'],
  ])('is refused by the new host to %o', async (changes, status, code) => {
    const sandbox = await startSuite();
    expect(await suiteAccessToken(sandbox, changes)).toMatchObject({ status, body: { code } });
  });

  it('comes without errcode where the switch says so', async () => {
    const sandbox = await startSuite({ bareSuccess: true });
    expect(Object.keys(await suiteToken(sandbox))).toEqual(['suite_access_token', 'expires_in']);
  });
});

describe('the token of a suite in an organisation', () => {
  it('is a new one with each call, through both hosts, and works on both', async () => {
    const sandbox = await startSuite();
    const first = await corpToken(sandbox);
    expect(first).toEqual({ errcode: 0, errmsg: 'ok', access_token: expect.any(String), expires_in: 7200 });
    const { body: second } = await corpAccessToken(sandbox);
    expect(second).toEqual({ accessToken: expect.any(String), expireIn: 7200 });
    const third = await corpToken(sandbox);
    expect(new Set([first.access_token, second.accessToken, third.access_token]).size).toBe(3);
    for (const token of [first.access_token, second.accessToken, third.access_token]) {
      expect(await works(sandbox, token)).toEqual(WORKS);
    }
    expect(sandbox.calls({ subject: CORP_ID }).map(({ account }) => account)).toContain(SUITE.suiteKey);
    expect(sandbox.state().dingtalkSuites[0]?.corps[0]?.token.created).toBe(3);
  });

  it('dies with the next one where the switch says so, at run time too', async () => {
    const sandbox = await startSuite();
    const first = (await corpToken(sandbox)).access_token;
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { supersededCorpTokens: 'dead' });
    const second = (await corpToken(sandbox)).access_token;
    expect(await works(sandbox, first)).toEqual(REFUSED);
    expect(await works(sandbox, second)).toEqual(WORKS);
  });

  it('ends after two hours', async () => {
    const sandbox = await startSuite();
    const { access_token: token } = await corpToken(sandbox);
    sandbox.advance(2 * HOUR - 1);
    expect(await works(sandbox, token)).toEqual(WORKS);
    sandbox.advance(1);
    expect(await works(sandbox, token)).toEqual(REFUSED);
  });

  it('dies when it is killed, and is handed out again where the control says so', async () => {
    const sandbox = await startSuite();
    const { access_token: token } = await corpToken(sandbox);
    sandbox.dingtalkSuite.killToken(SUITE.suiteKey, { corpId: CORP_ID, keepReturningSame: true });
    expect((await corpToken(sandbox)).access_token).toBe(token);
    expect(await works(sandbox, token)).toEqual(REFUSED);
    sandbox.dingtalkSuite.killToken(SUITE.suiteKey, { corpId: CORP_ID });
    expect(await works(sandbox, (await corpToken(sandbox)).access_token)).toEqual(WORKS);
  });

  it('is to be had by the historical form too, with the permanent code', async () => {
    const sandbox = await startSuite({ corps: [{ corpId: CORP_ID, permanentCode: 'permanent' }] });
    const { suite_access_token } = await suiteToken(sandbox);
    const ask = (permanent_code: string) =>
      oapi(sandbox, '/service/get_corp_token', { suite_access_token }, { auth_corpid: CORP_ID, permanent_code });
    expect((await ask('permanent')).errcode).toBe(0);
    expect((await ask('wrong')).errcode).toBe(40084);
    sandbox.dingtalkSuite.killToken(SUITE.suiteKey);
    expect((await ask('permanent')).errcode).toBe(40082);
  });

  it('is refused where nobody enabled the suite', async () => {
    const sandbox = await startSuite();
    expect((await corpToken(sandbox, OTHER_CORP_ID)).errcode).toBe(40084);
    expect(await corpAccessToken(sandbox, { authCorpId: OTHER_CORP_ID })).toMatchObject({
      status: 400,
      body: { code: 'invalidAuthInfo' },
    });
    expect((await corpAccessToken(sandbox, { suiteKey: 'nobody' })).body.code).toBe('invalidSuiteKey');
    expect((await corpAccessToken(sandbox, { suiteTicket: 'wrong' })).body.code).toBe('invalidSuiteTicket');
    const withoutVersion = await api(sandbox, 'POST', '/oauth2/corpAccessToken', {});
    expect(withoutVersion).toMatchObject({ status: 200, body: { errcode: 404 } });
  });

  it('opens a JS ticket of the organisation, with an end after a day', async () => {
    const sandbox = await startSuite();
    const { access_token: token } = await corpToken(sandbox);
    const { ticket } = await oapi(sandbox, '/get_jsapi_ticket', { access_token: token });
    expect((await api(sandbox, 'POST', '/v1.0/oauth2/jsapiTickets', undefined, token)).body.jsapiTicket).toBe(ticket);
    for (let hour = 1; hour <= 24; hour += 1) {
      sandbox.advance(HOUR);
      const { access_token } = await corpToken(sandbox);
      const answer = await oapi(sandbox, '/get_jsapi_ticket', { access_token });
      expect(answer.ticket === ticket).toBe(hour < 24);
    }
  });
});

it('tokens of other kinds open no business calls', async () => {
  const sandbox = await startSuite();
  const suite = (await suiteToken(sandbox)).suite_access_token;
  const sso = (await oapi(sandbox, '/sso/gettoken', { corpid: SUITE.corpId, corpsecret: SUITE.ssoSecret }))
    .access_token;
  const sns = (await oapi(sandbox, '/sns/gettoken', { appid: SUITE.suiteKey, appsecret: SUITE.suiteSecret }))
    .access_token;
  for (const token of [suite, sso, sns]) expect(await works(sandbox, token)).toEqual(REFUSED);
  const corp = (await corpToken(sandbox)).access_token;
  expect((await oapi(sandbox, '/sso/getuserinfo', { access_token: corp, code: 'any' })).errcode).toBe(40014);
});

describe('a signed request', () => {
  it('follows the published scheme', () => {
    const signature = createHmac('sha256', 'testSuiteSecret').update('1527130370219\nTestSuiteTicket').digest('base64');
    expect(signature).toBe('5PMX0+4w0TR03H51PTcORqTVqeQPOxuuuy1hk2aFKKg=');
  });

  it('may be a minute off, both ways, and no more', async () => {
    const sandbox = await startSuite();
    const at = (offset: number) => ({ timestamp: String(sandbox.now() + offset) });
    for (const offset of [-MINUTE, MINUTE]) expect((await corpToken(sandbox, CORP_ID, at(offset))).errcode).toBe(0);
    for (const offset of [-MINUTE - 1, MINUTE + 1]) {
      expect((await corpToken(sandbox, CORP_ID, at(offset))).errcode).toBe(853002);
    }
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { signatureToleranceMs: SECOND });
    expect((await corpToken(sandbox, CORP_ID, at(SECOND + 1))).errcode).toBe(853002);
  });

  it.each([
    [{ timestamp: 'today' }, 853001],
    [{ timestamp: '1700000000' }, 853002],
    [{ accessKey: 'nobody' }, 853003],
    [{ signature: 'wrong' }, 853004],
    [{ suiteTicket: 'wrong' }, 853005],
    [{ suiteTicket: '' }, 853005],
  ])('is refused with %o: %i', async (changes, errcode) => {
    const sandbox = await startSuite();
    expect((await corpToken(sandbox, CORP_ID, changes)).errcode).toBe(errcode);
  });

  it('is refused where a plus sign of its signature was not percent-encoded', async () => {
    const sandbox = await startSuite();
    let parameters = signed(sandbox);
    for (let i = 0; !parameters['signature']?.includes('+'); i += 1) {
      parameters = signed(sandbox, { timestamp: String(sandbox.now() + i) });
    }
    const url = `${sandbox.urls.dingtalkOapi}/service/get_corp_token`;
    const raw = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
    const body = JSON.stringify({ auth_corpid: CORP_ID });
    const response = await fetch(`${url}?${raw.join('&')}`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ errcode: 853004 });
    expect((await oapi(sandbox, '/service/get_corp_token', parameters, { auth_corpid: CORP_ID })).errcode).toBe(0);
  });
});

describe('a suite ticket', () => {
  it('works until the next one is there, and for a while longer where the switch says so', async () => {
    const sandbox = await startSuite();
    const first = ticketOf(sandbox);
    sandbox.advance(5 * HOUR - 1);
    expect(ticketOf(sandbox)).toBe(first);
    sandbox.advance(1);
    expect(ticketOf(sandbox)).not.toBe(first);
    expect((await suiteToken(sandbox, { suite_ticket: first })).errcode).toBe(40085);
    expect((await corpToken(sandbox, CORP_ID, { suiteTicket: first })).errcode).toBe(853005);
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { suiteTicketGraceMs: MINUTE, staleTicketCode: 40085 });
    expect((await suiteToken(sandbox, { suite_ticket: first })).errcode).toBe(0);
    sandbox.advance(MINUTE);
    expect((await suiteToken(sandbox, { suite_ticket: first })).errcode).toBe(40085);
    expect((await corpToken(sandbox, CORP_ID, { suiteTicket: first })).errcode).toBe(40085);
  });

  it('may be any text of a custom app', async () => {
    const sandbox = await startSuite({ anySuiteTicket: true });
    expect((await suiteToken(sandbox, { suite_ticket: 'whatever' })).errcode).toBe(0);
    expect((await corpToken(sandbox, CORP_ID, { suiteTicket: 'whatever' })).errcode).toBe(0);
  });

  it('comes no more where the switch says so', async () => {
    const sandbox = await startSuite({ suiteTicketsStopped: true });
    sandbox.advance(10 * HOUR);
    expect(sandbox.dingtalkSuite.currentTicket(SUITE.suiteKey)).toBeUndefined();
  });
});

describe('an authorization', () => {
  it('brings a code of single use, for the permanent code', async () => {
    const sandbox = await startSuite();
    const { tmpAuthCode } = sandbox.dingtalkSuite.authorize(SUITE.suiteKey, { corpId: OTHER_CORP_ID, name: '二号' });
    const { suite_access_token } = await suiteToken(sandbox);
    const exchange = () =>
      oapi(sandbox, '/service/get_permanent_code', { suite_access_token }, { tmp_auth_code: tmpAuthCode });
    const answer = await exchange();
    expect(answer).toMatchObject({ errcode: 0, auth_corp_info: { corpid: OTHER_CORP_ID } });
    expect((await exchange()).errcode).toBe(40078);
    expect(sandbox.calls({ endpoint: '/service/get_permanent_code', subject: OTHER_CORP_ID })).toHaveLength(1);
    const activation = { suite_key: SUITE.suiteKey, auth_corpid: OTHER_CORP_ID, permanent_code: answer.permanent_code };
    expect(await oapi(sandbox, '/service/activate_suite', { suite_access_token }, activation)).toMatchObject({
      errcode: 0,
    });
    expect(sandbox.state().dingtalkSuites[0]?.corps[1]).toMatchObject({ authorized: true, activated: true });
    const wrong = { ...activation, permanent_code: 'wrong' };
    expect((await oapi(sandbox, '/service/activate_suite', { suite_access_token }, wrong)).errcode).toBe(40084);
    expect((await corpToken(sandbox, OTHER_CORP_ID)).errcode).toBe(0);
  });

  it('can be looked up, signed on the old host and with the suite token on the new one', async () => {
    const sandbox = await startSuite();
    const info = await oapi(sandbox, '/service/get_auth_info', signed(sandbox), { auth_corpid: CORP_ID });
    expect(info).toMatchObject({ errcode: 0, auth_corp_info: { corpid: CORP_ID }, auth_info: { agent: [{}] } });
    const { accessToken } = (await suiteAccessToken(sandbox)).body;
    const lookUp = (corpId: string) =>
      api(sandbox, 'GET', `/v1.0/oauth2/apps/authInfo?authCorpId=${corpId}`, undefined, accessToken);
    expect((await lookUp(CORP_ID)).body).toMatchObject({ authCorpInfo: { corpId: CORP_ID } });
    expect(await lookUp(OTHER_CORP_ID)).toMatchObject({ status: 400, body: { code: 'orgNotAuthApp' } });
    expect((await lookUp('nobody')).body.code).toBe('orgNotExist');
    expect((await lookUp('')).body.code).toBe('invalidCorpId');
    const token = (await corpToken(sandbox)).access_token;
    const withOther = await api(sandbox, 'GET', `/v1.0/oauth2/apps/authInfo?authCorpId=${CORP_ID}`, undefined, token);
    expect(withOther.body.code).toBe('InvalidAuthentication');
  });

  it.each(['cancel', 'stop', 'remove'] as const)('that ends (%s) takes the tokens with it', async (how) => {
    const sandbox = await startSuite();
    const token = (await corpToken(sandbox)).access_token;
    sandbox.dingtalkSuite[how](SUITE.suiteKey, CORP_ID);
    expect(await works(sandbox, token)).toEqual(REFUSED);
    expect((await corpToken(sandbox)).errcode).toBe(40084);
    if (how === 'cancel') sandbox.dingtalkSuite.authorize(SUITE.suiteKey, CORP_ID);
    else sandbox.dingtalkSuite.restore(SUITE.suiteKey, CORP_ID);
    expect((await corpToken(sandbox)).errcode).toBe(0);
  });
});

describe('the unified token of a suite', () => {
  const ask = (sandbox: Awaited<ReturnType<typeof startSuite>>, corpId: string) =>
    api(sandbox, 'POST', `/v1.0/oauth2/${corpId}/token`, {
      client_id: SUITE.suiteKey,
      client_secret: SUITE.suiteSecret,
      grant_type: 'client_credentials',
    });

  it('needs no ticket, and is the same until its end, or new each time', async () => {
    const sandbox = await startSuite({ suiteTicketsStopped: true });
    const { body } = await ask(sandbox, CORP_ID);
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 7200 });
    expect(await works(sandbox, body.access_token)).toEqual(WORKS);
    expect((await ask(sandbox, CORP_ID)).body.access_token).toBe(body.access_token);
    sandbox.dingtalkSuite.configure(SUITE.suiteKey, { unifiedRepeat: 'new' });
    expect((await ask(sandbox, CORP_ID)).body.access_token).not.toBe(body.access_token);
    expect(await works(sandbox, body.access_token)).toEqual(WORKS);
  });

  it('is refused where nobody enabled the suite', async () => {
    const sandbox = await startSuite({ unauthorizedClientStatus: 400 });
    expect(await ask(sandbox, OTHER_CORP_ID)).toMatchObject({ status: 400, body: { code: 'unauthorized.client' } });
    expect(await ask(sandbox, 'nobody')).toMatchObject({ status: 500, body: { code: 'unknownError' } });
  });
});
