import type { DingTalkSuite } from './suite.js';

/** What can happen to a suite in an organisation. */
export const SUITE_EVENTS = ['authorized', 'changed', 'cancelled', 'stopped', 'restored', 'removed'] as const;
/** Names of a suite's events. */
export type SuiteEventName = (typeof SUITE_EVENTS)[number];

/** Something to be told: a ticket, or what happened in an organisation. */
export interface SuiteEvent {
  readonly name: SuiteEventName | 'ticket';
  readonly at: number;
  readonly corpId?: string;
  /** Members of the inner message, such as the ticket or the code. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The names of one event in the plain messages of old and in the data of SyncHTTP and Stream; `bizType` is the latter's. */
interface EventNames {
  readonly legacy: string;
  readonly action: string;
  readonly bizType: number;
}

const NAMES: Readonly<Record<SuiteEvent['name'], EventNames>> = {
  ticket: { legacy: 'suite_ticket', action: 'suite_ticket', bizType: 2 },
  authorized: { legacy: 'tmp_auth_code', action: 'org_suite_auth', bizType: 4 },
  changed: { legacy: 'change_auth', action: 'org_suite_change', bizType: 4 },
  cancelled: { legacy: 'suite_relieve', action: 'org_suite_relieve', bizType: 4 },
  stopped: { legacy: 'org_micro_app_stop', action: 'org_micro_app_stop', bizType: 7 },
  restored: { legacy: 'org_micro_app_restore', action: 'org_micro_app_restore', bizType: 7 },
  removed: { legacy: 'org_micro_app_remove', action: 'org_micro_app_remove', bizType: 7 },
};

/** What an event is called in the log of pushes. */
export function eventName(suite: DingTalkSuite, { name }: SuiteEvent): string {
  return suite.pushMode === 'legacy' ? NAMES[name].legacy : NAMES[name].action;
}

/** The plain message of old. */
export function legacyMessage(suite: DingTalkSuite, event: SuiteEvent): Record<string, unknown> {
  const { ticket, tmpAuthCode } = event.fields;
  return {
    EventType: NAMES[event.name].legacy,
    SuiteKey: suite.account,
    TimeStamp: event.at,
    ...(event.corpId !== undefined && { AuthCorpId: event.corpId }),
    ...(ticket !== undefined && { SuiteTicket: ticket }),
    ...(tmpAuthCode !== undefined && { AuthCode: tmpAuthCode }),
  };
}

/** SyncHTTP's envelope: one push may carry several events. */
export function syncHttpMessage(suite: DingTalkSuite, events: readonly SuiteEvent[]): Record<string, unknown> {
  return {
    EventType: 'SYNC_HTTP_PUSH_HIGH',
    bizData: events.map((event, index) => {
      const data = innerData(suite, event);
      return {
        gmt_create: event.at,
        gmt_modified: event.at,
        biz_type: NAMES[event.name].bizType,
        open_cursor: 0,
        subscribe_id: `${suite.account}_0`,
        id: index + 1,
        biz_id: event.corpId === undefined ? suite.account : String(suite.installation(event.corpId).agentId),
        corp_id: event.corpId ?? suite.corpId ?? suite.account,
        status: 0,
        biz_data: suite.switches.bizData === 'object' ? data : JSON.stringify(data),
      };
    }),
  };
}

/** An event as a Stream client gets it: its type, and its data. */
export function streamEvent(suite: DingTalkSuite, event: SuiteEvent): { eventType: string; data: object } {
  const { action } = NAMES[event.name];
  const { ticket } = event.fields;
  return { eventType: action, data: event.name === 'ticket' ? { suiteTicket: ticket } : innerData(suite, event) };
}

function innerData(suite: DingTalkSuite, { name, corpId, fields }: SuiteEvent): Record<string, unknown> {
  const { action: syncAction } = NAMES[name];
  if (corpId === undefined) return { syncAction, suiteTicket: fields['ticket'], syncSeq: '1' };
  const { agentId, name: corpName, permanentCode } = suite.installation(corpId);
  const agent = { agentid: agentId, appid: agentId, agent_name: suite.account };
  if (name !== 'authorized' && name !== 'changed') return { syncAction, agentId, appId: agentId };
  return {
    syncAction,
    ...(name === 'authorized' && { permanent_code: permanentCode }),
    auth_corp_info: { corpid: corpId, corp_name: corpName },
    auth_user_info: { userId: suite.users[0]?.userid },
    auth_info: { agent: [agent] },
  };
}
