import type { Clock } from '../clock.js';
import type { PushFields } from '../push-message.js';
import type { PushRecord, PushSender } from '../push-sender.js';
import type { WeChatApp } from './app.js';

/** Where an official account or a mini program gets its own messages. */
export interface WeChatPush {
  /** What signatures are made with. */
  readonly token: string;
  /** 43 letters and digits. */
  readonly encodingAESKey: string;
  /** Where pushes go. */
  readonly url: string;
  /** Default: `safe`. */
  readonly mode?: 'safe' | 'plain' | 'compatible';
  /** Default: `xml`. */
  readonly format?: 'xml' | 'json';
}

/** Sends an account's own pushes. */
export class AccountPushes {
  readonly #clock: Clock;
  readonly #sender: PushSender;

  constructor(clock: Clock, sender: PushSender) {
    this.#clock = clock;
    this.#sender = sender;
  }

  /** Throws a `TypeError` for an account without `push`. */
  send(app: WeChatApp, message: PushFields): Promise<PushRecord> {
    const { mode = 'safe', format = 'xml', target } = this.#target(app);
    const userName = `gh_${app.appId}`;
    const ids = {
      ToUserName: userName,
      FromUserName: app.users.users[0]?.openid ?? 'o-nobody',
      CreateTime: Math.floor(this.#clock.now() / 1000),
    };
    const event = String(message['Event'] ?? message['MsgType'] ?? 'message');
    const envelope = { ToUserName: userName };
    return this.#sender.send({ ...target, event, message: { ...ids, ...message }, mode, format, envelope });
  }

  /** Asks the URL for its signed echo, as the console does when the URL is saved. */
  verify(app: WeChatApp): Promise<PushRecord> {
    return this.#sender.verify({ ...this.#target(app).target, verification: 'plain' });
  }

  #target(app: WeChatApp) {
    const { push } = app.settings;
    if (push === undefined) throw new TypeError('"push" is not set for this account');
    const { url, token, encodingAESKey, mode, format } = push;
    const receiver = { account: app.appId, receiveId: app.appId };
    return { mode, format, target: { platform: 'wechat' as const, ...receiver, url, token, encodingAESKey } };
  }
}
