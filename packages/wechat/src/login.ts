import { asObject, malformedAnswer } from '@evertoken/core';
import type { App } from './app.js';
import type { WeChatCallOptions } from './client.js';
import { callWithSecret } from './secret-call.js';

/** Who logged in to a mini program or mini game. */
export interface WeChatLogin {
  /** The user's id in this app. */
  readonly openid: string;
  /** The user's id in all accounts of one Open Platform account; absent where there is none. */
  readonly unionid?: string;
  /** Decrypts and signs what the app hands over for this user. It is nowhere kept here; never send it to the app. */
  readonly sessionKey: string;
}

/** `GET /sns/jscode2session`; see `MiniProgramClient.code2session`. */
export async function code2session(app: App, jsCode: string, options: WeChatCallOptions = {}): Promise<WeChatLogin> {
  if (typeof jsCode !== 'string' || jsCode === '') {
    throw new TypeError('"jsCode" must be the code of wx.login(), a non-empty string');
  }
  const json = await callWithSecret(app, {
    ...options,
    path: '/sns/jscode2session',
    params: { appid: app.id, secret: app.secret, js_code: jsCode, grant_type: 'authorization_code' },
    secrets: [jsCode],
    once: true,
  });
  const { openid, unionid, session_key: sessionKey } = asObject(json) ?? {};
  const ids = { account: app.account };
  if (typeof openid !== 'string' || openid === '') throw malformedAnswer(ids, '"openid" is no text');
  if (typeof sessionKey !== 'string' || sessionKey === '') throw malformedAnswer(ids, '"session_key" is no text');
  return { openid, ...(typeof unionid === 'string' && unionid !== '' && { unionid }), sessionKey };
}
