import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CallbackSettings, type DingTalkSuiteEvent, openCallback, suiteEvents } from '../../src/index.js';

const { suiteKey, token, encodingAESKey } = SANDBOX_ACCOUNTS.dingtalkSuite;
const { appKey, corpId } = SANDBOX_ACCOUNTS.dingtalk;
const CORP = 'dingsandboxcorp2';

let sandbox: Sandbox;
let url: string;
let answer: 'success' | 'nothing';
let settings: CallbackSettings;
const events: DingTalkSuiteEvent[] = [];
const plain: Record<string, unknown>[] = [];

const server = createServer(async (request, response) => {
  const push = await openCallback(await callbackRequest(request), settings);
  if (push.kind === 'event') {
    events.push(...suiteEvents(push.event, push.timestamp));
    plain.push({ ...push.event });
  }
  if (answer === 'success') sendReply(response, push.kind === 'event' ? push.reply() : push.reply);
  else response.writeHead(200).end();
});

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/dingtalk`;
  sandbox = await createSandbox({
    dingtalkSuites: [{ ...SANDBOX_ACCOUNTS.dingtalkSuite, suiteTicketEveryMs: 0 }],
  });
  answer = 'success';
  settings = { keys: [{ token, encodingAESKey }], ownerKeys: [suiteKey, appKey, corpId], now: () => sandbox.now() };
  events.length = 0;
  plain.length = 0;
});

afterEach(async () => {
  await sandbox.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const outcomes = () => sandbox.pushLog().map(({ event, outcome }) => [event, outcome]);

describe('what the simulated platform pushes', () => {
  it.each(['legacy', 'syncHttp'] as const)('a suite’s life by %s', async (pushMode) => {
    sandbox.dingtalkSuite.configure(suiteKey, { pushMode });
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    const { ticket, at } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    const { tmpAuthCode } = sandbox.dingtalkSuite.authorize(suiteKey, CORP);
    for (const happening of ['change', 'stop', 'restore', 'remove', 'cancel'] as const) {
      sandbox.dingtalkSuite[happening](suiteKey, CORP);
    }
    await sandbox.pushes();
    expect(events).toEqual([
      { type: 'suite_ticket', ticket, at },
      {
        type: 'authorized',
        corpId: CORP,
        at: expect.any(Number),
        ...(pushMode === 'legacy' ? { tmpAuthCode } : { permanentCode: expect.any(String) }),
      },
      ...['changed', 'stopped', 'restored', 'removed', 'cancelled'].map((type) => ({
        type,
        corpId: CORP,
        at: expect.any(Number),
      })),
    ]);
    expect(outcomes().map(([, outcome]) => outcome)).toEqual(Array(7).fill('success'));
  });

  it.each(['string', 'object'] as const)('several events in one push, their data as %s', async (bizData) => {
    sandbox.dingtalkSuite.configure(suiteKey, { pushMode: 'syncHttp', bizData });
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    sandbox.dingtalkSuite.authorize(suiteKey, CORP, { push: false });
    sandbox.dingtalkSuite.change(suiteKey, CORP, { push: false });
    sandbox.dingtalkSuite.repeatTogether(suiteKey, 2);
    await sandbox.pushes();
    expect(events.map(({ type }) => type)).toEqual(['authorized', 'changed']);
    expect(plain).toHaveLength(1);
  });

  it.each(['signature', 'msg_signature', 'both'] as const)(
    'with the signature called %s',
    async (signatureParameter) => {
      sandbox.dingtalkSuite.configure(suiteKey, { pushMode: 'legacy', signatureParameter });
      sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
      sandbox.dingtalkSuite.pushTicket(suiteKey);
      await sandbox.pushes();
      expect(outcomes()).toEqual([['suite_ticket', 'success']]);
    },
  );

  it.each(['check_url', 'check_create_suite_url', 'check_update_suite_url'] as const)('%s', async (event) => {
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    expect(await sandbox.dingtalkSuite.checkUrl(suiteKey, { event })).toMatchObject({ outcome: 'success' });
    expect(events).toEqual([{ type: 'check', ...(event !== 'check_url' && { random: expect.any(String) }) }]);
  });

  it('the check of an address for a suite that has no key yet', async () => {
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    const check = { event: 'check_create_suite_url', testSuiteKey: 'suite4xxxxxxxxxxxxxxx' } as const;
    expect(await sandbox.dingtalkSuite.checkUrl(suiteKey, check)).toMatchObject({ outcome: 'success' });
  });

  it.each(['appKey', 'corpId'] as const)('an app’s own events, for its %s', async (ownerKey) => {
    sandbox.dingtalk.setCallback(appKey, { url, token, encodingAESKey, ownerKey });
    sandbox.dingtalk.pushEvent(appKey, { EventType: 'user_add_org', CorpId: corpId, UserId: ['u1'] });
    await sandbox.pushes();
    expect(plain).toEqual([{ EventType: 'user_add_org', CorpId: corpId, UserId: ['u1'] }]);
    expect(outcomes()).toEqual([['user_add_org', 'success']]);
  });

  it('again while it is not acknowledged, signed anew each time', async () => {
    sandbox.dingtalkSuite.configure(suiteKey, { pushMode: 'legacy' });
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    answer = 'nothing';
    const { ticket, at } = sandbox.dingtalkSuite.pushTicket(suiteKey);
    await sandbox.pushes();
    answer = 'success';
    sandbox.advance(2 * 3_600_000);
    await sandbox.pushes();
    expect(events).toEqual(Array(2).fill({ type: 'suite_ticket', ticket, at }));
    expect(outcomes()).toEqual([['suite_ticket', 'success']]);
  });

  it('to one who has other keys: refused', async () => {
    sandbox.dingtalkSuite.setCallback(suiteKey, { callbackUrl: url });
    settings = { ...settings, keys: [{ token: 'other', encodingAESKey }] };
    expect(await sandbox.dingtalkSuite.checkUrl(suiteKey)).toMatchObject({ outcome: 'status', status: 403 });
    settings = { ...settings, keys: [{ token, encodingAESKey }], ownerKeys: ['suiteother'] };
    expect(await sandbox.dingtalkSuite.checkUrl(suiteKey)).toMatchObject({ outcome: 'status', status: 403 });
    expect(events).toEqual([]);
  });
});
