import { asObject, type EpochMs } from '@evertoken/core';
import { isOpaque, jsonPost, type WireRequest } from '../dingtalk-wire.js';
import { suiteSignature } from '../hmac.js';
import type { Suite } from './suite-options.js';

/** Where the old API wants the suite's token. */
export const SUITE_TOKEN_PARAMETER = 'suite_access_token';

/** Paths of the platform's own services, below the host of their family. */
export const SUITE_PATHS = Object.freeze({
  activate: '/service/activate_suite',
  authInfo: '/v1.0/oauth2/apps/authInfo',
});

type Place = Pick<Suite, 'api' | 'baseUrls' | 'suiteKey' | 'suiteSecret'>;

/** Asks for the suite's token (pages `obtain-application-suite-ticket`, `obtains-the-suite-acess-token-of-third-party-enterprise-applications`). */
export function suiteTokenRequest({ api, baseUrls, suiteKey, suiteSecret }: Place, suiteTicket: string): WireRequest {
  if (api !== 'legacy') {
    return jsonPost(`${baseUrls.api}/v1.0/oauth2/suiteAccessToken`, { suiteKey, suiteSecret, suiteTicket });
  }
  const body = { suite_key: suiteKey, suite_secret: suiteSecret, suite_ticket: suiteTicket };
  return jsonPost(`${baseUrls.oapi}/service/get_suite_token`, body);
}

/** Asks for a corp's token (pages `obtain-isvapp-token`, `obtain-the-access-token-of-the-authorized-enterprise-1`); `at` signs the old form. */
export function corpTokenRequest(
  suite: Place,
  { corpId, suiteTicket, at }: { readonly corpId: string; readonly suiteTicket: string; readonly at: EpochMs },
): WireRequest {
  if (suite.api === 'legacy') {
    return signedPost(suite, '/service/get_corp_token', { body: { auth_corpid: corpId }, suiteTicket, at });
  }
  const { baseUrls, suiteKey, suiteSecret } = suite;
  const body = { suiteKey, suiteSecret, authCorpId: corpId, suiteTicket };
  return jsonPost(`${baseUrls.api}/v1.0/oauth2/corpAccessToken`, body);
}

/** Asks what a corp has authorized, by signature (page `obtains-the-basic-information-of-an-enterprise`). */
export function authInfoRequest(
  suite: Place,
  { corpId, suiteTicket, at }: { readonly corpId: string; readonly suiteTicket: string; readonly at: EpochMs },
): WireRequest {
  const body = { auth_corpid: corpId, suite_key: suite.suiteKey };
  return signedPost(suite, '/service/get_auth_info', { body, suiteTicket, at });
}

/** Exchanges an authorization code of the old HTTP callbacks (page `obtain-a-permanent-authorization-code`). */
export function permanentCodeRequest({ baseUrls }: Place, suiteToken: string, tmpAuthCode: string): WireRequest {
  const query = new URLSearchParams({ [SUITE_TOKEN_PARAMETER]: suiteToken });
  return jsonPost(`${baseUrls.oapi}/service/get_permanent_code?${query}`, { tmp_auth_code: tmpAuthCode });
}

/** The body of `activate_suite` (page `activate-suite`). */
export function activationBody({ suiteKey }: Place, corpId: string, permanentCode: string): Record<string, string> {
  return { suite_key: suiteKey, auth_corpid: corpId, permanent_code: permanentCode };
}

function signedPost(
  { baseUrls, suiteKey, suiteSecret }: Place,
  path: string,
  { body, suiteTicket, at }: { readonly body: object; readonly suiteTicket: string; readonly at: EpochMs },
): WireRequest {
  const timestamp = String(at);
  const signature = suiteSignature(suiteSecret, timestamp, suiteTicket);
  // Encoded once, here.
  const query = new URLSearchParams({ accessKey: suiteKey, timestamp, suiteTicket, signature });
  return jsonPost(`${baseUrls.oapi}${path}?${query}`, { ...body });
}

/** What an exchange brings. */
export interface WirePermanentCode {
  readonly permanentCode: string;
  readonly corpId: string;
  readonly corpName?: string;
}

/** The permanent code of an answer; undefined where something is missing. */
export function permanentCodeIn(json: unknown): WirePermanentCode | undefined {
  const body = asObject(json);
  const { corpId, corpName } = corpIn(body?.['auth_corp_info']);
  const permanentCode = body?.['permanent_code'];
  if (!isOpaque(permanentCode) || corpId === undefined) return undefined;
  return { permanentCode, corpId, ...(corpName !== undefined && { corpName }) };
}

/** What a corp has authorized, as far as we keep it. */
export interface WireAuthInfo {
  readonly corpName?: string;
  /** The suite's apps in that corp. */
  readonly agentIds: readonly string[];
}

/** Read in both spellings; undefined where the answer is about no corp, or about another one. */
export function authInfoIn(json: unknown, corpId: string): WireAuthInfo | undefined {
  const body = asObject(json);
  const named = corpIn(body?.['auth_corp_info'] ?? body?.['authCorpInfo']);
  if (body === undefined || (named.corpId !== undefined && named.corpId !== corpId)) return undefined;
  const old = asObject(body['auth_info'])?.['agent'];
  const agents = old ?? asObject(body['authAppInfo'])?.['agentList'];
  if (named.corpId === undefined && !Array.isArray(agents)) return undefined;
  const agentIds = (Array.isArray(agents) ? agents : []).map((agent: unknown) => {
    const fields = asObject(agent);
    return String(fields?.['agentid'] ?? fields?.['agentId'] ?? '');
  });
  return {
    ...(named.corpName !== undefined && { corpName: named.corpName }),
    agentIds: agentIds.filter((id) => /^[\w-]{1,64}$/.test(id)),
  };
}

function corpIn(info: unknown): { readonly corpId?: string; readonly corpName?: string } {
  const fields = asObject(info);
  const corpId = fields?.['corpid'] ?? fields?.['corpId'];
  const corpName = fields?.['corp_name'] ?? fields?.['corpName'];
  return {
    ...(typeof corpId === 'string' && corpId !== '' && { corpId }),
    ...(typeof corpName === 'string' && { corpName }),
  };
}
