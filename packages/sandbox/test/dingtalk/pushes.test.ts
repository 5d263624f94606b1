import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { DINGTALK, HOUR, SECOND, START, startSandbox } from '../support.js';
import { encryptedReply, entries, SUITE_KEYS, startApp } from './push-support.js';
import { CORP_ID, OTHER_CORP_ID, oapi, SUITE, startSuite, suiteToken, ticketOf } from './suite-support.js';

/** Advances by the distance of two tries, and waits for the next one. */
async function again(sandbox: Sandbox, ms = 5 * SECOND): Promise<void> {
  sandbox.advance(ms);
  await sandbox.pushes();
}

describe('a pushed suite ticket', () => {
  it('comes at once and every five hours, plainly, and works', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy' });
    await sandbox.pushes();
    const common = { EventType: 'suite_ticket', SuiteKey: SUITE.suiteKey };
    expect(app.messages).toEqual([{ ...common, TimeStamp: START, SuiteTicket: ticketOf(sandbox) }]);
    await again(sandbox, 5 * HOUR - 1);
    expect(app.messages).toHaveLength(1);
    await again(sandbox, 1);
    expect(app.messages[1]).toEqual({ ...common, TimeStamp: START + 5 * HOUR, SuiteTicket: ticketOf(sandbox) });
    expect((await suiteToken(sandbox)).errcode).toBe(0);
    expect(sandbox.pushLog()).toMatchObject([
      {
        platform: 'dingtalk',
        account: SUITE.suiteKey,
        event: 'suite_ticket',
        url: app.url,
        tries: 1,
        outcome: 'success',
      },
      { at: START + 5 * HOUR, outcome: 'success' },
    ]);
  });

  it.each(['string', 'object'] as const)('comes in the envelope of SyncHTTP, its data a %s', async (bizData) => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, bizData });
    await sandbox.pushes();
    expect(app.messages[0]?.['EventType']).toBe('SYNC_HTTP_PUSH_HIGH');
    expect(app.messages[0]).toMatchObject({
      bizData: [{ biz_data: expect.any(bizData === 'string' ? String : Object) }],
    });
    expect(entries(app.messages[0])).toMatchObject([
      { biz_type: 2, gmt_modified: START, biz_data: { syncAction: 'suite_ticket', suiteTicket: ticketOf(sandbox) } },
    ]);
  });

  it.each([
    ['signature', ['signature']],
    ['msg_signature', ['msg_signature']],
    ['both', ['signature', 'msg_signature']],
  ] as const)('is signed as %s', async (signatureParameter, names) => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, signatureParameter });
    await sandbox.pushes();
    const query = app.received[0]?.query;
    expect([...(query?.keys() ?? [])].filter((name) => name.endsWith('signature'))).toEqual(names);
    expect(app.messages).toHaveLength(1);
  });

  it('comes again, with another nonce, until it is acknowledged encrypted', async () => {
    const replies = [{ body: 'success' }, { status: 500 }, { body: encryptedReply(SUITE_KEYS, 'fail') }];
    const app = await startApp(
      SUITE_KEYS,
      (_message, count) => replies[count - 1] ?? { body: encryptedReply(SUITE_KEYS) },
    );
    const sandbox = await startSuite({ callbackUrl: app.url });
    await sandbox.pushes();
    expect(sandbox.pushLog()).toMatchObject([{ tries: 1, outcome: 'invalid' }]);
    await again(sandbox, 5 * SECOND - 1);
    expect(app.messages).toHaveLength(1);
    await again(sandbox, 1);
    expect(sandbox.pushLog()).toMatchObject([{ tries: 2, outcome: 'status', status: 500 }]);
    await again(sandbox);
    expect(sandbox.pushLog()).toMatchObject([{ tries: 3, outcome: 'invalid' }]);
    await again(sandbox);
    await again(sandbox);
    expect(sandbox.pushLog()).toMatchObject([{ tries: 4, outcome: 'success', status: 200 }]);
    expect(app.messages).toEqual(Array(4).fill(app.messages[0]));
    expect(new Set(app.received.map(({ query }) => query.get('nonce'))).size).toBe(4);
  });

  it('is not acknowledged by a reply with a wrong signature, or one that is meant for somebody else', async () => {
    const unsigned = { ...(JSON.parse(encryptedReply(SUITE_KEYS)) as object), msg_signature: 'wrong' };
    const foreign = encryptedReply({ ...SUITE_KEYS, receiveId: 'somebody' });
    const replies = [JSON.stringify(unsigned), foreign];
    const app = await startApp(SUITE_KEYS, (_message, count) => ({ body: replies[count - 1] ?? '{}' }));
    const sandbox = await startSuite({ callbackUrl: app.url });
    for (const tries of [1, 2]) {
      await again(sandbox);
      expect(sandbox.pushLog()).toMatchObject([{ tries, outcome: 'invalid' }]);
    }
  });

  it('is given up after a hundred tries', async () => {
    const app = await startApp(SUITE_KEYS, () => ({ status: 500 }));
    const sandbox = await startSuite({ callbackUrl: app.url, repushEveryMs: 0, suiteTicketEveryMs: 0 });
    sandbox.dingtalkSuite.pushTicket(SUITE.suiteKey);
    await sandbox.pushes();
    await again(sandbox, HOUR);
    expect(app.messages).toHaveLength(100);
    expect(sandbox.pushLog()).toMatchObject([{ tries: 100, outcome: 'status' }]);
  });

  it('does not come again once there is a newer one', async () => {
    const app = await startApp(SUITE_KEYS, () => ({ status: 500 }));
    const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy' });
    await sandbox.pushes();
    const first = ticketOf(sandbox);
    await again(sandbox, 5 * HOUR);
    await again(sandbox);
    expect(app.messages.filter((message) => message['SuiteTicket'] === first)).toHaveLength(1);
    expect(app.messages).toHaveLength(3);
  });

  it('can be pushed late, twice, and out of order', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy', suiteTicketEveryMs: 0 });
    const first = sandbox.dingtalkSuite.issueTicket(SUITE.suiteKey);
    const second = sandbox.dingtalkSuite.pushTicket(SUITE.suiteKey);
    sandbox.dingtalkSuite.pushTicket(SUITE.suiteKey, { ticket: 'newest' });
    sandbox.dingtalkSuite.pushTicket(SUITE.suiteKey, { ticket: 'older' });
    await sandbox.pushes();
    expect(second.at).toBeGreaterThan(first.at);
    const told = app.messages.map(({ SuiteTicket: ticket, TimeStamp: at }) => ({ ticket, at }));
    expect(told).toEqual([second, second, first]);
  });

  it('goes to another address, with other keys, once the console says so', async () => {
    const keys = { token: 'otherToken', encodingAESKey: 'a'.repeat(43), receiveId: SUITE.suiteKey };
    const app = await startApp(keys);
    const sandbox = await startSuite();
    await sandbox.pushes();
    expect(sandbox.pushLog()).toEqual([]);
    const { token, encodingAESKey } = keys;
    sandbox.dingtalkSuite.setCallback(SUITE.suiteKey, { callbackUrl: app.url, token, encodingAESKey });
    await sandbox.pushes();
    expect(entries(app.messages.at(-1))).toMatchObject([{ biz_data: { suiteTicket: ticketOf(sandbox) } }]);
    expect(() => sandbox.dingtalkSuite.setCallback(SUITE.suiteKey, { encodingAESKey: 'short' })).toThrow(
      '"encodingAESKey"',
    );
  });
});

describe('events of organisations', () => {
  it('are told plainly, an authorization with its code', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy', suiteTicketEveryMs: 0 });
    const { suiteKey } = SUITE;
    const { tmpAuthCode } = sandbox.dingtalkSuite.authorize(suiteKey, OTHER_CORP_ID);
    sandbox.dingtalkSuite.change(suiteKey, OTHER_CORP_ID);
    sandbox.dingtalkSuite.cancel(suiteKey, OTHER_CORP_ID, { at: START + 1 });
    await sandbox.pushes();
    const common = { SuiteKey: suiteKey, AuthCorpId: OTHER_CORP_ID, TimeStamp: START };
    expect(app.messages).toEqual([
      { ...common, EventType: 'tmp_auth_code', AuthCode: tmpAuthCode },
      { ...common, EventType: 'change_auth' },
      { ...common, EventType: 'suite_relieve', TimeStamp: START + 1 },
    ]);
    expect(sandbox.pushLog().map(({ subject }) => subject)).toEqual(Array(3).fill(OTHER_CORP_ID));
  });

  it('are told in the envelope of SyncHTTP', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, suiteTicketEveryMs: 0 });
    const { suiteKey } = SUITE;
    sandbox.dingtalkSuite.authorize(suiteKey, { corpId: 'third', permanentCode: 'permanent' });
    for (const act of ['change', 'stop', 'restore', 'remove', 'cancel'] as const) {
      sandbox.dingtalkSuite[act](suiteKey, 'third');
    }
    await sandbox.pushes();
    const told = app.messages.flatMap(entries);
    expect(told.every((entry) => entry['corp_id'] === 'third')).toBe(true);
    expect(
      told.map(({ biz_type: type, biz_data: data }) => [type, (data as { syncAction: string }).syncAction]),
    ).toEqual([
      [4, 'org_suite_auth'],
      [4, 'org_suite_change'],
      [7, 'org_micro_app_stop'],
      [7, 'org_micro_app_restore'],
      [7, 'org_micro_app_remove'],
      [4, 'org_suite_relieve'],
    ]);
    expect(told[0]?.['biz_data']).toMatchObject({ permanent_code: 'permanent', auth_corp_info: { corpid: 'third' } });
  });

  it('can be kept back, repeated, and told together', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, suiteTicketEveryMs: 0 });
    const { suiteKey } = SUITE;
    sandbox.dingtalkSuite.change(suiteKey, CORP_ID, { push: false });
    sandbox.dingtalkSuite.cancel(suiteKey, CORP_ID, { push: false });
    await sandbox.pushes();
    expect(app.messages).toEqual([]);
    sandbox.dingtalkSuite.repeatEvent(suiteKey, { event: 'changed' });
    sandbox.dingtalkSuite.repeatTogether(suiteKey, 2);
    await sandbox.pushes();
    expect(app.messages.map((message) => entries(message).length)).toEqual([1, 2]);
    expect(() => sandbox.dingtalkSuite.repeatEvent(suiteKey, { event: 'authorized' })).toThrow('no such event');
    sandbox.dingtalkSuite.configure(suiteKey, { pushMode: 'legacy' });
    expect(() => sandbox.dingtalkSuite.repeatTogether(suiteKey, 2)).toThrow('syncHttp');
  });

  it('go on when the code of one was spent: 40078 to the second', async () => {
    const app = await startApp(SUITE_KEYS, () => ({ status: 500 }));
    const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy', suiteTicketEveryMs: 0 });
    sandbox.dingtalkSuite.issueTicket(SUITE.suiteKey);
    sandbox.dingtalkSuite.authorize(SUITE.suiteKey, OTHER_CORP_ID);
    await sandbox.pushes();
    await again(sandbox);
    const { suite_access_token } = await suiteToken(sandbox);
    const answers = [];
    for (const { AuthCode } of app.messages) {
      const body = { tmp_auth_code: AuthCode };
      answers.push((await oapi(sandbox, '/service/get_permanent_code', { suite_access_token }, body)).errcode);
    }
    expect(answers).toEqual([0, 40078]);
  });

  it('may be any other, as it stands', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, suiteTicketEveryMs: 0 });
    sandbox.dingtalkSuite.pushEvent(SUITE.suiteKey, { EventType: ' suite_ticket ', SuiteTicket: 'strange' });
    await sandbox.pushes();
    expect(app.messages).toEqual([{ EventType: ' suite_ticket ', SuiteTicket: 'strange' }]);
    expect(sandbox.pushLog()).toMatchObject([{ event: 'suite_ticket' }]);
  });
});

describe('a check of the callback URL', () => {
  it('wants the encrypted success, and is made once', async () => {
    const app = await startApp();
    const sandbox = await startSuite({ callbackUrl: app.url, suiteTicketEveryMs: 0 });
    expect(await sandbox.dingtalkSuite.checkUrl(SUITE.suiteKey)).toMatchObject({
      event: 'check_url',
      outcome: 'success',
    });
    expect(app.messages).toEqual([{ EventType: 'check_url' }]);
    const other = await startApp(SUITE_KEYS, () => ({ body: 'success' }));
    sandbox.dingtalkSuite.setCallback(SUITE.suiteKey, { callbackUrl: other.url });
    expect((await sandbox.dingtalkSuite.checkUrl(SUITE.suiteKey)).outcome).toBe('invalid');
    await again(sandbox);
    expect(other.messages).toHaveLength(1);
  });

  it.each([
    ['success', 'success', 'invalid'],
    ['random', 'invalid', 'success'],
  ] as const)('of a new suite wants %s', async (checkReply, toSuccess, toRandom) => {
    const keys = { ...SUITE_KEYS, receiveId: 'suitetest' };
    const replies = { success: () => 'success', random: (random: unknown) => String(random) };
    const outcomes = [];
    for (const reply of [replies.success, replies.random]) {
      const app = await startApp(keys, (message) => ({ body: encryptedReply(keys, reply(message['Random'])) }));
      const sandbox = await startSuite({ callbackUrl: app.url, suiteTicketEveryMs: 0, checkReply });
      const options = { event: 'check_create_suite_url', testSuiteKey: 'suitetest' } as const;
      outcomes.push((await sandbox.dingtalkSuite.checkUrl(SUITE.suiteKey, options)).outcome);
      expect(app.messages).toMatchObject([{ EventType: 'check_create_suite_url', TestSuiteKey: 'suitetest' }]);
    }
    expect(outcomes).toEqual([toSuccess, toRandom]);
  });

  it('is refused where there is no address', async () => {
    const sandbox = await startSuite();
    await expect(sandbox.dingtalkSuite.checkUrl(SUITE.suiteKey)).rejects.toThrow('"callbackUrl"');
    await expect(sandbox.dingtalk.checkUrl(DINGTALK.appKey)).rejects.toThrow('"callback"');
  });
});

describe('the callback of an internal app', () => {
  it.each([
    ['appKey', DINGTALK.appKey],
    ['corpId', DINGTALK.corpId],
  ] as const)('gets events with the %s for an owner key', async (ownerKey, receiveId) => {
    const keys = { token: 'appToken', encodingAESKey: 'b'.repeat(43), receiveId };
    const app = await startApp(keys);
    const { token, encodingAESKey } = keys;
    const callback = { url: app.url, token, encodingAESKey, ownerKey };
    const sandbox = await startSandbox({ dingtalk: [{ ...DINGTALK, callback }] });
    expect((await sandbox.dingtalk.checkUrl(DINGTALK.appKey)).outcome).toBe('success');
    sandbox.dingtalk.pushEvent(DINGTALK.appKey, { EventType: 'user_add_org', UserId: ['lan'] });
    await sandbox.pushes();
    expect(app.messages).toEqual([{ EventType: 'check_url' }, { EventType: 'user_add_org', UserId: ['lan'] }]);
  });
});

it('a reset forgets what was to be pushed again', async () => {
  const app = await startApp(SUITE_KEYS, () => ({ status: 500 }));
  const sandbox = await startSuite({ callbackUrl: app.url, pushMode: 'legacy' });
  await sandbox.pushes();
  sandbox.dingtalkSuite.cancel(SUITE.suiteKey, CORP_ID);
  await sandbox.pushes();
  sandbox.reset();
  await again(sandbox);
  expect(app.messages.filter((message) => message['EventType'] === 'suite_relieve')).toHaveLength(1);
  expect(sandbox.state().dingtalkSuites[0]?.corps[0]?.authorized).toBe(true);
});
