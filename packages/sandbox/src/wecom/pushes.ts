import type { PushFields } from '../push-message.js';
import type { PushRecord, PushSender } from '../push-sender.js';
import type { WeComCorp } from './corp.js';
import type { Installation } from './installation.js';
import type { SuiteApp, SuiteEvent } from './suite-app.js';
import type { SuiteTicket } from './suite-tickets.js';

/** Writes what WeCom pushes, and gives it to the sender. What has no URL to go to is not sent. */
export class WeComPushes {
  readonly #sender: PushSender;

  constructor(sender: PushSender) {
    this.#sender = sender;
  }

  /** A suite's ticket, with the time it was made at: also when it is sent late or again. */
  ticket(suite: SuiteApp, ticket: SuiteTicket): void {
    this.#command(suite, undefined, 'suite_ticket', ticket.at, { SuiteTicket: ticket.value });
  }

  /** What happened to an authorization; also late or again, as it was. */
  event(suite: SuiteApp, { infoType, corpId, at, fields }: SuiteEvent): void {
    this.#command(suite, corpId, infoType, at, fields);
  }

  /** A message of a company to its own callback. Throws a `TypeError` where that has no URL. */
  ownMessage(corp: WeComCorp, agentId: string, fields: PushFields): void {
    const { callback } = corp;
    if (callback?.url === undefined) throw new TypeError('"callback" of this company has no url');
    const { url, token, encodingAESKey, receiveId = corp.corpId, format = 'xml' } = callback;
    const message = { ToUserName: corp.corpId, CreateTime: seconds(corp.gate.now()), ...fields };
    void this.#sender.send({
      ...{ platform: 'wecom', account: corp.corpId, ...(agentId && { subject: agentId }) },
      ...{ url, token, encodingAESKey, receiveId, format },
      event: eventOf(fields),
      message: { ...message, ...(agentId && { AgentID: agentId }) },
      envelope: { ToUserName: corp.corpId, AgentID: agentId },
    });
  }

  /** A message of a company that has installed a suite, to the suite's data URL. */
  customerMessage({ suite, corp, agentId }: Installation, fields: PushFields): void {
    if (suite.dataCallbackUrl === undefined) throw new TypeError('"dataCallbackUrl" of this suite is not set');
    const head = { ToUserName: corp.corpId, CreateTime: seconds(suite.now()) };
    void this.#sender.send({
      ...{ platform: 'wecom', account: suite.suiteId, subject: corp.corpId },
      ...{ url: suite.dataCallbackUrl, ...suite.keys, receiveId: corp.corpId },
      event: eventOf(fields),
      message: { ...head, AgentID: agentId, ...fields },
      envelope: { ToUserName: corp.corpId, AgentID: String(agentId) },
    });
  }

  /** Asks a callback URL to prove that it can decrypt, as the console does when it is saved. */
  verify(owner: WeComCorp | SuiteApp, asked: string | undefined, data: boolean): Promise<PushRecord> {
    if ('suiteId' in owner) {
      const url = data ? owner.dataCallbackUrl : owner.callbackUrl;
      if (url === undefined) throw new TypeError(`"${data ? 'dataCallbackUrl' : 'callbackUrl'}" is not set`);
      // The provider's own id, not that of the suite: this is before anybody has installed it.
      const receiveId = asked ?? owner.owner.corpId;
      return this.#verify(owner.suiteId, { url, ...owner.keys, receiveId });
    }
    const { callback } = owner;
    if (callback?.url === undefined) throw new TypeError('"callback" of this company has no url');
    const { url, token, encodingAESKey } = callback;
    const receiveId = asked ?? callback.receiveId ?? owner.corpId;
    return this.#verify(owner.corpId, { url, token, encodingAESKey, receiveId });
  }

  #verify(account: string, where: { url: string; token: string; encodingAESKey: string; receiveId: string }) {
    return this.#sender.verify({ platform: 'wecom', account, ...where, verification: 'encrypted' });
  }

  #command(suite: SuiteApp, corpId: string | undefined, event: string, at: number, fields: PushFields): void {
    if (suite.callbackUrl === undefined) return;
    void this.#sender.send({
      ...{ platform: 'wecom', account: suite.suiteId, ...(corpId !== undefined && { subject: corpId }) },
      ...{ url: suite.callbackUrl, ...suite.keys, receiveId: suite.suiteId },
      event,
      message: { SuiteId: suite.suiteId, InfoType: event, TimeStamp: seconds(at), ...fields },
      envelope: { ToUserName: suite.suiteId, AgentID: '' },
    });
  }
}

function eventOf({ Event: event, MsgType: type }: PushFields): string {
  return String(event ?? type ?? 'message');
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
