import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { InjectAccount, InjectClient } from '@evertoken/nestjs';
import type { TokenCallbackHandler } from '@evertoken/nestjs/callbacks';
import type { OfficialAccount, OfficialAccountClient } from '@evertoken/wechat';
import { Injectable } from '@nestjs/common';
import { SHOP } from '../accounts.js';

/** Answers what people write to the official account. The route's handler, because answers take more than the account: a client, say. */
@Injectable()
export class ShopMessagesHandler implements TokenCallbackHandler {
  constructor(
    @InjectAccount(SHOP) private readonly shop: OfficialAccount,
    @InjectClient(SHOP) private readonly wechat: OfficialAccountClient,
  ) {}

  /** The platform waits 5 s, and sends again what was not answered: a second answer does no harm here. */
  async handle(request: CallbackRequest): Promise<CallbackReply> {
    const push = await this.shop.openPush(request);
    if (push.kind !== 'message') return push.reply;
    const { ToUserName: us, FromUserName: them, MsgType: type } = push.message;
    if (type !== 'text' || us === undefined || them === undefined) return push.reply();
    const { total } = await this.wechat.get<{ total: number }>('/cgi-bin/user/get');
    return push.reply({
      ToUserName: them,
      FromUserName: us,
      CreateTime: String(Math.floor(push.timestamp / 1000)),
      MsgType: 'text',
      Content: `${total} people follow this account; you are one of them.`,
    });
  }
}
