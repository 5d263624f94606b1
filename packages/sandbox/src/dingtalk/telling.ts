import type { PushRecord } from '../push-sender.js';
import type { DingTalkApp } from './app.js';
import type { HttpChannel } from './push-http.js';
import type { DingTalkPushes } from './pushes.js';
import type { DingTalkSuite } from './suite.js';
import { eventName, legacyMessage, type SuiteEvent, streamEvent, syncHttpMessage } from './suite-events.js';
import type { DingTalkTicket } from './suite-tickets.js';

/** Any event, by its own members. */
export type PlainEvent = Readonly<Record<string, unknown>>;

/** Writes what DingTalk tells suites and apps, and gives it to the sender. */
export class Telling {
  readonly #pushes: DingTalkPushes;

  constructor(pushes: DingTalkPushes) {
    this.#pushes = pushes;
  }

  /** A ticket. Once there is a newer one, it is not sent again, unless it is `late` on purpose. */
  ticket(suite: DingTalkSuite, ticket: DingTalkTicket, late = false): void {
    const event: SuiteEvent = { name: 'ticket', at: ticket.at, fields: { ticket: ticket.value } };
    this.#suiteEvent(suite, event, late ? undefined : () => suite.tickets.newest !== ticket);
  }

  event(suite: DingTalkSuite, event: SuiteEvent): void {
    this.#suiteEvent(suite, event);
  }

  /** Several events in one push of SyncHTTP. Throws a `TypeError` for a suite that uses another way. */
  together(suite: DingTalkSuite, events: readonly SuiteEvent[]): void {
    if (suite.pushMode !== 'syncHttp') throw new TypeError('"suiteKey" must be a suite with the push mode syncHttp');
    const last = events.at(-1);
    if (last === undefined) throw new TypeError('"count" must be at least 1, and there must be as many events');
    void this.#pushes.send({
      client: suite,
      event: eventName(suite, last),
      channel: () => suiteChannel(suite),
      message: () => syncHttpMessage(suite, events),
      frame: () => ({ ...streamEvent(suite, last), corpId: last.corpId ?? '' }),
      bornAt: last.at,
    });
  }

  /** Any other event of a suite, as it stands. */
  suitePlain(suite: DingTalkSuite, event: PlainEvent): void {
    void this.#pushes.send({ ...plain(event), client: suite, channel: () => suiteChannel(suite), bornAt: suite.now() });
  }

  /** Any event of an app. */
  appPlain(app: DingTalkApp, event: PlainEvent): void {
    void this.#pushes.send({ ...plain(event), client: app, channel: () => appChannel(app), bornAt: app.now() });
  }

  /** Checks a suite's callback URL, once. `ownerKey` stands behind the message where it is not the suite key. */
  checkSuite(suite: DingTalkSuite, event: PlainEvent, wanted: string, ownerKey: string): Promise<PushRecord> {
    const channel = suiteChannel(suite);
    if (channel === 'stream') throw new TypeError('"callbackUrl" of this suite is not set');
    const check = { ...plain(event), client: suite, bornAt: suite.now(), tries: 1, wanted };
    return this.#pushes.send({ ...check, channel: () => ({ ...channel, ownerKey }) });
  }

  checkApp(app: DingTalkApp, event: PlainEvent): Promise<PushRecord> {
    const channel = appChannel(app);
    if (channel === 'stream') throw new TypeError('"callback" of this app is not set');
    return this.#pushes.send({ ...plain(event), client: app, channel: () => channel, bornAt: app.now(), tries: 1 });
  }

  #suiteEvent(suite: DingTalkSuite, event: SuiteEvent, outdated?: () => boolean): void {
    void this.#pushes.send({
      client: suite,
      subject: event.corpId,
      event: eventName(suite, event),
      channel: () => suiteChannel(suite),
      message: () => (suite.pushMode === 'legacy' ? legacyMessage(suite, event) : syncHttpMessage(suite, [event])),
      frame: () => ({ ...streamEvent(suite, event), corpId: event.corpId ?? suite.corpId ?? '' }),
      bornAt: event.at,
      ...(outdated && { outdated }),
    });
  }
}

function plain(event: PlainEvent) {
  const eventType = String(event['EventType'] ?? 'event').trim();
  const { EventType: _, CorpId, ...data } = event;
  return {
    event: eventType,
    message: () => event,
    frame: () => ({ eventType, data, corpId: String(CorpId ?? '') }),
  };
}

function suiteChannel(suite: DingTalkSuite): HttpChannel | 'stream' {
  if (suite.pushMode === 'stream' || suite.callbackUrl === undefined) return 'stream';
  const { signatureParameter } = suite.switches;
  return { url: suite.callbackUrl, ...suite.keys, ownerKey: suite.account, signatureParameter };
}

function appChannel(app: DingTalkApp): HttpChannel | 'stream' {
  const { callback } = app;
  if (callback === undefined) return 'stream';
  const { url, token, encodingAESKey, ownerKey = 'appKey' } = callback;
  const owner = ownerKey === 'corpId' ? (app.corpId ?? app.account) : app.account;
  return { url, token, encodingAESKey, ownerKey: owner, signatureParameter: app.switches.signatureParameter };
}
