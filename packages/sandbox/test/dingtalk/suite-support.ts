import { createHmac } from 'node:crypto';
import { SANDBOX_ACCOUNTS, type Sandbox, type SandboxOptions } from '../../src/index.js';
import { query, startSandbox } from '../support.js';

export const { dingtalkSuite: SUITE } = SANDBOX_ACCOUNTS;
export const CORP_ID = 'dingsandboxcorp1';
export const OTHER_CORP_ID = 'dingsandboxcorp2';
export const LAN = 'union-lan';

/** The members of answers that tests look at. Which of them an answer has depends on the endpoint. */
export interface Fields {
  readonly errcode?: number;
  readonly errmsg?: string;
  readonly sub_code?: string;
  readonly code?: string;
  readonly access_token: string;
  readonly suite_access_token: string;
  readonly sns_token: string;
  readonly expires_in?: number;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expireIn?: number;
  readonly expiresIn?: number;
  readonly corpId?: string;
  readonly ticket: string;
  readonly jsapiTicket: string;
  readonly endpoint: string;
  readonly openid: string;
  readonly permanent_code: string;
  readonly persistent_code: string;
  readonly unionId?: string;
  readonly status?: number;
}

export interface Reply {
  readonly status: number;
  readonly body: Fields;
}

/** A sandbox with one suite, its switches changed. */
export function startSuite(
  changes: Partial<NonNullable<SandboxOptions['dingtalkSuites']>[number]> = {},
  options: SandboxOptions = {},
): Promise<Sandbox> {
  return startSandbox({ ...options, dingtalkSuites: [{ ...SUITE, ...changes }] });
}

export function ticketOf(sandbox: Sandbox): string {
  return sandbox.dingtalkSuite.currentTicket(SUITE.suiteKey)?.ticket ?? '';
}

export async function oapi(
  sandbox: Sandbox,
  path: string,
  parameters: Record<string, string> = {},
  body?: object,
): Promise<Fields> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${sandbox.urls.dingtalkOapi}${path}?${query(parameters)}`, body ? init : {});
  return (await response.json()) as Fields;
}

export async function api(
  sandbox: Sandbox,
  method: string,
  path: string,
  body?: object,
  token?: string,
): Promise<Reply> {
  const response = await fetch(`${sandbox.urls.dingtalkApi}${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { 'x-acs-dingtalk-access-token': token }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Fields };
}

/** What a request signed by a suite carries in its query. */
export function signed(sandbox: Sandbox, changes: Record<string, string> = {}): Record<string, string> {
  const ticket = changes['suiteTicket'] ?? ticketOf(sandbox);
  const timestamp = changes['timestamp'] ?? String(sandbox.now());
  const signature = createHmac('sha256', SUITE.suiteSecret).update(`${timestamp}\n${ticket}`).digest('base64');
  return { accessKey: SUITE.suiteKey, timestamp, suiteTicket: ticket, signature, ...changes };
}

export function corpToken(sandbox: Sandbox, corpId = CORP_ID, changes: Record<string, string> = {}): Promise<Fields> {
  return oapi(sandbox, '/service/get_corp_token', signed(sandbox, changes), { auth_corpid: corpId });
}

export function corpAccessToken(sandbox: Sandbox, changes: Record<string, string> = {}): Promise<Reply> {
  const { suiteKey, suiteSecret } = SUITE;
  const body = { suiteKey, suiteSecret, authCorpId: CORP_ID, suiteTicket: ticketOf(sandbox), ...changes };
  return api(sandbox, 'POST', '/v1.0/oauth2/corpAccessToken', body);
}

export function suiteToken(sandbox: Sandbox, changes: Record<string, string> = {}): Promise<Fields> {
  const body = {
    suite_key: SUITE.suiteKey,
    suite_secret: SUITE.suiteSecret,
    suite_ticket: ticketOf(sandbox),
    ...changes,
  };
  return oapi(sandbox, '/service/get_suite_token', {}, body);
}

export function suiteAccessToken(sandbox: Sandbox, changes: Record<string, string> = {}): Promise<Reply> {
  const body = { suiteKey: SUITE.suiteKey, suiteSecret: SUITE.suiteSecret, suiteTicket: ticketOf(sandbox), ...changes };
  return api(sandbox, 'POST', '/v1.0/oauth2/suiteAccessToken', body);
}

/** A business call of each kind with one token: the codes of topapi, of a plain path, of the new host. */
export async function works(sandbox: Sandbox, token: string): Promise<[string | number, number, string]> {
  const top = await oapi(sandbox, '/topapi/v2/user/get', { access_token: token }, { userid: 'u1' });
  const plain = await oapi(sandbox, '/user/get', { access_token: token, userid: 'u1' });
  const { body } = await api(sandbox, 'GET', '/v1.0/contact/users/u1', undefined, token);
  return [top.sub_code ?? top.errcode ?? 'none', plain.errcode ?? -99, body.code ?? 'ok'];
}

export const WORKS = [0, 0, 'ok'];
export const REFUSED = ['40014', 40014, 'InvalidAuthentication'];
