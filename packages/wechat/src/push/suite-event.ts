import type { OtherEvent } from './component-event.js';
import { type PushMessage, textOf } from './push-message.js';
import { momentOf } from './push-moment.js';

/** A new ticket of a suite: comes about every 10 minutes, lives 30. */
export interface SuiteTicket {
  /** Tells this event from the others. */
  readonly type: 'suite_ticket';
  /** SuiteID. */
  readonly suiteId: string;
  /** When the platform made it, Unix ms: of two tickets the one with the later time counts. */
  readonly createTime: number;
  /** The ticket. */
  readonly ticket: string;
}

/** A corp installed the suite, or its permanent code was reset: the code stands for the permanent code, once. */
export interface SuiteInstallation {
  /**
   * `reset_permanent_code` comes for provider-built apps. That it has these fields is known from software that reads it.
   * https://developer.work.weixin.qq.com/document/path/94758
   */
  readonly type: 'create_auth' | 'reset_permanent_code';
  /** SuiteID. */
  readonly suiteId: string;
  /** Unix ms. */
  readonly createTime: number;
  /** What is exchanged, once. */
  readonly authCode: string;
  /** What the installation link carried as `state`. */
  readonly state: string | undefined;
}

/** A corp changed what the suite may do, or took it out: then all its tokens are dead. */
export interface SuiteChange {
  /** What happened. */
  readonly type: 'change_auth' | 'cancel_auth';
  /** SuiteID. */
  readonly suiteId: string;
  /** Unix ms. */
  readonly createTime: number;
  /** CorpID of the customer. */
  readonly authCorpId: string;
}

/** What comes to the command address of a WeCom suite. */
export type SuiteEvent = SuiteTicket | SuiteInstallation | SuiteChange | OtherEvent;

/**
 * Reads the message of a push to a suite's command address. One that lacks what its kind must have is `other`.
 * https://developer.work.weixin.qq.com/document/path/90628
 */
export function suiteEvent(message: PushMessage): SuiteEvent {
  const infoType = textOf(message, 'InfoType');
  const suiteId = textOf(message, 'SuiteId');
  const createTime = momentOf(textOf(message, 'TimeStamp'));
  if (!suiteId || createTime === undefined) return { type: 'other', infoType };
  return eventOf(message, infoType, suiteId, createTime) ?? { type: 'other', infoType };
}

function eventOf(
  message: PushMessage,
  infoType: string | undefined,
  suiteId: string,
  createTime: number,
): SuiteEvent | undefined {
  switch (infoType) {
    case 'suite_ticket': {
      const ticket = textOf(message, 'SuiteTicket');
      return ticket ? { type: infoType, suiteId, createTime, ticket } : undefined;
    }
    case 'create_auth':
    case 'reset_permanent_code': {
      const authCode = textOf(message, 'AuthCode');
      const state = textOf(message, 'State') || undefined;
      return authCode ? { type: infoType, suiteId, createTime, authCode, state } : undefined;
    }
    case 'change_auth':
    case 'cancel_auth': {
      const authCorpId = textOf(message, 'AuthCorpId');
      return authCorpId ? { type: infoType, suiteId, createTime, authCorpId } : undefined;
    }
    default:
      return undefined;
  }
}
