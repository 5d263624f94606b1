import type { Sandbox } from '../../src/index.js';
import { type Body, DINGTALK, getJson, postJson, query } from '../support.js';

export const APP = { appkey: DINGTALK.appKey, appsecret: DINGTALK.appSecret };
export const CORP = { corpid: DINGTALK.corpId, corpsecret: DINGTALK.corpSecret };

export function getToken(sandbox: Sandbox, fields: Record<string, string> = APP): Promise<Body> {
  return getJson(`${sandbox.urls.dingtalkOapi}/gettoken?${query(fields)}`);
}

export function accessToken(sandbox: Sandbox, fields: Record<string, string> = {}): Promise<Body> {
  const body = { appKey: DINGTALK.appKey, appSecret: DINGTALK.appSecret, ...fields };
  return postJson(`${sandbox.urls.dingtalkApi}/v1.0/oauth2/accessToken`, body);
}

/** A call through the topapi gateway of the old API. */
export function topUser(sandbox: Sandbox, token: string): Promise<Body> {
  return postJson(`${sandbox.urls.dingtalkOapi}/topapi/v2/user/get?access_token=${token}`, { userid: 'u1' });
}

/** A plain path of the old API. */
export function plainUser(sandbox: Sandbox, token: string): Promise<Body> {
  return getJson(`${sandbox.urls.dingtalkOapi}/user/get?userid=u1&access_token=${token}`);
}

/** A call of the new API. */
export function contactUser(sandbox: Sandbox, token: string): Promise<Response> {
  const headers = { 'x-acs-dingtalk-access-token': token };
  return fetch(`${sandbox.urls.dingtalkApi}/v1.0/contact/users/u1`, { headers });
}
