import { asObject, malformedAnswer } from '@evertoken/core';
import { JSON_HEADERS, type WireIds, type WireRequest } from '../wechat-wire.js';

/** Host of WeCom. */
export const WECOM_API = 'https://qyapi.weixin.qq.com';

/** Host of the page where a person of a corp installs a third-party app. */
export const WECOM_PAGES = 'https://open.work.weixin.qq.com';

/** Query parameter of a suite's access token. */
export const SUITE_TOKEN_PARAM = 'suite_access_token';

/** Query parameter of a provider's access token. */
export const PROVIDER_TOKEN_PARAM = 'provider_access_token';

/** `GET /cgi-bin/gettoken`: path/91039. For a provider-built app the permanent code is the secret (path/97164). */
export function corpTokenRequest(
  baseUrl: string,
  { corpId, secret }: { readonly corpId: string; readonly secret: string },
): WireRequest {
  return { url: `${baseUrl}/cgi-bin/gettoken?${new URLSearchParams({ corpid: corpId, corpsecret: secret })}` };
}

/** `GET /cgi-bin/get_jsapi_ticket`: the corp's ticket, path/96909. */
export function corpTicketRequest(baseUrl: string, accessToken: string): WireRequest {
  return { url: `${baseUrl}/cgi-bin/get_jsapi_ticket?${new URLSearchParams({ access_token: accessToken })}` };
}

/** `GET /cgi-bin/ticket/get`: the ticket of the agent whose token this is, path/96909. */
export function agentTicketRequest(baseUrl: string, accessToken: string): WireRequest {
  const query = new URLSearchParams({ access_token: accessToken, type: 'agent_config' });
  return { url: `${baseUrl}/cgi-bin/ticket/get?${query}` };
}

/** `POST /cgi-bin/service/get_provider_token`: path/90593. */
export function providerTokenRequest(
  baseUrl: string,
  { corpId, secret }: { readonly corpId: string; readonly secret: string },
): WireRequest {
  return post(`${baseUrl}/cgi-bin/service/get_provider_token`, { corpid: corpId, provider_secret: secret });
}

/** `POST /cgi-bin/service/get_suite_token`: path/97162. */
export function suiteTokenRequest(
  baseUrl: string,
  { suiteId, secret, ticket }: { readonly suiteId: string; readonly secret: string; readonly ticket: string },
): WireRequest {
  const body = { suite_id: suiteId, suite_secret: secret, suite_ticket: ticket };
  return post(`${baseUrl}/cgi-bin/service/get_suite_token`, body);
}

/** `POST /cgi-bin/service/get_corp_token`: path/90605. */
export function authorizedCorpTokenRequest(
  baseUrl: string,
  {
    suiteToken,
    corpId,
    permanentCode,
  }: { readonly suiteToken: string; readonly corpId: string; readonly permanentCode: string },
): WireRequest {
  const query = new URLSearchParams({ [SUITE_TOKEN_PARAM]: suiteToken });
  const body = { auth_corpid: corpId, permanent_code: permanentCode };
  return post(`${baseUrl}/cgi-bin/service/get_corp_token?${query}`, body);
}

/** Paths that are called with the suite's access token. v2 of the exchange is the quicker one (path/100776). */
export const SUITE_PATHS = Object.freeze({
  preAuthCode: '/cgi-bin/service/get_pre_auth_code',
  permanentCode: '/cgi-bin/service/v2/get_permanent_code',
});

/** The page on which a person of a corp installs the app. */
export function installPage({
  pageUrl,
  suiteId,
  preAuthCode,
  redirectUri,
  state,
}: {
  readonly pageUrl: string;
  readonly suiteId: string;
  readonly preAuthCode: string;
  readonly redirectUri: string;
  readonly state: string;
}): string {
  const query = new URLSearchParams({
    suite_id: suiteId,
    pre_auth_code: preAuthCode,
    redirect_uri: redirectUri,
    state,
  });
  return `${pageUrl}/3rdapp/install?${query}`;
}

/** What an exchange brought. */
export interface WirePermanentCode {
  readonly permanentCode: string;
  readonly corpId: string;
  readonly corpName?: string;
  /** Of the app in that corp, where the answer tells it. */
  readonly agentId?: string;
  /** `state` of a link or code with which a person installed the app. */
  readonly state?: string;
}

/**
 * The answer of an exchange.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` where the code or the corp is missing.
 */
export function permanentCodeIn(json: unknown, ids: WireIds): WirePermanentCode {
  const { permanent_code: code, auth_corp_info: corp, auth_info: auth, state } = asObject(json) ?? {};
  const { corpid: corpId, corp_name: corpName } = asObject(corp) ?? {};
  if (!isText(code)) throw malformedAnswer(ids, '"permanent_code" is no text');
  if (!isText(corpId)) throw malformedAnswer(ids, '"auth_corp_info.corpid" is no text');
  const agents = asObject(auth)?.['agent'];
  const agentId = asObject(Array.isArray(agents) ? agents[0] : undefined)?.['agentid'];
  return {
    permanentCode: code,
    corpId,
    ...(isText(corpName) && { corpName }),
    ...((isText(agentId) || typeof agentId === 'number') && { agentId: String(agentId) }),
    ...(isText(state) && { state }),
  };
}

function post(url: string, body: object): WireRequest {
  return { url, method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
