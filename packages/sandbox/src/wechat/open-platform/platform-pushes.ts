import { assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../../check.js';
import type { Clock } from '../../clock.js';
import type { PushFields } from '../../push-message.js';
import type { PushRecord, PushSender } from '../../push-sender.js';
import type { OpenPlatformSettings } from './account.js';
import type { Authorizer } from './authorizer.js';
import type { TicketBook } from './ticket-book.js';

/** Which ticket is pushed, and when it says it was made. */
export interface TicketPush {
  /** A new one, the newest again (a duplicate), or the one before it (out of order). Default: `new`. */
  readonly ticket?: 'new' | 'newest' | 'older';
  /** `CreateTime`, Unix seconds. Default: now for a new ticket, the ticket's own for another. */
  readonly createTime?: number;
}

/** How an event is told. */
export interface Telling {
  readonly push: boolean;
  /** Unix seconds; undefined for now. */
  readonly createTime: number | undefined;
}

interface Authorized {
  readonly code: string;
  readonly expiresAt: number;
  readonly preAuthCode: string | undefined;
}

/** The pushes of one component, each to its callback URL where there is one. */
export class PlatformPushes {
  readonly #told = new WeakMap<Authorizer, PushFields>();
  readonly #settings: () => OpenPlatformSettings;
  readonly #tickets: TicketBook;
  readonly #clock: Clock;
  readonly #sender: PushSender;

  constructor(settings: () => OpenPlatformSettings, tickets: TicketBook, parts: { clock: Clock; pushes: PushSender }) {
    this.#settings = settings;
    this.#tickets = tickets;
    this.#clock = parts.clock;
    this.#sender = parts.pushes;
  }

  /** A verify ticket. Throws a `TypeError` where there is no callback URL, or no older ticket. */
  ticket(order: TicketPush = {}): Promise<PushRecord> {
    assertKnownKeys('a ticket push', order, ['ticket', 'createTime']);
    const { ticket: which = 'new', createTime } = order;
    assertOneOf('ticket', which, ['new', 'newest', 'older']);
    if (createTime !== undefined) assertCount('createTime', createTime, 0);
    const url = this.#url('callbackUrl');
    const ticket = this.#pick(which, createTime);
    return this.#send(url, {
      InfoType: 'component_verify_ticket',
      CreateTime: createTime ?? ticket.createTime,
      ComponentVerifyTicket: ticket.value,
    });
  }

  /** Keeps what happened for `repeat`, and pushes it where `push` says so and there is a callback URL. */
  authorized(authorizer: Authorizer, event: 'authorized' | 'updateauthorized', how: Telling, told: Authorized): void {
    this.#tell(authorizer, event, how, {
      AuthorizationCode: told.code,
      // An absolute time, although the documents call it seconds.
      AuthorizationCodeExpiredTime: Math.floor(told.expiresAt / 1000),
      PreAuthCode: told.preAuthCode ?? '',
    });
  }

  unauthorized(authorizer: Authorizer, how: Telling): void {
    this.#tell(authorizer, 'unauthorized', how, {});
  }

  /** The newest event of an authorizer once more, the same to the field. Throws a `TypeError` where there is none. */
  repeat(authorizer: Authorizer): Promise<PushRecord> {
    const message = this.#told.get(authorizer);
    if (message === undefined) throw new TypeError('"authorizerAppId" has done nothing that could be repeated');
    return this.#send(this.#url('callbackUrl'), message, authorizer.appId);
  }

  /** An event of any kind, such as one that nobody knows. */
  event(fields: PushFields): Promise<PushRecord> {
    assertText('InfoType', assertRecord('event', fields)['InfoType']);
    return this.#send(this.#url('callbackUrl'), { CreateTime: this.#seconds(), ...fields });
  }

  /** A message of an authorizer's user, encrypted for the component. Throws a `TypeError` without `messageUrl`. */
  message(authorizer: Authorizer, message: PushFields): Promise<PushRecord> {
    assertRecord('message', message);
    const url = this.#url('messageUrl').replaceAll('$APPID$', authorizer.appId);
    const userName = `gh_${authorizer.appId}`;
    const full = {
      ToUserName: userName,
      FromUserName: `o-${authorizer.appId}-1`,
      CreateTime: this.#seconds(),
      ...message,
    };
    return this.#sender.send({
      ...this.#target(url, authorizer.appId),
      event: String(message['Event'] ?? message['MsgType'] ?? 'message'),
      message: full,
      envelope: { ToUserName: userName },
    });
  }

  #tell(authorizer: Authorizer, event: string, { push, createTime }: Telling, fields: PushFields): void {
    const ids = { InfoType: event, CreateTime: createTime ?? this.#seconds(), AuthorizerAppid: authorizer.appId };
    const message = { ...ids, ...fields };
    this.#told.set(authorizer, message);
    const { callbackUrl } = this.#settings();
    if (push && callbackUrl !== undefined) void this.#send(callbackUrl, message, authorizer.appId);
  }

  #send(url: string, fields: PushFields, subject?: string): Promise<PushRecord> {
    const { appId, envelopeField } = this.#settings();
    return this.#sender.send({
      ...this.#target(url, subject),
      event: String(fields['InfoType']),
      message: { AppId: appId, ...fields },
      envelope: { [envelopeField]: appId },
    });
  }

  #target(url: string, subject: string | undefined) {
    const { appId, token, encodingAESKey } = this.#settings();
    const ids = { platform: 'wechat' as const, account: appId, ...(subject !== undefined && { subject }) };
    return { ...ids, url, token, encodingAESKey, receiveId: appId };
  }

  #pick(which: 'new' | 'newest' | 'older', createTime: number | undefined) {
    const now = this.#clock.now();
    if (which === 'new') return this.#tickets.make(now, createTime ?? this.#seconds(), this.#settings().ticketLifeMs);
    const known = which === 'newest' ? this.#tickets.newest() : this.#tickets.older();
    if (known === undefined) throw new TypeError(`"ticket" cannot be ${which}: no such ticket was made yet`);
    return known;
  }

  #url(name: 'callbackUrl' | 'messageUrl'): string {
    const url = this.#settings()[name];
    if (url === undefined) throw new TypeError(`"${name}" is not set for this platform`);
    return url;
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}
