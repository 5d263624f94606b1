import { type EpochMs, idsOf, labelOf, publicText, TokenError, type TokenErrorCode } from '@evertoken/core';
import { chinaMidnight, nextChinaMonth } from './china-calendar.js';
import type { WireFailure, WireIds } from './wechat-wire.js';

/**
 * What a platform code means for the caller.
 * - `token`: the access token is dead; the client has asked for another one and tried once more already.
 * - `busy`: try again in a moment.
 * - `quota`: the allowance is used up until `retryAt`.
 * - `refused`: configuration or permission; trying again cannot help.
 * - `blocked`: somebody has to act at the platform: confirm an address, thaw a secret, have a ban lifted.
 * - `suspended`: the platform restricted or froze the account.
 * - `reauthorize`: a person has to authorize (again).
 * - `parent`: the credential behind the one presented is dead.
 * - `unknown`: not in our table.
 */
export type WeChatErrorReason =
  | 'token'
  | 'busy'
  | 'quota'
  | 'refused'
  | 'blocked'
  | 'suspended'
  | 'reauthorize'
  | 'parent'
  | 'unknown';

/** When to ask again: the next minute, day or month of the platform's calendar (China, UTC+8), or after so many ms. */
export type Wait = 'minute' | 'day' | 'month' | number;

/** One row of the table. */
export interface WeChatErrorRow {
  readonly reason: WeChatErrorReason;
  readonly meaning: string;
  /** Key of the list below. */
  readonly source: string;
  readonly wait?: Wait;
  /** The same number means something else where a token is asked for. */
  readonly onTokenEndpoint?: string;
}

/** Platform code → what it means: data, so that each API family brings its own. */
export type ErrorTable = Readonly<Record<number, WeChatErrorRow>>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Platform code → reason. Sources, below https://developers.weixin.qq.com/doc:
 * - `token`: /service/api/base/api_getaccesstoken
 * - `stable`: /service/api/base/api_getstableaccesstoken
 * - `usage`: /oplatform/developers/dev/AccessToken.html
 * - `component`: /oplatform/Third-party_Platforms/2.0/api/ThirdParty/token/component_access_token.html
 * - `clear`, `quota`: /oplatform/Third-party_Platforms/2.0/api/openApi/clear_quota.html, get_api_quota.html
 * - `sdk`: not in the documents found; the error tables of WxJava and EasyWeChat agree.
 */
export const WECHAT_ERRORS: ErrorTable = Object.freeze({
  [-1]: { reason: 'busy', meaning: 'the system is busy', source: 'token' },
  40001: {
    reason: 'token',
    meaning: 'the access token is dead or not the latest',
    source: 'token, usage',
    onTokenEndpoint: 'the secret is wrong or belongs to another account',
  },
  40002: { reason: 'refused', meaning: '"grant_type" is wrong', source: 'token' },
  40013: { reason: 'refused', meaning: 'the app id is wrong or does not match the token', source: 'token' },
  40014: { reason: 'token', meaning: 'the access token is malformed or wrong', source: 'sdk' },
  40029: { reason: 'reauthorize', meaning: 'the authorization code is invalid', source: 'sdk' },
  40030: { reason: 'reauthorize', meaning: 'the user’s refresh token is invalid', source: 'sdk' },
  40125: { reason: 'refused', meaning: 'the secret is wrong', source: 'token' },
  40163: { reason: 'reauthorize', meaning: 'the authorization code was used already', source: 'sdk' },
  40164: { reason: 'refused', meaning: 'the caller’s IP address is not on the account’s list', source: 'token' },
  40226: { reason: 'refused', meaning: 'the platform takes the user for a risk and refuses the login', source: 'sdk' },
  40243: { reason: 'blocked', meaning: 'the secret is frozen, a person has to unfreeze it', source: 'token' },
  41001: { reason: 'refused', meaning: 'the access token is missing', source: 'sdk' },
  41002: { reason: 'refused', meaning: 'the app id is missing', source: 'token' },
  41004: { reason: 'refused', meaning: 'the secret is missing', source: 'token' },
  41018: { reason: 'refused', meaning: 'the component’s app id is missing', source: 'sdk' },
  41021: { reason: 'refused', meaning: 'the component’s access token is missing', source: 'sdk' },
  42001: { reason: 'token', meaning: 'the access token has expired', source: 'usage' },
  42002: { reason: 'reauthorize', meaning: 'the user’s refresh token has expired', source: 'sdk' },
  42003: { reason: 'reauthorize', meaning: 'the authorization code has expired', source: 'sdk' },
  42006: { reason: 'token', meaning: 'the component’s access token has expired', source: 'sdk' },
  42007: { reason: 'reauthorize', meaning: 'the user changed the password', source: 'sdk' },
  43002: { reason: 'refused', meaning: 'the endpoint wants POST', source: 'stable' },
  45009: { reason: 'quota', meaning: 'the calls of the day are used up', source: 'stable', wait: 'day' },
  45011: { reason: 'quota', meaning: 'the calls of the minute are used up', source: 'stable', wait: 'minute' },
  45035: { reason: 'refused', meaning: 'the caller’s IP address is not registered', source: 'sdk' },
  47001: { reason: 'refused', meaning: 'the body is no valid JSON', source: 'component' },
  48001: { reason: 'refused', meaning: 'the account has no permission for this API', source: 'component' },
  48004: { reason: 'blocked', meaning: 'this API is banned for the account', source: 'sdk' },
  48006: { reason: 'quota', meaning: 'the quota resets of the month are used up', source: 'clear', wait: 'month' },
  50001: { reason: 'reauthorize', meaning: 'the user has not authorized this API', source: 'sdk' },
  50002: { reason: 'suspended', meaning: 'the account is restricted', source: 'sdk' },
  50004: { reason: 'blocked', meaning: 'the token endpoint is forbidden to the account', source: 'token' },
  50007: { reason: 'suspended', meaning: 'the account is frozen', source: 'token' },
  61003: { reason: 'reauthorize', meaning: 'the account has not authorized the component', source: 'sdk' },
  61004: { reason: 'refused', meaning: 'the caller’s IP address is not on the component’s list', source: 'component' },
  61005: { reason: 'parent', meaning: 'the verify ticket has expired', source: 'component' },
  61006: { reason: 'parent', meaning: 'the verify ticket is invalid', source: 'component' },
  61007: { reason: 'refused', meaning: 'the API is not granted to the component', source: 'component' },
  61009: { reason: 'reauthorize', meaning: 'the authorization code is invalid', source: 'sdk' },
  61010: { reason: 'reauthorize', meaning: 'the authorization code has expired', source: 'sdk' },
  61011: { reason: 'refused', meaning: 'the component is invalid', source: 'component' },
  61014: { reason: 'refused', meaning: 'the API wants a component’s access token', source: 'sdk' },
  61015: { reason: 'refused', meaning: 'the API wants an account’s access token', source: 'sdk' },
  61023: { reason: 'reauthorize', meaning: 'the authorizer’s refresh token is invalid', source: 'sdk' },
  61024: { reason: 'refused', meaning: 'a component has its own token endpoint', source: 'token' },
  76003: { reason: 'refused', meaning: '"cgi_path" is wrong', source: 'quota' },
  76021: { reason: 'refused', meaning: '"cgi_path" is unknown', source: 'quota' },
  76022: { reason: 'refused', meaning: 'the path belongs to another kind of token', source: 'quota' },
  89501: {
    reason: 'blocked',
    meaning: 'an administrator’s confirmation is pending',
    source: 'token',
    wait: 5 * MINUTE,
  },
  89503: {
    reason: 'blocked',
    meaning: 'an administrator has to confirm this IP address',
    source: 'token',
    wait: 5 * MINUTE,
  },
  89506: { reason: 'blocked', meaning: 'an administrator refused this IP address twice', source: 'token', wait: DAY },
  89507: { reason: 'blocked', meaning: 'an administrator refused this IP address', source: 'token', wait: HOUR },
} satisfies Record<number, WeChatErrorRow>);

/** Tokens of an app are asked for with its secret alone: no platform code makes those a matter of signing in again. */
const TOKEN_CODES: Readonly<Record<WeChatErrorReason, TokenErrorCode>> = {
  token: 'ERR_TOKEN_REFUSED',
  busy: 'ERR_TOKEN_BUSY',
  quota: 'ERR_TOKEN_QUOTA',
  refused: 'ERR_TOKEN_REFUSED',
  blocked: 'ERR_TOKEN_REFUSED',
  suspended: 'ERR_TOKEN_SUSPENDED',
  reauthorize: 'ERR_TOKEN_REFUSED',
  parent: 'ERR_TOKEN_WAITING',
  unknown: 'ERR_TOKEN_REFUSED',
};

/** What an API call rejects with when the platform answers with an `errcode`. Holds no token, no secret and no body. */
export class WeChatError extends Error {
  /** The class's name. */
  override readonly name = 'WeChatError';
  /** The platform's code. */
  readonly errcode: number;
  /** The platform's text, shortened; the token, should it stand in there, is blotted out. */
  readonly errmsg: string;
  /** What it comes down to, in one word. */
  readonly reason: WeChatErrorReason;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Not before this, Unix ms; absent where the platform's rules name no time. */
  readonly retryAt?: EpochMs;
  /** The platform's id of the request (`rid`), for its support. */
  readonly requestId?: string;
  /** The account's name. */
  readonly account: string;
  /** Path of the API, without its query. */
  readonly path: string;

  /** Made by the clients. */
  constructor(failure: WireFailure, { account, path, now, secrets, hint = '', errors }: CallContext) {
    const errmsg = publicText(failure.errmsg, secrets);
    const { reason, meaning, wait } = rowOf(failure.errcode, errors);
    super(`account "${account}", ${path}: ${sentence(failure.errcode, meaning, errmsg)}${hint && `; ${hint}`}`);
    this.errcode = failure.errcode;
    this.errmsg = errmsg;
    this.reason = reason;
    this.retryable = reason === 'busy' || wait === 'minute';
    if (wait !== undefined) this.retryAt = retryAtOf(wait, now);
    if (failure.requestId !== undefined) this.requestId = failure.requestId;
    this.account = account;
    this.path = path;
  }
}

/** What errors are made with, besides the failure. */
export interface FailureContext {
  readonly now: EpochMs;
  /** Values that must not come back in a message. */
  readonly secrets: readonly string[];
  /** Default: `WECHAT_ERRORS`. */
  readonly errors?: ErrorTable | undefined;
}

/** What a `WeChatError` is made with, besides the failure. */
export interface CallContext extends FailureContext {
  readonly account: string;
  /** Without its query. */
  readonly path: string;
  /** What the caller had better look at; ends the message. */
  readonly hint?: string;
}

/** Whether the platform says that the access token presented is dead: the codes all SDKs agree on, and the component's own. */
export function isDeadToken(errcode: number, errors: ErrorTable = WECHAT_ERRORS): boolean {
  return errors[errcode]?.reason === 'token';
}

/**
 * The error of a token or ticket request. `grant`: what is asked for hangs on a person's authorization, so that the codes which
 * say that it is gone become `ERR_TOKEN_REAUTHORIZATION_REQUIRED`.
 */
export function issueError(
  failure: WireFailure,
  ids: WireIds,
  { now, secrets, errors, grant = false }: FailureContext & { readonly grant?: boolean },
): TokenError {
  const { errcode, errmsg, requestId } = failure;
  const { reason, meaning, wait, onTokenEndpoint } = rowOf(errcode, errors);
  const text = sentence(errcode, onTokenEndpoint ?? meaning, publicText(errmsg, secrets));
  const code = grant && reason === 'reauthorize' ? 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' : TOKEN_CODES[reason];
  return new TokenError(code, `${labelOf(ids)}: ${text}`, {
    ...idsOf(ids),
    platformCode: String(errcode),
    ...(requestId !== undefined && { requestId }),
    ...(wait !== undefined && { retryAt: retryAtOf(wait, now) }),
    ...(wait === 'minute' && { retryable: true }),
  });
}

function rowOf(errcode: number, errors: ErrorTable = WECHAT_ERRORS): WeChatErrorRow {
  return errors[errcode] ?? { reason: 'unknown', meaning: '', source: '' };
}

function sentence(errcode: number, meaning: string, errmsg: string): string {
  return `WeChat answered ${[errcode, meaning].filter((part) => part !== '').join(', ')}${errmsg && ` (${errmsg})`}`;
}

function retryAtOf(wait: Wait, now: EpochMs): EpochMs {
  if (typeof wait === 'number') return now + wait;
  if (wait === 'minute') return now - (now % MINUTE) + MINUTE;
  if (wait === 'month') return nextChinaMonth(now);
  const today = chinaMidnight(now);
  // A clock that is seconds ahead asks before the counters are reset; that must not cost another whole day.
  return now - today < 5 * MINUTE ? today + 5 * MINUTE : today + DAY;
}
