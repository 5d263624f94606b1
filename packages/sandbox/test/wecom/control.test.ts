import { describe, expect, it } from 'vitest';
import { createSandbox, type SandboxOptions } from '../../src/index.js';
import { HOUR, startSandbox } from '../support.js';
import {
  AGENT,
  CORP,
  CUSTOMER,
  callbackServer,
  get,
  getToken,
  installed,
  openSuite,
  SUITE,
  startWeCom,
  suiteCall,
  tokenOf,
  use,
  WECOM,
} from './support.js';

type Sandbox = Awaited<ReturnType<typeof startSandbox>>;

const ID = SUITE.suiteId;

async function control(sandbox: Sandbox, action: string, body: unknown) {
  const url = `${sandbox.url}/_sandbox/wecom/${action}`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the controls over HTTP', () => {
  it('change switches of a company and of a suite', async () => {
    const sandbox = await startSandbox();
    expect(await control(sandbox, 'switches', { account: CORP, expiresIn: 60 })).toEqual({ status: 200, body: {} });
    await control(sandbox, 'switches', { account: ID, ticketBytes: 40 });
    expect((await getToken(sandbox)).expires_in).toBe(60);
    expect(sandbox.wecom.pushTicket(ID).ticket).toHaveLength(40);
  });

  it('add, disable, reset and remove agents', async () => {
    const sandbox = await startSandbox();
    await control(sandbox, 'agent', { corpId: CORP, agentId: 5, secret: 'secret of 5' });
    expect((await getToken(sandbox, { corpsecret: 'secret of 5' })).errcode).toBe(0);
    await control(sandbox, 'disable-agent', { corpId: CORP, agentId: 5 });
    expect((await getToken(sandbox, { corpsecret: 'secret of 5' })).errcode).toBe(50003);
    await control(sandbox, 'disable-agent', { corpId: CORP, agentId: 5, disabled: false });
    const { body } = await control(sandbox, 'secret', { account: CORP, agentId: 5 });
    expect((await getToken(sandbox, { corpsecret: String(body['secret']) })).errcode).toBe(0);
    await control(sandbox, 'remove-agent', { corpId: CORP, agentId: '5' });
    expect((await getToken(sandbox, { corpsecret: String(body['secret']) })).errcode).toBe(40001);
  });

  it('kill tokens and tickets, block addresses, use up quotas', async () => {
    const sandbox = await startSandbox();
    const token = await tokenOf(sandbox);
    const ticketOf = async (access_token: string) =>
      (await get(sandbox, '/cgi-bin/get_jsapi_ticket', { access_token })).ticket;
    const ticket = await ticketOf(token);
    await control(sandbox, 'kill-tickets', { corpId: CORP });
    expect(await ticketOf(token)).not.toBe(ticket);
    await control(sandbox, 'kill-token', { account: CORP, subject: AGENT, keepReturningSame: true });
    expect([await use(sandbox, token), await tokenOf(sandbox)]).toEqual([40014, token]);
    await control(sandbox, 'exhaust-quota', { account: CORP, path: '/cgi-bin/gettoken', period: 'minute' });
    expect((await getToken(sandbox)).errcode).toBe(45009);
    sandbox.advance(60_000);
    await control(sandbox, 'block-ip', { account: CORP, ip: '127.0.0.1' });
    expect((await getToken(sandbox)).errcode).toBe(60020);
    await control(sandbox, 'block-ip', { account: CORP, ip: '127.0.0.1', blocked: false });
    expect((await getToken(sandbox)).errcode).toBe(0);
    await control(sandbox, 'kill-token', { account: CORP });
  });

  it('install and end installations', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startWeCom({}, { callbackUrl: url, ticketEveryMs: 0 });
    const token = await openSuite(sandbox);
    const { body } = await control(sandbox, 'install', { suiteId: ID, corp: { corpId: CUSTOMER } });
    const first = await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: body['authCode'] });
    expect(first.errcode).toBe(0);
    await control(sandbox, 'change-auth', { suiteId: ID, corpId: CUSTOMER });
    await control(sandbox, 'repeat-event', { suiteId: ID, infoType: 'change_auth' });
    const again = await control(sandbox, 'reinstall', { suiteId: ID, corpId: CUSTOMER, push: false });
    expect(again.body).toMatchObject({ corpId: CUSTOMER, agentId: body['agentId'] });
    const reset = await control(sandbox, 'reset-permanent-code', { suiteId: ID, corpId: CUSTOMER });
    expect(reset.body['authCode']).toBeTypeOf('string');
    expect((await control(sandbox, 'uninstall', { suiteId: ID, corpId: CUSTOMER })).status).toBe(200);
    expect((await control(sandbox, 'uninstall', { suiteId: ID, corpId: CUSTOMER })).status).toBe(400);
    await sandbox.pushes();
    const events = sandbox.pushLog().map(({ event }) => event);
    const changes = ['change_auth', 'change_auth'];
    expect(events).toEqual(['suite_ticket', 'create_auth', ...changes, 'reset_permanent_code', 'cancel_auth']);
    expect(received).toHaveLength(6);
  });

  it('set callbacks, verify them, and push', async () => {
    const { url, received } = await callbackServer();
    const sandbox = await startSandbox();
    await control(sandbox, 'callback', { account: ID, url, dataUrl: url });
    await control(sandbox, 'stop-tickets', { suiteId: ID });
    sandbox.advance(HOUR);
    await control(sandbox, 'start-tickets', { suiteId: ID });
    const { body } = await control(sandbox, 'push-ticket', { suiteId: ID, older: true });
    expect(body['timestamp']).toBeTypeOf('number');
    expect((await control(sandbox, 'verify-url', { account: ID })).body).toMatchObject({
      verification: { outcome: 'invalid' },
    });
    await installed(sandbox, await openSuite(sandbox));
    await control(sandbox, 'push', { account: ID, message: { MsgType: 'text' }, about: CUSTOMER });
    await sandbox.pushes();
    expect(sandbox.pushLog().map(({ event }) => event)).toEqual([
      ...['suite_ticket', 'suite_ticket', 'suite_ticket', 'verification', 'suite_ticket', 'create_auth', 'text'],
    ]);
    expect(received).toHaveLength(7);
  });

  it.each([
    ['switches', { account: 'nobody' }, '"account"'],
    ['switches', { account: CORP, ticketBytes: 40 }, '"ticketBytes"'],
    ['switches', { account: ID, ticketBytes: 1 }, '"ticketBytes"'],
    ['switches', { account: CORP, killedCode: 40082 }, '"killedCode"'],
    ['agent', { corpId: CORP, agentId: 0, secret: 'x' }, '"agentId"'],
    ['agent', { corpId: CORP, agentId: 'provider', secret: 'x' }, '"agentId"'],
    ['agent', { corpId: CORP, agentId: 9 }, '"secret"'],
    ['remove-agent', { corpId: CORP }, '"agentId"'],
    ['remove-agent', { corpId: CORP, agentId: AGENT, colour: 'red' }, '"colour"'],
    ['disable-agent', { corpId: CORP, agentId: AGENT, disabled: 'yes' }, '"disabled"'],
    ['secret', { account: CORP }, '"agentId"'],
    ['kill-token', { account: CORP, subject: 'nobody' }, '"agentId"'],
    ['kill-token', { account: ID, subject: CUSTOMER }, '"corpId"'],
    ['kill-token', { account: CORP, keepReturningSame: 1 }, '"keepReturningSame"'],
    ['kill-tickets', { corpId: ID }, '"corpId"'],
    ['block-ip', { account: CORP }, '"ip"'],
    ['exhaust-quota', { account: CORP, path: '/x', period: 'year' }, '"period"'],
    ['install', { suiteId: ID }, '"corp"'],
    ['install', { suiteId: ID, corp: { corpId: CUSTOMER, agentId: 'x' } }, '"agentId"'],
    ['install', { suiteId: ID, corp: { corpId: CUSTOMER }, push: 'no' }, '"push"'],
    ['install', { suiteId: CORP, corp: { corpId: CUSTOMER } }, '"suiteId"'],
    ['uninstall', { suiteId: ID, corpId: CUSTOMER, at: -1 }, '"at"'],
    ['repeat-event', { suiteId: ID, kind: 'create_auth' }, '"kind"'],
    ['push-ticket', { suiteId: ID, older: true, newer: true }, '"newer"'],
    ['stop-tickets', { suiteId: ID, now: true }, '"now"'],
    ['callback', { account: ID, url: 'ftp://x' }, '"url"'],
    ['verify-url', { account: ID, data: true }, '"dataCallbackUrl"'],
    ['push', { account: CORP, message: 'hello' }, '"message"'],
  ])('%s refuses %o', async (action, body, name) => {
    const sandbox = await startSandbox();
    const answer = await control(sandbox, action, body);
    expect(answer.status).toBe(400);
    expect(answer.body['error']).toContain(name);
  });

  it('are listed with the others', async () => {
    const { url } = await startSandbox();
    const { actions } = (await (await fetch(`${url}/_sandbox`)).json()) as { actions: string[] };
    expect(actions).toContain('POST /_sandbox/wecom/install');
  });
});

it('a reset brings everything back as it was', async () => {
  const corps = [{ corpId: CUSTOMER, permanentCode: 'the code of the start' }];
  const sandbox = await startWeCom({}, { corps });
  const before = sandbox.state();
  const token = await tokenOf(sandbox);
  sandbox.wecom.configure(CORP, { expiresIn: 60 });
  sandbox.wecom.configure(ID, { ticketBytes: 40 });
  sandbox.wecom.addAgent(CORP, { agentId: 5, secret: 'secret of 5' });
  sandbox.wecom.resetSecret(CORP, { agentId: AGENT });
  sandbox.wecom.resetSecret(ID);
  sandbox.wecom.blockIp(CORP, '127.0.0.1');
  sandbox.wecom.exhaustQuota(CORP, '/cgi-bin/gettoken');
  sandbox.wecom.uninstall(ID, CUSTOMER);
  sandbox.wecom.install(ID, { corpId: 'ww-another' });
  sandbox.wecom.setCallback(CORP, { token: 't', encodingAESKey: SUITE.encodingAESKey, url: sandbox.url });
  sandbox.wecom.setCallback(ID, { token: 'other' });
  sandbox.wecom.pushTicket(ID);
  sandbox.reset();
  expect(sandbox.state()).toEqual(before);
  expect(await use(sandbox, token)).toBe(40014);
  expect((await getToken(sandbox)).expires_in).toBe(7200);
  expect((await getToken(sandbox, { corpsecret: 'secret of 5' })).errcode).toBe(40001);
  expect(() => sandbox.wecom.push(CORP, { MsgType: 'text' })).toThrow('"callback"');
  expect(await openSuite(sandbox)).toBeTypeOf('string');
});

it('the state survives JSON unchanged', async () => {
  const sandbox = await startSandbox();
  await tokenOf(sandbox);
  await installed(sandbox, await openSuite(sandbox));
  sandbox.wecom.killToken(CORP, AGENT);
  const { wecom } = sandbox.state();
  expect(JSON.parse(JSON.stringify(wecom))).toEqual(wecom);
  expect(wecom.corps.map(({ corpId }) => corpId)).toEqual([CORP, CUSTOMER]);
  expect(wecom.corps[0]?.agents[0]).toMatchObject({ agentId: AGENT, token: { issued: 1, killed: true } });
  expect(wecom.suites[0]).toMatchObject({
    suiteId: ID,
    provider: CORP,
    tickets: { issued: 1 },
    token: { issued: 1, killed: false },
    installations: [{ corpId: CUSTOMER, exchanged: true, cancelled: false }],
  });
});

const suites = (suite: object) => ({ wecom: [{ ...WECOM, suites: [{ ...SUITE, ...suite }] }] });

it.each([
  [{ wecom: {} }, '"wecom"'],
  [{ wecom: [{ ...WECOM, corpId: '' }] }, '"corpId"'],
  [{ wecom: [WECOM, WECOM] }, '"corpId"'],
  [{ wecom: [WECOM, { ...WECOM, corpId: 'ww2' }] }, '"suiteId"'],
  [{ wecom: [{ ...WECOM, agents: undefined }] }, '"agents"'],
  [{ wecom: [{ ...WECOM, agents: [...WECOM.agents, { agentId: '1000002', secret: 'x' }] }] }, '"agentId"'],
  [{ wecom: [{ ...WECOM, agents: [{ agentId: 1, secret: WECOM.providerSecret }] }] }, '"secret"'],
  [{ wecom: [{ ...WECOM, colour: 'red' }] }, '"colour"'],
  [{ wecom: [{ ...WECOM, repeatExpiresIn: 'none' }] }, '"repeatExpiresIn"'],
  [{ wecom: [{ ...WECOM, ipAllowList: [''] }] }, '"ipAllowList"'],
  [{ wecom: [{ ...WECOM, callback: { token: 't', encodingAESKey: 'short' } }] }, '"encodingAESKey"'],
  [suites({ encodingAESKey: 'short' }), '"encodingAESKey"'],
  [suites({ callbackUrl: 'nowhere' }), '"callbackUrl"'],
  [suites({ ticketBytes: 513 }), '"ticketBytes"'],
  [suites({ providerBuilt: 'yes' }), '"providerBuilt"'],
  [suites({ corps: [{ corpId: 'ww1' }, { corpId: 'ww1' }] }), '"corpId"'],
])('options that cannot be are refused: %o', async (options, name) => {
  await expect(createSandbox(options as unknown as SandboxOptions)).rejects.toThrow(name);
});
