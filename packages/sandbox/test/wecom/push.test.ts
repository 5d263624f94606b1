import { describe, expect, it } from 'vitest';
import { createSandbox } from '../../src/index.js';
import { HOUR, MINUTE, START, startSandbox } from '../support.js';
import {
  AGENT,
  CORP,
  CUSTOMER,
  callbackServer,
  corpToken,
  get,
  installed,
  opened,
  openSuite,
  SUITE,
  startWeCom,
  suiteCall,
  suiteToken,
  WECOM,
} from './support.js';

const CALLBACK = { token: 'corpToken', encodingAESKey: 'corpcorpcorpcorpcorpcorpcorpcorpcorpcorpKey' };
const ID = SUITE.suiteId;

describe('suite tickets', () => {
  it('come at once, and every ten minutes from then on, for the suite', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url });
    await sandbox.pushes();
    sandbox.advance(10 * MINUTE - 1);
    await sandbox.pushes();
    expect(received).toHaveLength(1);
    sandbox.advance(1);
    await sandbox.pushes();
    const [first, second] = received.map((each) => opened(each));
    expect(first?.receiveId).toBe(ID);
    expect(first?.field('InfoType')).toBe('suite_ticket');
    expect(first?.field('SuiteId')).toBe(ID);
    expect(first?.field('TimeStamp')).toBe(`${START / 1000}`);
    expect(second?.field('TimeStamp')).toBe(`${START / 1000 + 600}`);
    expect(second?.field('SuiteTicket')).not.toBe(first?.field('SuiteTicket'));
    const answer = await suiteToken(sandbox, { suite_ticket: second?.field('SuiteTicket') });
    expect(answer.suite_access_token).toBeTypeOf('string');
    const sent = { platform: 'wecom', account: ID, event: 'suite_ticket', outcome: 'success', tries: 1 };
    expect(sandbox.pushLog()).toMatchObject([sent, sent]);
  });

  it('are no more than one for however long an advance', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url });
    sandbox.advance(5 * HOUR);
    await sandbox.pushes();
    expect(received).toHaveLength(2);
    const newest = sandbox.wecom.currentTicket(ID);
    expect(newest?.timestamp).toBe((START + 5 * HOUR) / 1000);
  });

  it('follow a clock that nobody advances, and a callback URL that comes later', async () => {
    let now = START;
    const { url, received } = await callbackServer();
    const sandbox = await startSandbox({ clock: { now: () => now } });
    await sandbox.pushes();
    expect(sandbox.wecom.currentTicket(ID)).toBeUndefined();
    sandbox.wecom.setCallback(ID, { url });
    await sandbox.pushes();
    expect(received).toHaveLength(1);
    now += 10 * MINUTE;
    await get(sandbox, '/cgi-bin/gettoken');
    await sandbox.pushes();
    expect(received).toHaveLength(2);
    // Another URL gets a ticket at once, whenever the next one is due.
    sandbox.wecom.setCallback(ID, { url });
    await sandbox.pushes();
    expect(received).toHaveLength(3);
    sandbox.wecom.setCallback(ID, { url: null });
    now += HOUR;
    await sandbox.pushes();
    expect(received).toHaveLength(3);
  });

  it('follow the system clock by themselves', async () => {
    const { url, received } = await callbackServer();
    const account = { ...WECOM, suites: [{ ...SUITE, callbackUrl: url, ticketEveryMs: 1 }] };
    const sandbox = await createSandbox({ wecom: [account] });
    await expect.poll(() => received.length, { timeout: 20_000 }).toBeGreaterThan(1);
    await sandbox.close();
  });

  it('can be stopped, started, sent by hand, twice, and late', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketsStopped: true });
    sandbox.advance(HOUR);
    await sandbox.pushes();
    expect(received).toHaveLength(0);
    sandbox.wecom.startTickets(ID);
    sandbox.wecom.stopTickets(ID);
    sandbox.advance(15 * MINUTE);
    const newest = sandbox.wecom.pushTicket(ID);
    sandbox.wecom.pushTicket(ID, { duplicate: true });
    const older = sandbox.wecom.pushTicket(ID, { older: true });
    await sandbox.pushes();
    const pushes = received.map((each) => opened(each));
    const tickets = pushes.map((push) => push.field('SuiteTicket'));
    expect(tickets).toEqual([older.ticket, newest.ticket, newest.ticket, older.ticket]);
    expect(pushes[1]?.text).toBe(pushes[2]?.text);
    expect(newest.timestamp - older.timestamp).toBe(15 * 60);
    expect(sandbox.wecom.currentTicket(ID)).toEqual(newest);
    expect(() => sandbox.wecom.pushTicket(ID, { old: true } as never)).toThrow('"old"');
  });

  it('are made up to be older where there is none before', async () => {
    const sandbox = await startSandbox();
    const newest = sandbox.wecom.pushTicket(ID);
    const older = sandbox.wecom.pushTicket(ID, { older: true });
    expect(newest.timestamp - older.timestamp).toBe(600);
    expect(sandbox.wecom.currentTicket(ID)).toEqual(newest);
    expect((await suiteToken(sandbox, { suite_ticket: older.ticket })).errcode).toBeUndefined();
  });

  it('begin anew with a reset', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url });
    await sandbox.pushes();
    sandbox.reset();
    await sandbox.pushes();
    expect(received.length).toBeGreaterThanOrEqual(2);
    expect(sandbox.pushLog()).toMatchObject([{ event: 'suite_ticket', at: START, outcome: 'success' }]);
  });
});

describe('installations', () => {
  it('push create_auth with a code, and change_auth and cancel_auth with the company', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0 });
    const { authCode } = sandbox.wecom.install(ID, { corpId: CUSTOMER });
    sandbox.wecom.changeAuth(ID, CUSTOMER);
    const { authCode: reset } = sandbox.wecom.resetPermanentCode(ID, CUSTOMER);
    sandbox.wecom.uninstall(ID, CUSTOMER, { at: START - 5000 });
    await sandbox.pushes();
    const pushes = received.map((each) => opened(each));
    expect(pushes.map(({ receiveId, field }) => [receiveId, field('InfoType')])).toEqual([
      [ID, 'create_auth'],
      [ID, 'change_auth'],
      [ID, 'reset_permanent_code'],
      [ID, 'cancel_auth'],
    ]);
    expect(pushes.map(({ field }) => field('AuthCode'))).toEqual([authCode, undefined, reset, undefined]);
    expect(pushes.map(({ field }) => field('AuthCorpId'))).toEqual([undefined, CUSTOMER, undefined, CUSTOMER]);
    expect(pushes[3]?.field('TimeStamp')).toBe(`${START / 1000 - 5}`);
    expect(sandbox.pushLog()[3]).toMatchObject({ account: ID, subject: CUSTOMER, event: 'cancel_auth' });
  });

  it('push nothing where they are told not to', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0 });
    sandbox.wecom.install(ID, { corpId: CUSTOMER }, { push: false });
    sandbox.wecom.resetPermanentCode(ID, CUSTOMER, { push: false });
    sandbox.wecom.reinstall(ID, CUSTOMER, { push: false });
    sandbox.wecom.uninstall(ID, CUSTOMER, { push: false });
    await sandbox.pushes();
    expect(received).toEqual([]);
  });

  it('can be pushed once more, or later than they happened', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0 });
    const { authCode } = sandbox.wecom.install(ID, { corpId: CUSTOMER }, { push: false, state: 's1' });
    sandbox.wecom.uninstall(ID, CUSTOMER);
    sandbox.advance(MINUTE);
    sandbox.wecom.repeatEvent(ID, { infoType: 'create_auth' });
    sandbox.wecom.repeatEvent(ID, { corpId: CUSTOMER });
    await sandbox.pushes();
    const pushes = received.map((each) => opened(each));
    expect(pushes.map(({ field }) => [field('InfoType'), field('TimeStamp')])).toEqual([
      ['cancel_auth', `${START / 1000}`],
      ['create_auth', `${START / 1000}`],
      ['cancel_auth', `${START / 1000}`],
    ]);
    expect(pushes[1]?.field('AuthCode')).toBe(authCode);
    expect(pushes[1]?.field('State')).toBe('s1');
    expect(() => sandbox.wecom.repeatEvent(ID, { corpId: CORP })).toThrow('"suiteId"');
  });

  it.each([
    [true, ['create_auth']],
    [false, []],
  ])('on the install page push the code of the redirect: %s', async (redirectPushes, events) => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0, redirectPushes });
    const token = await openSuite(sandbox);
    await sandbox.pushes();
    received.length = 0;
    const preAuth = await get(sandbox, '/cgi-bin/service/get_pre_auth_code', { suite_access_token: token });
    const fields = { suite_id: ID, pre_auth_code: preAuth.pre_auth_code, redirect_uri: url, corpid: CORP, state: 's2' };
    const page = `${sandbox.urls.wecom}/3rdapp/install?${new URLSearchParams(fields)}`;
    const { headers } = await fetch(page, { redirect: 'manual' });
    const authCode = new URL(headers.get('location') ?? '').searchParams.get('auth_code');
    await sandbox.pushes();
    const pushes = received.map((each) => opened(each));
    expect(pushes.map(({ field }) => field('InfoType'))).toEqual(events);
    for (const { field } of pushes) expect([field('AuthCode'), field('State')]).toEqual([authCode, 's2']);
    const answer = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode });
    expect(answer.auth_corp_info.corpid).toBe(CORP);
  });
});

describe('messages', () => {
  it.each(['xml', 'json'] as const)('of a company go to its own callback as %s', async (format) => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({ callback: { ...CALLBACK, url, format } });
    sandbox.wecom.push(CORP, { MsgType: 'text', FromUserName: 'anna', Content: '你好 ]]> <b>' }, AGENT);
    await sandbox.pushes();
    const push = opened(received[0] as (typeof received)[0], CALLBACK);
    expect(push.receiveId).toBe(CORP);
    expect(push.text).toContain(format === 'json' ? '"Content":"你好 ]]> <b>"' : '你好 ]]');
    expect(received[0]?.body.startsWith(format === 'json' ? '{' : '<xml>')).toBe(true);
    expect(received[0]?.query.has('signature')).toBe(false);
    expect(sandbox.pushLog()).toMatchObject([{ account: CORP, subject: `${AGENT}`, event: 'text' }]);
  });

  it('of an individual developer end with no id', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({ callback: { ...CALLBACK, url, receiveId: '' } });
    sandbox.wecom.push(CORP, { MsgType: 'event', Event: 'enter_agent' });
    await sandbox.pushes();
    expect(opened(received[0] as (typeof received)[0], CALLBACK).receiveId).toBe('');
    expect(sandbox.pushLog()).toMatchObject([{ event: 'enter_agent' }]);
  });

  it('of a company that has installed a suite go to the data URL, for that company', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { dataCallbackUrl: url });
    await installed(sandbox, await openSuite(sandbox));
    sandbox.wecom.push(ID, { MsgType: 'text', Content: 'hello' }, CUSTOMER);
    await sandbox.pushes();
    expect(opened(received[0] as (typeof received)[0])).toMatchObject({ receiveId: CUSTOMER });
    expect(() => sandbox.wecom.push(ID, { MsgType: 'text' }, CORP)).toThrow('"corpId"');
  });

  it('need somewhere to go', async () => {
    const sandbox = await startSandbox();
    expect(() => sandbox.wecom.push(CORP, { MsgType: 'text' })).toThrow('"callback"');
    sandbox.wecom.install(ID, { corpId: CUSTOMER });
    expect(() => sandbox.wecom.push(ID, { MsgType: 'text' }, CUSTOMER)).toThrow('"dataCallbackUrl"');
    await expect(sandbox.wecom.verifyUrl(CORP)).rejects.toThrow('"callback"');
    await expect(sandbox.wecom.verifyUrl(ID)).rejects.toThrow('"callbackUrl"');
  });
});

describe('callbacks', () => {
  it('prove their URL by decrypting: for the provider, the suite, or the company', async () => {
    const { url, received } = await callbackServer((push) => {
      const keys = push.query.get('as') === 'corp' ? CALLBACK : SUITE;
      return opened(push, keys).text;
    });
    const callback = { ...CALLBACK, url: `${url}?as=corp` };
    const sandbox = await startWeCom({ callback }, { dataCallbackUrl: url, callbackUrl: url, ticketsStopped: true });
    expect(await sandbox.wecom.verifyUrl(ID)).toMatchObject({ event: 'verification', outcome: 'verified' });
    expect(await sandbox.wecom.verifyUrl(ID, { receiveId: ID, data: true })).toMatchObject({ outcome: 'verified' });
    expect(await sandbox.wecom.verifyUrl(CORP)).toMatchObject({ account: CORP, outcome: 'verified' });
    const [provider, suite, company] = received;
    expect([provider, suite].map((each) => each && opened(each).receiveId)).toEqual([CORP, ID]);
    expect(company && opened(company, CALLBACK).receiveId).toBe(CORP);
  });

  it('that answer anything else have proved nothing', async () => {
    const { url } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url });
    expect(await sandbox.wecom.verifyUrl(ID)).toMatchObject({ outcome: 'invalid' });
  });

  it('can be set and get other keys while the sandbox runs', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { ticketEveryMs: 0 });
    sandbox.wecom.setCallback(ID, { url, ...CALLBACK });
    sandbox.wecom.pushTicket(ID);
    expect(() => sandbox.wecom.setCallback(CORP, { url })).toThrow('"token"');
    sandbox.wecom.setCallback(CORP, { url, ...CALLBACK });
    sandbox.wecom.push(CORP, { MsgType: 'text' });
    await sandbox.pushes();
    const receivers = received.map((each) => opened(each, CALLBACK).receiveId);
    expect(receivers.sort()).toEqual([CORP, ID].sort());
    expect(() => sandbox.wecom.setCallback(ID, { url: 'nowhere' })).toThrow('"url"');
    expect(() => sandbox.wecom.setCallback(ID, { encodingAESKey: 'short' })).toThrow('"encodingAESKey"');
    expect(() => sandbox.wecom.setCallback(CORP, { dataUrl: url })).toThrow('"dataUrl"');
  });

  it('that fail are tried three times, and the ticket works all the same', async () => {
    const { url, received } = await callbackServer(() => 'what?');
    const sandbox = await startWeCom({}, { callbackUrl: url });
    await sandbox.pushes();
    expect(received).toHaveLength(3);
    expect(sandbox.pushLog()).toMatchObject([{ tries: 3, outcome: 'invalid' }]);
    expect((await suiteToken(sandbox)).suite_access_token).toBeTypeOf('string');
  });

  it('come with a code that the company of a corp token can be told by', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0 });
    const token = await openSuite(sandbox);
    sandbox.wecom.install(ID, { corpId: CUSTOMER });
    await sandbox.pushes();
    const code = received.map((each) => opened(each).field('AuthCode')).find((each) => each !== undefined);
    const answer = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: code });
    expect((await corpToken(sandbox, token, answer.permanent_code)).access_token).toBeTypeOf('string');
  });
});
