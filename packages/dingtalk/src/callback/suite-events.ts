import { type DingTalkEvent, readEvent } from './event-fields.js';

/** A new suite ticket: comes about every 5 hours and kills the one before. */
export interface DingTalkSuiteTicket {
  /** Tells this event from the others. */
  readonly type: 'suite_ticket';
  /** The ticket. */
  readonly ticket: string;
  /** When the platform made it, Unix ms: of two tickets the one with the later time counts. 0 where nothing says it. */
  readonly at: number;
}

/** An organisation authorized the suite. */
export interface DingTalkAuthorization {
  /** Tells this event from the others. */
  readonly type: 'authorized';
  /** The organisation. */
  readonly corpId: string;
  /** Unix ms. */
  readonly at: number;
  /** Old HTTP callbacks only: stands for the permanent code, once. */
  readonly tmpAuthCode?: string;
  /** SyncHTTP still sends it along; new apps need none. */
  readonly permanentCode?: string;
}

/**
 * `changed`: the organisation authorized something else. `cancelled`: it took its authorization back, its tokens are dead. `stopped`,
 * `restored`, `removed`: it switched the app off or on, or took it off its list, and the authorization stays.
 */
export interface DingTalkCorpChange {
  /** What happened. */
  readonly type: 'changed' | 'cancelled' | 'stopped' | 'restored' | 'removed';
  /** The organisation. */
  readonly corpId: string;
  /** Unix ms. */
  readonly at: number;
}

/** The platform asks whether the address is ours: to be answered `success`, in 2016 with `random`. */
export interface DingTalkAddressCheck {
  /** Tells this event from the others. */
  readonly type: 'check';
  /** What has to be answered, of checks that bring one. */
  readonly random?: string;
}

/** Anything else, or one that lacks what its kind must have: to be answered `success`. */
export interface DingTalkOtherEvent {
  /** Tells this event from the others. */
  readonly type: 'other';
  /** What it calls itself; empty where it does not. */
  readonly eventType: string;
}

/** What a suite is told, through whichever channel. */
export type DingTalkSuiteEvent =
  | DingTalkSuiteTicket
  | DingTalkAuthorization
  | DingTalkCorpChange
  | DingTalkAddressCheck
  | DingTalkOtherEvent;

/** SyncHTTP's names first, then those of the old HTTP callbacks. Stream uses either. */
const CHANGES: Readonly<Record<string, DingTalkCorpChange['type'] | 'authorized'>> = {
  org_suite_auth: 'authorized',
  org_suite_change: 'changed',
  org_suite_relieve: 'cancelled',
  org_micro_app_stop: 'stopped',
  org_micro_app_restore: 'restored',
  org_micro_app_remove: 'removed',
  tmp_auth_code: 'authorized',
  change_auth: 'changed',
  suite_relieve: 'cancelled',
};

/**
 * What a decrypted push or a Stream event tells a suite. One SyncHTTP push may tell several things; they come in its order.
 *
 * Pages `event-suite-ticket`, `push-suite-ticket-events`, `configure-synchttp-push`, `development-data-format-help`.
 *
 * @param event of `openCallback` or of the stream
 * @param sentAt when the push says it was sent, Unix ms: `at` of what has no time of its own. Default 0
 */
export function suiteEvents(event: DingTalkEvent, sentAt = 0): readonly DingTalkSuiteEvent[] {
  const eventType = textOf(event, 'EventType') ?? '';
  if (!eventType.startsWith('SYNC_HTTP_PUSH')) return [suiteEvent(event, eventType, sentAt)];
  const { bizData } = event;
  if (!Array.isArray(bizData)) return [{ type: 'other', eventType }];
  return bizData.map((entry: unknown) => entryEvent(entry, eventType, sentAt));
}

/** A row of SyncHTTP, which is one of the table `open_sync_biz_data` that RDS has. */
function entryEvent(entry: unknown, eventType: string, sentAt: number): DingTalkSuiteEvent {
  if (!isFields(entry)) return { type: 'other', eventType };
  const data = dataOf(entry['biz_data']);
  const action = textOf(data, 'syncAction');
  if (action === undefined) return { type: 'other', eventType };
  const at = timeOf(entry['gmt_modified']) ?? timeOf(entry['gmt_create']) ?? sentAt;
  // Of a ticket's row it is the suite's own organisation.
  const corpId = textOf(entry, 'corp_id');
  return suiteEvent({ ...data, ...(corpId !== undefined && { CorpId: corpId }) }, action, at);
}

function suiteEvent(event: DingTalkEvent, name: string, sentAt: number): DingTalkSuiteEvent {
  if (name.startsWith('check_')) {
    const random = textOf(event, 'Random');
    return { type: 'check', ...(random !== undefined && { random }) };
  }
  const at = timeOf(event['TimeStamp']) ?? timeOf(event['EventTime']) ?? sentAt;
  if (name === 'suite_ticket') {
    const ticket = textOf(event, 'SuiteTicket') ?? textOf(event, 'suiteTicket');
    return ticket === undefined ? { type: 'other', eventType: name } : { type: 'suite_ticket', ticket, at };
  }
  const type = Object.hasOwn(CHANGES, name) ? CHANGES[name] : undefined;
  const corpId = corpIdOf(event);
  if (type === undefined || corpId === undefined) return { type: 'other', eventType: name };
  return type === 'authorized' ? authorization(event, corpId, at) : { type, corpId, at };
}

function authorization(event: DingTalkEvent, corpId: string, at: number): DingTalkAuthorization {
  const tmpAuthCode = textOf(event, 'AuthCode');
  const permanentCode = textOf(event, 'permanent_code');
  return {
    type: 'authorized',
    corpId,
    at,
    ...(tmpAuthCode !== undefined && { tmpAuthCode }),
    ...(permanentCode !== undefined && { permanentCode }),
  };
}

function corpIdOf(event: DingTalkEvent): string | undefined {
  const info = event['auth_corp_info'];
  const inner = isFields(info) ? textOf(info, 'corpid') : undefined;
  return textOf(event, 'AuthCorpId') ?? textOf(event, 'CorpId') ?? inner;
}

/** Text with JSON in it, or the fields themselves: the platform's pages show both. */
function dataOf(data: unknown): DingTalkEvent {
  if (isFields(data)) return data;
  try {
    return readEvent(String(data));
  } catch {
    return {};
  }
}

/** Unix ms; text or number, and where it is short enough, seconds. A row out of a database may have a `Date`. */
function timeOf(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime() || undefined;
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  if (!/^\d{10}(\d{3})?$/.test(text)) return undefined;
  return text.length === 10 ? Number(text) * 1000 : Number(text);
}

function textOf(event: DingTalkEvent, field: string): string | undefined {
  const value = Object.hasOwn(event, field) ? event[field] : undefined;
  return (typeof value === 'string' && value.trim()) || undefined;
}

function isFields(value: unknown): value is DingTalkEvent {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
