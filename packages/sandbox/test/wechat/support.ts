import type { Sandbox } from '../../src/index.js';
import { type Body, getJson, postJson, query, WECHAT } from '../support.js';

const CREDENTIALS = { grant_type: 'client_credential', appid: WECHAT.appId, secret: WECHAT.secret };

export function legacy(sandbox: Sandbox, fields: Record<string, string> = {}): Promise<Body> {
  return getJson(`${sandbox.urls.wechat}/cgi-bin/token?${query({ ...CREDENTIALS, ...fields })}`);
}

export function stable(sandbox: Sandbox, fields: Record<string, unknown> = {}): Promise<Body> {
  return postJson(`${sandbox.urls.wechat}/cgi-bin/stable_token`, { ...CREDENTIALS, ...fields });
}

/** The errcode of a business call with a token: 0 where it works. */
export async function use(sandbox: Sandbox, token: string): Promise<number> {
  const body = await getJson(`${sandbox.urls.wechat}/cgi-bin/user/get?access_token=${token}`);
  return body.errcode ?? 0;
}

export function ticket(sandbox: Sandbox, token: string, type = 'jsapi'): Promise<Body> {
  return getJson(`${sandbox.urls.wechat}/cgi-bin/ticket/getticket?access_token=${token}&type=${type}`);
}
