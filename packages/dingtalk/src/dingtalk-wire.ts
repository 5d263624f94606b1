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

/** A request as the platform wants it. */
export type WireRequest = Pick<PlatformRequest, 'url' | 'method' | 'headers' | 'body'>;

/** A refusal as it came, before anything is made of its code. */
export interface DingTalkFailure {
  /** `sub_code` where the gateway wrapped one, else `errcode` or `code`, as text; absent where the answer has none. */
  readonly code?: string;
  /** HTTP status of the answer. */
  readonly httpStatus: number;
  /** The platform's id of the request. */
  readonly requestId?: string;
  /** What the app would need to be granted. */
  readonly requiredScopes?: readonly string[];
  /** The guard in front of the API answered, with a page or with JSON of its own: it bans an address. */
  readonly banned?: true;
}

/** Asks for the app's access token. The legacy form reads its fields from the query string only. */
export function accessTokenRequest({
  api,
  baseUrls,
  credentials,
}: Pick<DingTalkSettings, 'api' | 'baseUrls' | 'credentials'>): WireRequest {
  if (credentials.form === 'app' && api !== 'legacy') {
    const { appKey, appSecret } = credentials;
    return jsonPost(`${baseUrls.api}/v1.0/oauth2/accessToken`, { appKey, appSecret });
  }
  const query =
    credentials.form === 'app'
      ? { appkey: credentials.appKey, appsecret: credentials.appSecret }
      : { corpid: credentials.corpId, corpsecret: credentials.corpSecret };
  return { url: `${baseUrls.oapi}/gettoken?${new URLSearchParams(query)}` };
}

/** Asks for the app's token in one organisation (page `api-gettoken`). Both ways in snake_case. */
export function unifiedTokenRequest(
  { api }: { readonly api: string },
  {
    corpId,
    clientId,
    clientSecret,
  }: { readonly corpId: string; readonly clientId: string; readonly clientSecret: string },
): WireRequest {
  return jsonPost(`${api}/v1.0/oauth2/${encodeURIComponent(corpId)}/token`, {
    client_id: clientId,
    client_secret: clientSecret,
    grant_type: 'client_credentials',
  });
}

/** A request of the new host, or of the old one, whose body is JSON. */
export function jsonPost(url: string, body: Readonly<Record<string, unknown>>): WireRequest {
  return { url, method: 'POST', headers: { 'content-type': JSON_CONTENT }, body: JSON.stringify(body) };
}

/** Asks for the JSAPI ticket with the app's access token. */
export function jsapiTicketRequest(
  { api, baseUrls }: Pick<DingTalkSettings, 'api' | 'baseUrls'>,
  accessToken: string,
): WireRequest {
  if (api !== 'legacy') {
    const headers = { [TOKEN_HEADER]: accessToken };
    return { url: `${baseUrls.api}/v1.0/oauth2/jsapiTickets`, method: 'POST', headers };
  }
  const query = new URLSearchParams({ [TOKEN_PARAMETER]: accessToken, type: 'jsapi' });
  return { url: `${baseUrls.oapi}/get_jsapi_ticket?${query}` };
}

/** What an answer can bring, by the names of its field in the API families. */
const VALUE_FIELDS = Object.freeze({
  token: ['accessToken', 'access_token'],
  ticket: ['jsapiTicket', 'ticket'],
  suiteToken: ['accessToken', 'suite_access_token'],
  snsToken: ['sns_token'],
} as const);

/**
 * The token or ticket of an answer, with its lifetime; undefined where the field is missing or no opaque string. `otherwiseMs`
 * is the lifetime where the answer names none, or none above zero.
 */
export function issuedIn(
  json: unknown,
  what: keyof typeof VALUE_FIELDS,
  otherwiseMs = DEFAULT_LIFETIME_MS,
): IssuedToken | undefined {
  const body = asObject(json) ?? {};
  const value = VALUE_FIELDS[what].map((name) => body[name]).find((each) => each !== undefined);
  return isOpaque(value) ? { value, lifetimeMs: lifetimeIn(body, otherwiseMs) } : undefined;
}

/** The lifetime an answer names, ms; spelled in three ways. */
export function lifetimeIn(body: Readonly<Record<string, unknown>>, otherwiseMs: number): number {
  const seconds = Number(body['expireIn'] ?? body['expiresIn'] ?? body['expires_in'] ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : otherwiseMs;
}

/** Visible ASCII: anything else cannot travel in a header, and fetch would quote it in its error. */
export function isOpaque(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
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
