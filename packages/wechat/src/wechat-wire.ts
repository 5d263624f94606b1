import {
  asObject,
  type IssuedToken,
  malformedAnswer,
  type PlatformAnswer,
  type PlatformRequest,
  publicId,
} from '@evertoken/core';

/** Host of official accounts and mini programs. */
export const WECHAT_API = 'https://api.weixin.qq.com';

/** Host of the page on which users sign in. */
export const SIGN_IN_HOST = 'https://open.weixin.qq.com';

/** `type` of `getticket`. */
export type TicketType = 'jsapi' | 'wx_card';

/** The part of a request that the platform's documents describe. */
export type WireRequest = Pick<PlatformRequest, 'url' | 'method' | 'headers' | 'body'>;

/** Whose request it was, for errors. */
export type WireIds = Pick<PlatformRequest, 'account' | 'kind' | 'subject'>;

/** `errcode` and `errmsg` of an answer that is no success. */
export interface WireFailure {
  readonly errcode: number;
  /** Free text of the platform; changes over time. */
  readonly errmsg: string;
  /** `rid` (older: `hint`) inside `errmsg`. */
  readonly requestId?: string;
}

export const JSON_HEADERS = Object.freeze({ 'content-type': 'application/json' });

/** `POST /cgi-bin/stable_token`; `force` is for leaked tokens alone. */
export function stableTokenRequest(
  baseUrl: string,
  { id, secret }: { id: string; secret: string },
  { force = false } = {},
): WireRequest {
  return {
    url: `${baseUrl}/cgi-bin/stable_token`,
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({ grant_type: 'client_credential', appid: id, secret, force_refresh: force }),
  };
}

/** `GET /cgi-bin/token`. */
export function tokenRequest(baseUrl: string, { id, secret }: { id: string; secret: string }): WireRequest {
  const query = new URLSearchParams({ grant_type: 'client_credential', appid: id, secret });
  return { url: `${baseUrl}/cgi-bin/token?${query}` };
}

/** `GET /cgi-bin/ticket/getticket`. */
export function ticketRequest(
  baseUrl: string,
  { accessToken, type }: { accessToken: string; type: TicketType },
): WireRequest {
  return { url: `${baseUrl}/cgi-bin/ticket/getticket?${new URLSearchParams({ access_token: accessToken, type })}` };
}

/** `POST /cgi-bin/openapi/quota/get`. */
export function quotaRequest(
  baseUrl: string,
  { accessToken, path }: { accessToken: string; path: string },
): WireRequest {
  return {
    url: `${baseUrl}/cgi-bin/openapi/quota/get?${new URLSearchParams({ access_token: accessToken })}`,
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({ cgi_path: path }),
  };
}

/** `GET /sns/oauth2/refresh_token`, which needs no secret. */
export function userRefreshRequest(
  baseUrl: string,
  { id, refreshToken }: { id: string; refreshToken: string },
): WireRequest {
  const query = new URLSearchParams({ appid: id, grant_type: 'refresh_token', refresh_token: refreshToken });
  return { url: `${baseUrl}/sns/oauth2/refresh_token?${query}` };
}

/**
 * What went wrong by the platform's own word; undefined where `errcode` is absent or 0. Errors come with HTTP 200, and
 * successful answers of the token endpoints have no `errcode`.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` where the answer is no JSON or `errcode` no number.
 */
export function failureIn({ json, status }: PlatformAnswer, ids: WireIds): WireFailure | undefined {
  if (json === undefined) throw malformedAnswer(ids, 'not JSON', { status });
  const { errcode = 0, errmsg } = asObject(json) ?? {};
  const code = typeof errcode === 'string' && errcode !== '' ? Number(errcode) : errcode;
  if (typeof code !== 'number' || !Number.isInteger(code))
    throw malformedAnswer(ids, '"errcode" is no whole number', { status });
  if (code === 0) return undefined;
  const text = typeof errmsg === 'string' ? errmsg : '';
  const requestId = requestIdIn(text);
  return { errcode: code, errmsg: text, ...(requestId !== undefined && { requestId }) };
}

/**
 * The token of a successful answer.
 *
 * @throws TokenError `ERR_TOKEN_TRANSPORT` where a field is missing or of the wrong type. An `expires_in` that is not a
 * positive number is a defect of the answer and does not mean "expired now": taken at its word it would be a refetch loop.
 */
export function issuedIn(
  { json, status }: Pick<PlatformAnswer, 'json' | 'status'>,
  field: string,
  ids: WireIds,
): IssuedToken {
  const { [field]: value, expires_in: seconds } = asObject(json) ?? {};
  if (typeof value !== 'string' || value === '') throw malformedAnswer(ids, `"${field}" is no text`, { status });
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) {
    throw malformedAnswer(ids, '"expires_in" is no positive number', { status });
  }
  return { value, lifetimeMs: seconds * 1000 };
}

/** A "rid" has 26 characters or so; what is much longer is something else. */
const LONGEST_REQUEST_ID = 40;

function requestIdIn(errmsg: string): string | undefined {
  return publicId(
    /\brid: ?([\w-]+)/.exec(errmsg)?.[1] ?? /\bhint: ?\[([^\]]+)\]/.exec(errmsg)?.[1],
    LONGEST_REQUEST_ID,
  );
}
