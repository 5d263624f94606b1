import { asObject, type IssuedToken, malformedAnswer, type PlatformAnswer } from '@evertoken/core';
import { issuedIn, JSON_HEADERS, type WireIds, type WireRequest } from '../wechat-wire.js';

/** Query parameter of the component's token. Newer pages also call it `access_token`; every SDK sends this one (sheet §2.2). */
export const COMPONENT_TOKEN_PARAM = 'component_access_token';

/** Paths of the component's own API, below `/cgi-bin/component`. */
export const PATHS = Object.freeze({
  startPushTicket: '/cgi-bin/component/api_start_push_ticket',
  componentToken: '/cgi-bin/component/api_component_token',
  preAuthCode: '/cgi-bin/component/api_create_preauthcode',
  queryAuth: '/cgi-bin/component/api_query_auth',
  authorizerToken: '/cgi-bin/component/api_authorizer_token',
  authorizerInfo: '/cgi-bin/component/api_get_authorizer_info',
  authorizerList: '/cgi-bin/component/api_get_authorizer_list',
  clearQuota: '/cgi-bin/component/clear_quota/v2',
});

/** What an authorized account is. */
export type AuthorizerKind = 'officialAccount' | 'miniProgram';

/** An authorization as the platform tells of it. */
export interface WireAuthorization {
  readonly appId: string;
  /** Absent where the account granted no API permission, and where only its facts were asked for. */
  readonly issued?: IssuedToken;
  /** Empty or absent: authorized, and the code was never exchanged. */
  readonly refreshToken?: string;
  /** Ids of the permission sets granted. */
  readonly permissions: readonly number[];
}

/** What `api_get_authorizer_info` tells of an account, its authorization aside. */
export interface WireAuthorizerInfo {
  readonly kind: AuthorizerKind;
  readonly name?: string;
}

/** One line of `api_get_authorizer_list`. */
export interface ListedAuthorizer {
  readonly appId: string;
  /** Empty: authorized, and the code was never exchanged. */
  readonly refreshToken: string;
  /** Unix ms. */
  readonly authorizedAt?: number;
}

/** A page of `api_get_authorizer_list`. */
export interface AuthorizerPage {
  readonly total: number;
  readonly list: readonly ListedAuthorizer[];
}

/** `POST api_start_push_ticket`. Here the secret is called `component_secret`, and no token is sent: who calls it has none. */
export function startPushRequest(baseUrl: string, { id, secret }: { id: string; secret: string }): WireRequest {
  return post(baseUrl + PATHS.startPushTicket, { component_appid: id, component_secret: secret });
}

/** `POST api_component_token`. */
export function componentTokenRequest(
  baseUrl: string,
  { id, secret, ticket }: { id: string; secret: string; ticket: string },
): WireRequest {
  return post(baseUrl + PATHS.componentToken, {
    component_appid: id,
    component_appsecret: secret,
    component_verify_ticket: ticket,
  });
}

/** A call of the component's API that carries its token. */
export function componentRequest(
  baseUrl: string,
  { path, token, body }: { path: string; token: string; body: object },
): WireRequest {
  return post(`${baseUrl}${path}?${new URLSearchParams({ [COMPONENT_TOKEN_PARAM]: token })}`, body);
}

/** Body of `api_query_auth`. */
export function queryAuthBody(id: string, code: string): object {
  return { component_appid: id, authorization_code: code };
}

/** Body of `api_authorizer_token`. */
export function authorizerTokenBody(id: string, appId: string, refreshToken: string): object {
  return { component_appid: id, authorizer_appid: appId, authorizer_refresh_token: refreshToken };
}

/** Body of `api_get_authorizer_info`. */
export function authorizerInfoBody(id: string, appId: string): object {
  return { component_appid: id, authorizer_appid: appId };
}

/** Body of `api_get_authorizer_list`; at most 500 a page. */
export function authorizerListBody(id: string, offset: number, count: number): object {
  return { component_appid: id, offset, count };
}

/**
 * The token of `api_authorizer_token`; its refresh token where the answer has one.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` for an answer that makes no sense.
 */
export function authorizerTokenIn(answer: PlatformAnswer, ids: WireIds): IssuedToken {
  const issued = issuedIn(answer, 'authorizer_access_token', ids);
  const refreshToken = textIn(asObject(answer.json), 'authorizer_refresh_token');
  return { ...issued, ...(refreshToken && { refreshToken }) };
}

/**
 * `authorization_info` of `api_query_auth` and `api_get_authorizer_info`.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` for an answer that names no account, or half a token.
 */
export function authorizationIn(answer: Pick<PlatformAnswer, 'json' | 'status'>, ids: WireIds): WireAuthorization {
  const info = asObject(asObject(answer.json)?.['authorization_info']);
  const appId = textIn(info, 'authorizer_appid');
  if (!info || !appId) {
    throw malformedAnswer(ids, '"authorization_info.authorizer_appid" is no text', { status: answer.status });
  }
  const refreshToken = textIn(info, 'authorizer_refresh_token');
  const granted = info['authorizer_access_token'] !== undefined && info['authorizer_access_token'] !== '';
  const issued = granted && issuedIn({ ...(answer as PlatformAnswer), json: info }, 'authorizer_access_token', ids);
  return {
    appId,
    permissions: permissionsIn(info['func_info']),
    ...(refreshToken && { refreshToken }),
    ...(issued && { issued: { ...issued, ...(refreshToken && { refreshToken }) } }),
  };
}

/** `authorizer_info` of `api_get_authorizer_info`. A mini program is known by its `MiniProgramInfo`. */
export function authorizerInfoIn(json: unknown): WireAuthorizerInfo | undefined {
  const info = asObject(asObject(json)?.['authorizer_info']);
  if (!info) return undefined;
  const name = textIn(info, 'nick_name');
  const kind = asObject(info['MiniProgramInfo']) ? 'miniProgram' : 'officialAccount';
  return { kind, ...(name && { name: name.slice(0, LONGEST_NAME) }) };
}

/**
 * A page of the list.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` for an answer that is no list.
 */
export function authorizerPageIn(json: unknown, ids: WireIds): AuthorizerPage {
  const { total_count: total, list } = asObject(json) ?? {};
  if (typeof total !== 'number' || !Array.isArray(list))
    throw malformedAnswer(ids, '"total_count" or "list" is missing');
  return { total, list: list.map((line) => listedIn(line, ids)) };
}

/** The code of `api_create_preauthcode`. */
export function preAuthCodeIn(json: unknown, ids: WireIds): string {
  const code = textIn(asObject(json), 'pre_auth_code');
  if (!code) throw malformedAnswer(ids, '"pre_auth_code" is no text');
  return code;
}

/** 64: what travels with each token is no place for an essay. */
const LONGEST_NAME = 64;

function listedIn(line: unknown, ids: WireIds): ListedAuthorizer {
  const fields = asObject(line);
  const appId = textIn(fields, 'authorizer_appid');
  if (!appId) throw malformedAnswer(ids, '"list[].authorizer_appid" is no text');
  const at = fields?.['auth_time'];
  return {
    appId,
    refreshToken: textIn(fields, 'refresh_token') ?? '',
    ...(typeof at === 'number' && at > 0 && { authorizedAt: at * 1000 }),
  };
}

function permissionsIn(funcInfo: unknown): number[] {
  if (!Array.isArray(funcInfo)) return [];
  const ids = funcInfo.map((entry) => asObject(asObject(entry)?.['funcscope_category'])?.['id']);
  return ids.filter((id): id is number => typeof id === 'number');
}

function textIn(fields: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === 'string' ? value : undefined;
}

function post(url: string, body: object): WireRequest {
  return { url, method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(body) };
}
