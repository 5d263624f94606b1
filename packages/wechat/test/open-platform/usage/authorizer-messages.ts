import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { platform } from './platform.js';
import { tokens } from './platform-server.js';

const client = platform.client(tokens);

/** The message-and-event URL: https://app.example/wechat/$APPID$/messages */
export async function answerMessage(request: CallbackRequest): Promise<CallbackReply> {
  const push = await client.openMessage(request);
  if (push.kind !== 'message') return push.reply;
  const { MsgType, FromUserName = '', ToUserName = '' } = push.message;
  if (MsgType !== 'text') return push.reply();
  return push.reply({ ToUserName: FromUserName, FromUserName: ToUserName, MsgType: 'text', Content: 'Thank you' });
}
