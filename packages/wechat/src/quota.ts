import { asObject, malformedAnswer, TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import type { App } from './app.js';
import type { WeChatApi, WeChatCallOptions } from './client.js';
import { PROBED_PATH } from './probe.js';
import { callWithSecret } from './secret-call.js';
import { WeChatError } from './wechat-errors.js';

/** Calls of an API: what the day allows, and what is left of it. The platform counts with about 1 % of error. */
export interface WeChatQuota {
  /** Calls a day. */
  readonly dailyLimit: number;
  /** Calls of today. */
  readonly used: number;
  /** Calls left for today. */
  readonly remain: number;
  /** So many calls in so many seconds; absent where the platform names no such limit. */
  readonly rateLimit?: WeChatRateLimit;
  /** The same for calls that a component makes on behalf of the account. */
  readonly componentRateLimit?: WeChatRateLimit;
}

/** So many calls in so many seconds. */
export interface WeChatRateLimit {
  /** Calls in a period. */
  readonly callCount: number;
  /** How long the period is, s. */
  readonly refreshSeconds: number;
}

/**
 * What a probe found. `alive`: the platform took the token; `replaced`: it was dead, and another one stands now; `unknown`: the
 * platform said nothing of the token (no answer, busy, quota).
 */
export type TokenCheck = 'alive' | 'replaced' | 'unknown';

/** `POST /cgi-bin/openapi/quota/get`. */
export async function quotaOf(
  api: WeChatApi,
  account: string,
  cgiPath: string,
  options?: WeChatCallOptions,
): Promise<WeChatQuota> {
  const answer = asObject(await api.post('/cgi-bin/openapi/quota/get', { cgi_path: cgiPath }, options)) ?? {};
  const quota = asObject(answer['quota']) ?? {};
  const { daily_limit: dailyLimit, used, remain } = quota;
  if (typeof dailyLimit !== 'number' || typeof used !== 'number' || typeof remain !== 'number') {
    throw malformedAnswer({ account }, '"quota" lacks one of its numbers');
  }
  // Inside "quota" in one of the platform's documents, beside it in another.
  const rateLimit = rateLimitIn(quota['rate_limit'] ?? answer['rate_limit']);
  const componentRateLimit = rateLimitIn(quota['component_rate_limit'] ?? answer['component_rate_limit']);
  return {
    dailyLimit,
    used,
    remain,
    ...(rateLimit && { rateLimit }),
    ...(componentRateLimit && { componentRateLimit }),
  };
}

/**
 * `POST /cgi-bin/clear_quota/v2`: the documents' table puts the secret into the body, their example into the query. The body is
 * tried first, since addresses are logged on the way.
 */
export async function clearQuotaBySecret(app: App, options: WeChatCallOptions = {}): Promise<void> {
  const fields = { appid: app.id, appsecret: app.secret };
  const path = '/cgi-bin/clear_quota/v2';
  try {
    await callWithSecret(app, { ...options, path, body: fields });
  } catch (error) {
    if (!(error instanceof WeChatError) || !UNREAD.includes(error.errcode)) throw error;
    await callWithSecret(app, { ...options, path, params: fields, body: {} });
  }
}

/** The app id or the secret is missing, or the body is none: it was not read. */
const UNREAD: readonly number[] = [41002, 41004, 47001];

/** See `checkToken` of the clients. */
export async function checkToken(
  api: WeChatApi,
  tokens: Tokens,
  source: TokenSource,
  options: WeChatCallOptions = {},
): Promise<TokenCheck> {
  const wait = options.signal && { signal: options.signal };
  const before = await tokens.get(source, wait);
  try {
    await api.post('/cgi-bin/openapi/quota/get', { cgi_path: PROBED_PATH }, options);
  } catch (error) {
    const silent = error instanceof WeChatError ? error.reason !== 'token' : isTransport(error);
    if (!silent) throw error;
    // The retry may have failed for another reason than the token that was renewed for it.
    return (await tokens.get(source, wait)).value === before.value ? 'unknown' : 'replaced';
  }
  return (await tokens.get(source, wait)).value === before.value ? 'alive' : 'replaced';
}

function isTransport(error: unknown): boolean {
  return error instanceof TokenError && error.code === 'ERR_TOKEN_TRANSPORT';
}

function rateLimitIn(value: unknown): WeChatRateLimit | undefined {
  const { call_count: callCount, refresh_second: refreshSeconds } = asObject(value) ?? {};
  return typeof callCount === 'number' && typeof refreshSeconds === 'number'
    ? { callCount, refreshSeconds }
    : undefined;
}

/** `ip_list` of an answer: addresses, and ranges such as `203.0.113.128/25`. */
export function addressesIn(answer: unknown, account: string): readonly string[] {
  const { ip_list: addresses } = asObject(answer) ?? {};
  if (!Array.isArray(addresses) || !addresses.every((each) => typeof each === 'string')) {
    throw malformedAnswer({ account }, '"ip_list" is no list of texts');
  }
  return addresses;
}
