import { describe, expect, it } from 'vitest';
import { openCallback, suiteEvents } from '../../src/index.js';
import { eventIn, pushOf, SETTINGS, TICKET } from './pushes.js';

const AT = 1_608_639_648_000;
const CORP = 'dingffea2a0dcc37d0';

/** A row as SyncHTTP pushes it. */
function row(biz_type: number, data: unknown, more: object = {}): Record<string, unknown> {
  const times = { gmt_create: AT - 5_000, gmt_modified: AT };
  return {
    ...times,
    biz_type,
    corp_id: CORP,
    biz_id: '1489',
    subscribe_id: '1489_0',
    status: 0,
    open_cursor: 0,
    biz_data: data,
    ...more,
  };
}

const sync = (...bizData: unknown[]) => ({ EventType: 'SYNC_HTTP_PUSH_HIGH', bizData });

/** Through a push, as it comes. */
async function told(event: unknown) {
  const push = eventIn(await openCallback(pushOf({ event }), SETTINGS));
  return suiteEvents(push.event, push.timestamp);
}

describe('a suite ticket', () => {
  const expected = [{ type: 'suite_ticket', ticket: 'TicketAlpha123', at: 1_700_000_000_000 }];

  it('by the old HTTP callback, its time a number or text', async () => {
    expect(await told(TICKET)).toEqual(expected);
    expect(await told({ ...TICKET, TimeStamp: '1700000000000' })).toEqual(expected);
    expect(await told({ ...TICKET, EventType: ' suite_ticket ', SuiteTicket: ' TicketAlpha123' })).toEqual(expected);
    expect(await told({ ...TICKET, TimeStamp: 1_700_000_000 })).toEqual(expected);
  });

  it('by SyncHTTP, its data as text or as fields', async () => {
    const data = { syncAction: 'suite_ticket', suiteTicket: 'T1' };
    const event = { type: 'suite_ticket', ticket: 'T1', at: AT };
    expect(await told(sync(row(2, JSON.stringify(data))))).toEqual([event]);
    expect(await told(sync(row(2, data)))).toEqual([event]);
    expect(await told(sync(row(2, data, { gmt_modified: undefined })))).toEqual([{ ...event, at: AT - 5_000 }]);
  });

  it('by the table of RDS, as a driver reads it', () => {
    const data = JSON.stringify({ syncAction: 'suite_ticket', suiteTicket: 'T1' });
    const event = { type: 'suite_ticket', ticket: 'T1', at: AT };
    expect(suiteEvents(sync(row(2, data, { gmt_modified: new Date(AT) })))).toEqual([event]);
    const rows = sync(row(2, data, { gmt_modified: new Date(Number.NaN), gmt_create: undefined }));
    expect(suiteEvents(rows, 7)).toEqual([{ ...event, at: 7 }]);
  });

  it('by the stream: the event’s fields and the frame’s', () => {
    expect(
      suiteEvents({ EventType: 'suite_ticket', TimeStamp: '1700000000000', suiteTicket: 'TicketAlpha123' }),
    ).toEqual(expected);
  });

  it('without a time of its own has that of the push', () => {
    const { TimeStamp, ...event } = TICKET;
    expect(TimeStamp).toBeDefined();
    expect(suiteEvents(event, 7)).toEqual([{ ...expected[0], at: 7 }]);
    expect(suiteEvents({ ...event, TimeStamp: 'yesterday' }, 7)).toEqual([{ ...expected[0], at: 7 }]);
    expect(suiteEvents(event)).toEqual([{ ...expected[0], at: 0 }]);
  });

  it.each([{ ...TICKET, SuiteTicket: '' }, { ...TICKET, SuiteTicket: 5 }, { EventType: 'suite_ticket' }])(
    'that is none is something else: %j',
    async (event) => expect(await told(event)).toEqual([{ type: 'other', eventType: 'suite_ticket' }]),
  );
});

describe('what organisations do', () => {
  it.each([
    ['org_suite_auth', 4, 'authorized'],
    ['org_suite_change', 4, 'changed'],
    ['org_suite_relieve', 4, 'cancelled'],
    ['org_micro_app_stop', 7, 'stopped'],
    ['org_micro_app_restore', 7, 'restored'],
    ['org_micro_app_remove', 7, 'removed'],
  ])('%s by SyncHTTP', async (syncAction, bizType, type) => {
    expect(await told(sync(row(bizType, JSON.stringify({ syncAction }))))).toEqual([{ type, corpId: CORP, at: AT }]);
  });

  it('an authorization by SyncHTTP with all that the platform sends along', async () => {
    const data = {
      syncAction: 'org_suite_auth',
      auth_user_info: { userId: 'manager4' },
      auth_corp_info: { corpid: CORP, corp_name: '测试组织' },
      auth_info: { agent: [{ agentid: 1038226450, appid: 62282 }] },
      permanent_code: 'MFcbac-7zg0',
    };
    const event = { type: 'authorized', corpId: CORP, at: AT, permanentCode: 'MFcbac-7zg0' };
    expect(await told(sync(row(4, JSON.stringify(data))))).toEqual([event]);
    expect(await told(sync(row(4, data, { corp_id: undefined })))).toEqual([event]);
  });

  it.each([
    ['tmp_auth_code', { AuthCode: 'code1' }, { type: 'authorized', tmpAuthCode: 'code1' }],
    ['change_auth', {}, { type: 'changed' }],
    ['suite_relieve', {}, { type: 'cancelled' }],
  ])('%s by the old HTTP callback', async (EventType, more, expected) => {
    const event = { SuiteKey: 'suite1', EventType, TimeStamp: String(AT), AuthCorpId: CORP, ...more };
    expect(await told(event)).toEqual([{ corpId: CORP, at: AT, ...expected }]);
  });

  it('by the stream, where the frame names the organisation', () => {
    expect(suiteEvents({ EventType: 'org_suite_relieve', CorpId: CORP, TimeStamp: AT })).toEqual([
      { type: 'cancelled', corpId: CORP, at: AT },
    ]);
  });

  it('without a corp is something else', async () => {
    expect(await told({ EventType: 'suite_relieve', TimeStamp: AT })).toEqual([
      { type: 'other', eventType: 'suite_relieve' },
    ]);
  });
});

describe('the rest', () => {
  it('several rows of one push come in its order, and one that cannot be read hides no other', async () => {
    const ticket = { syncAction: 'suite_ticket', suiteTicket: 'T2' };
    const rows = [
      row(4, { syncAction: 'org_suite_auth' }),
      row(2, 'no json'),
      null,
      row(13, { syncAction: 'user_add_org' }),
      row(2, ticket),
    ];
    expect(await told(sync(...rows))).toEqual([
      { type: 'authorized', corpId: CORP, at: AT },
      { type: 'other', eventType: 'SYNC_HTTP_PUSH_HIGH' },
      { type: 'other', eventType: 'SYNC_HTTP_PUSH_HIGH' },
      { type: 'other', eventType: 'user_add_org' },
      { type: 'suite_ticket', ticket: 'T2', at: AT },
    ]);
  });

  it.each([
    [{ EventType: 'check_url' }, { type: 'check' }],
    [
      { EventType: 'check_update_suite_url ', Random: 'r1' },
      { type: 'check', random: 'r1' },
    ],
    [
      { EventType: 'check_create_suite_url', Random: 'r2', TestSuiteKey: 's' },
      { type: 'check', random: 'r2' },
    ],
    [{ EventType: 'bpms_instance_change' }, { type: 'other', eventType: 'bpms_instance_change' }],
    [{ EventType: 'SYNC_HTTP_PUSH_MEDIUM', bizData: [] }, undefined],
    [{ EventType: 'SYNC_HTTP_PUSH_HIGH' }, { type: 'other', eventType: 'SYNC_HTTP_PUSH_HIGH' }],
    [{ EventType: 'toString' }, { type: 'other', eventType: 'toString' }],
    [{}, { type: 'other', eventType: '' }],
  ])('%j', async (event, expected) => {
    expect(await told(event)).toEqual(expected === undefined ? [] : [expected]);
  });
});
