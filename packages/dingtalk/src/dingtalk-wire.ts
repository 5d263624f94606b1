import { asObject, type IssuedToken, type PlatformAnswer, type PlatformRequest, publicId } from '@evertoken/core';
import type { DingTalkSettings } from './options.js';

/** 7200 s, what every published answer says: for answers that name no lifetime, or none above zero. */
export const DEFAULT_LIFETIME_MS = 7_200_000;

/** The header of `api.dingtalk.com` and the query parameter of `oapi.dingtalk.com`; each host ignores the other's. */
export const TOKEN_HEADER = 'x-acs-dingtalk-access-token';
export const TOKEN_PARAMETER = 'access_token';

export const JSON_CONTENT = 'application/json';

/** A UUID has 36 characters; what is much longer is something else. */
const LONGEST_REQUEST_ID = 40;

type WireRequest = Pick<PlatformRequest, 'url' | 'method' | 'headers' | 'body'>;

/** A refusal as it came, before anything is made of its code. */
export interface DingTalkFailure {
  /** `sub_code` where the gateway wrapped one, else `errcode` or `code`, as text; absent where the answer has none. */
  readonly code?: string;
  readonly httpStatus: number;
  readonly requestId?: string;
  /** What the app would need to be granted. */
  readonly requiredScopes?: readonly string[];
  /** The guard in front of the API answered, with a page or with JSON of its own: it bans an address. */
  readonly banned?: true;
}

/** Asks for the app's access token. The legacy form reads its fields from the query string only. */
export function accessTokenRequest({ api, baseUrls, credentials }: DingTalkSettings): WireRequest {
  if (credentials.form === 'app' && api === 'v1') {
    return {
      url: `${baseUrls.api}/v1.0/oauth2/accessToken`,
      method: 'POST',
      headers: { 'content-type': JSON_CONTENT },
      body: JSON.stringify({ appKey: credentials.appKey, appSecret: credentials.appSecret }),
    };
  }
  const query =
    credentials.form === 'app'
      ? { appkey: credentials.appKey, appsecret: credentials.appSecret }
      : { corpid: credentials.corpId, corpsecret: credentials.corpSecret };
  return { url: `${baseUrls.oapi}/gettoken?${new URLSearchParams(query)}` };
}

/** Asks for the JSAPI ticket with the app's access token. */
export function jsapiTicketRequest({ api, baseUrls }: DingTalkSettings, accessToken: string): WireRequest {
  if (api === 'v1') {
    const headers = { [TOKEN_HEADER]: accessToken };
    return { url: `${baseUrls.api}/v1.0/oauth2/jsapiTickets`, method: 'POST', headers };
  }
  const query = new URLSearchParams({ [TOKEN_PARAMETER]: accessToken, type: 'jsapi' });
  return { url: `${baseUrls.oapi}/get_jsapi_ticket?${query}` };
}

/** The token or ticket of an answer, with its lifetime; undefined where the field is missing or no opaque string. */
export function issuedIn(json: unknown, what: 'token' | 'ticket'): IssuedToken | undefined {
  const body = asObject(json) ?? {};
  const value =
    what === 'token' ? (body['accessToken'] ?? body['access_token']) : (body['jsapiTicket'] ?? body['ticket']);
  // Visible ASCII: anything else cannot travel in a header, and fetch would quote it in its error.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined;
  return { value, lifetimeMs: lifetimeMs(body['expireIn'] ?? body['expiresIn'] ?? body['expires_in']) };
}

/**
 * What the answer refuses; undefined for a success. Reads the envelopes of both families wherever they come from: an
 * unknown path of the new host is refused in the old host's words.
 */
export function failureOf(answer: PlatformAnswer): DingTalkFailure | undefined {
  const { status: httpStatus, json } = answer;
  const ok = httpStatus >= 200 && httpStatus < 300;
  const body = asObject(json);
  if (body === undefined) {
    if (isBanPage(answer)) return { httpStatus, banned: true };
    return ok && (json !== undefined || answer.text === '') ? undefined : { httpStatus };
  }
  const named = body['requestid'] ?? body['request_id'] ?? body['requestId'];
  const requestId = publicId(named, LONGEST_REQUEST_ID);
  const facts = { httpStatus, ...(requestId !== undefined && { requestId }), ...scopesIn(body) };
  if (body['punish'] !== undefined) return { ...facts, ...coded(body['status']), banned: true };
  const errcode = publicId(body['errcode']);
  // A code that is no code refuses all the same.
  const refuses = errcode === undefined ? isGiven(body['errcode']) : errcode !== '0';
  if (refuses) {
    return { ...facts, ...coded(body['sub_code'] ?? body['subCode'], errcode) };
  }
  if (!ok) return { ...facts, ...coded(body['code']) };
  // Business bodies may have a `code` of their own; the platform's envelope is whole.
  const enveloped = typeof body['code'] === 'string' && typeof body['message'] === 'string' && isGiven(named);
  return errcode === undefined && enveloped ? { ...facts, ...coded(body['code']) } : undefined;
}

/** A page where JSON is due. Statuses of a broken gateway or a wrong address are no ban. */
function isBanPage({ status, headers, text, json }: PlatformAnswer): boolean {
  if (json !== undefined || !(status < 300 || status === 403 || status === 405 || status === 429)) return false;
  return headers.get('content-type')?.includes('html') === true || text.trimStart().startsWith('<');
}

function scopesIn(body: Readonly<Record<string, unknown>>): Pick<DingTalkFailure, 'requiredScopes'> {
  const scopes = asObject(body['accessdenieddetail'])?.['requiredScopes'];
  return Array.isArray(scopes)
    ? { requiredScopes: scopes.filter((scope) => typeof scope === 'string' && publicId(scope) !== undefined) }
    : {};
}

function coded(code: unknown, otherwise?: string): Pick<DingTalkFailure, 'code'> {
  const text = publicId(code) ?? otherwise;
  return text === undefined ? {} : { code: text };
}

/** Codes and ids come as numbers and as strings, `errcode` too. */
function isGiven(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.trim() !== '');
}

function lifetimeMs(seconds: unknown): number {
  const value = Number(seconds ?? 0);
  return Number.isFinite(value) && value > 0 ? value * 1000 : DEFAULT_LIFETIME_MS;
}
