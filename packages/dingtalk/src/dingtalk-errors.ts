import {
  type EpochMs,
  idsOf,
  labelOf,
  malformedAnswer,
  type PlatformRequest,
  type Random,
  TokenError,
  type TokenErrorCode,
} from '@evertoken/core';
import type { DingTalkFailure } from './dingtalk-wire.js';

/**
 * What a refusal means to us.
 * - `token`: the access token is dead: refuse it, ask for a better one, try once more.
 * - `busy`, `throttled`, `banned`: later; a ban of the calling address lasts 5 minutes.
 * - `quota`: the organisation's calls of the month are used up.
 * - `refused`: the request, the app or its settings are wrong, and asking again does not help; codes we do not know too.
 * - `unreadable`: no envelope of the platform, and a status that says nothing.
 */
export type DingTalkMeaning = 'token' | 'busy' | 'throttled' | 'banned' | 'quota' | 'refused' | 'unreadable';

/** Some codes and what they mean. */
export interface DingTalkErrorRow {
  readonly codes: readonly string[];
  readonly meaning: Exclude<DingTalkMeaning, 'banned' | 'unreadable'>;
  /** The rest of the sentence "DingTalk answered …:". */
  readonly says: string;
  /** A page below https://open.dingtalk.com/document/development/, a public repository, or what was seen on the wire. */
  readonly source: string;
}

const CODES = 'server-api-error-codes-1';
const LIMITS = 'call-frequency-limit';
const QUOTA = 'how-to-process-api-throttling-on-the-dingtalk-server';
const RETRY = 'github.com/open-dingtalk/developerpedia: docs/develop/best-practices/retry.md';
const PERMISSION = 'github.com/open-dingtalk/developerpedia: docs/develop/best-practices/permission-deny.md';

/** Platform code → our meaning: numbers are the old host's, words the new one's. Codes of suites and of users come with their sources. */
export const DINGTALK_ERRORS: readonly DingTalkErrorRow[] = Object.freeze<DingTalkErrorRow[]>([
  { codes: ['40014', '42001'], meaning: 'token', says: 'the access token is not valid', source: CODES },
  // "The secret is wrong, or the token": only the request can tell which of them it presented.
  { codes: ['40001'], meaning: 'token', says: 'the secret or the access token is not valid', source: CODES },
  { codes: ['InvalidAuthentication'], meaning: 'token', says: 'the access token is not valid', source: CODES },
  { codes: ['accesstoken.expired'], meaning: 'token', says: 'the access token has expired', source: CODES },

  { codes: ['-1'], meaning: 'busy', says: 'it is busy', source: CODES },
  { codes: ['15', 'isp.top-remote-connection-timeout'], meaning: 'busy', says: 'it timed out', source: RETRY },
  { codes: ['88'], meaning: 'busy', says: 'its authentication timed out', source: RETRY },
  { codes: ['systemBusy', 'system.busy', 'serviceBusy'], meaning: 'busy', says: 'it is busy', source: CODES },
  { codes: ['server.error'], meaning: 'busy', says: 'it failed', source: 'api-gettoken' },
  {
    codes: ['unknownError'],
    meaning: 'busy',
    says: 'it failed',
    source: 'observed, HTTP 500; also for an unknown corpId',
  },

  { codes: [...range(90001, 90014), '90017', '90018'], meaning: 'throttled', says: 'too many calls', source: LIMITS },
  { codes: ['45009'], meaning: 'throttled', says: 'too many calls', source: CODES },
  {
    codes: [
      'Forbidden.AccessDenied.QpsLimitForApi',
      'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi',
      'Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi',
      'Forbidden.AccessDenied.QpmLimitForAppkeyAndApi',
      'Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi',
    ],
    meaning: 'throttled',
    says: 'too many calls',
    source: QUOTA,
  },
  {
    codes: ['qps.exceed.limit', 'request.overlimit', 'oaplus.query.limit', 'requestTooMuch'],
    meaning: 'throttled',
    says: 'too many calls',
    source: CODES,
  },

  {
    codes: ['90020', 'Forbidden.AccessDenied.ApiCountLimitForOrg'],
    meaning: 'quota',
    says: "the organisation's calls of this month are used up",
    source: QUOTA,
  },

  { codes: ['40096', '40089'], meaning: 'refused', says: 'the key and the secret do not match', source: CODES },
  {
    codes: ['invalidClientIdOrSecret'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: CODES,
  },
  {
    codes: ['invalid.client'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: 'api-gettoken',
  },
  {
    codes: ['40013', '33001', 'orgNotExist'],
    meaning: 'refused',
    says: 'there is no such organisation',
    source: CODES,
  },
  { codes: ['60020'], meaning: 'refused', says: "the calling address is not on the app's list", source: CODES },
  {
    codes: ['Forbidden.AccessDenied.IpNotInWhiteList'],
    meaning: 'refused',
    says: "the calling address is not on the app's list",
    source: PERMISSION,
  },
  { codes: ['60011', '48002', '48004'], meaning: 'refused', says: 'the app lacks the permission', source: CODES },
  {
    codes: ['Forbidden.AccessDenied.AccessTokenPermissionDenied'],
    meaning: 'refused',
    says: 'the app lacks the permission',
    source: PERMISSION,
  },
  {
    codes: ['unauthorized.client', 'orgNotAuthApp', 'invalidAuthInfo'],
    meaning: 'refused',
    says: 'the organisation has not enabled the app',
    source: 'api-gettoken',
  },
  {
    codes: ['unsupported.grant.type'],
    meaning: 'refused',
    says: 'the grant type is not supported',
    source: 'api-gettoken',
  },
  {
    codes: ['authFailed'],
    meaning: 'refused',
    says: 'the key and the secret do not match',
    source: 'observed, HTTP 401',
  },
  { codes: ['40035', '41002', '41004'], meaning: 'refused', says: 'a parameter is missing or wrong', source: CODES },
  { codes: ['41001', '40000'], meaning: 'refused', says: 'the request carried no access token', source: CODES },
  {
    codes: ['AuthenticationFailed.MissingParameter'],
    meaning: 'refused',
    says: 'the request carried no access token',
    source: 'observed, HTTP 400',
  },
  { codes: range(43001, 43009), meaning: 'refused', says: 'the method or the content type is wrong', source: CODES },
  {
    codes: ['Missingbody'],
    meaning: 'refused',
    says: 'the body is not JSON',
    source: 'github.com/aliyun/alibabacloud-php-sdk#36',
  },
  {
    codes: ['22', '404'],
    meaning: 'refused',
    says: 'there is no such path on this host',
    source: 'observed, HTTP 200',
  },
]);

/** A ban of an address: more than 10,000 calls in 20 s (page `call-frequency-limit`). */
const BAN_MS = 5 * 60_000;
/** 1 s, what the platform's own advice says to wait after throttling; up to as much again, so that processes part. */
const BACK_OFF_MS = 1_000;

let rowsByCode: ReadonlyMap<string, DingTalkErrorRow> | undefined;

function rowOf({ code }: DingTalkFailure): DingTalkErrorRow | undefined {
  rowsByCode ??= new Map(DINGTALK_ERRORS.flatMap((row) => row.codes.map((each) => [each, row] as const)));
  return code === undefined ? undefined : rowsByCode.get(code);
}

/** What a refusal means. `token` is for requests that present one; to others it is a plain refusal. */
export function meaningOf(failure: DingTalkFailure): DingTalkMeaning {
  if (failure.banned) return 'banned';
  const meaning = rowOf(failure)?.meaning;
  if (meaning !== undefined) return meaning;
  if (failure.httpStatus === 429) return 'throttled';
  if (failure.httpStatus >= 500) return 'busy';
  return failure.code === undefined ? 'unreadable' : 'refused';
}

/** Not before this instant, Unix ms; undefined where waiting is no cure. */
export function retryAtOf(meaning: DingTalkMeaning, now: EpochMs, random: Random): EpochMs | undefined {
  if (meaning === 'banned') return now + BAN_MS;
  if (meaning === 'busy' || meaning === 'throttled') return now + Math.round(BACK_OFF_MS * (1 + random()));
  return undefined;
}

const TOKEN_ERROR_CODES: Readonly<Record<Exclude<DingTalkMeaning, 'unreadable'>, TokenErrorCode>> = Object.freeze({
  token: 'ERR_TOKEN_REFUSED',
  refused: 'ERR_TOKEN_REFUSED',
  busy: 'ERR_TOKEN_BUSY',
  throttled: 'ERR_TOKEN_BUSY',
  banned: 'ERR_TOKEN_BUSY',
  quota: 'ERR_TOKEN_QUOTA',
});

/** The `TokenError` of a token source for a refusal. */
export function tokenErrorOf(
  failure: DingTalkFailure,
  meaning: DingTalkMeaning,
  about: Pick<PlatformRequest, 'account' | 'kind'>,
  { now, random }: { readonly now: () => EpochMs; readonly random: Random },
): TokenError {
  const { code, httpStatus, requestId } = failure;
  const ids = requestId === undefined ? {} : { requestId };
  if (meaning === 'unreadable')
    return malformedAnswer(about, 'it is no answer of DingTalk', { status: httpStatus, ...ids });
  const retryAt = retryAtOf(meaning, now(), random);
  return new TokenError(TOKEN_ERROR_CODES[meaning], `${labelOf(about)}: ${sentenceOf(failure)}`, {
    ...idsOf(about),
    ...ids,
    ...(code !== undefined && { platformCode: code }),
    ...(retryAt !== undefined && { retryAt }),
    ...((meaning === 'throttled' || meaning === 'banned') && { reason: meaning }),
  });
}

/** What a `DingTalkError` is made of. */
export interface DingTalkErrorDetails {
  readonly account: string;
  readonly method: string;
  /** The path that was called, without its query. */
  readonly path: string;
  readonly retryable: boolean;
  readonly retryAt?: EpochMs;
}

/**
 * DingTalk refused a business call. Tell refusals apart by `code`; what the platform says in words changes and is not
 * kept. Failures to get a token, and requests without an answer, are `TokenError`s.
 */
export class DingTalkError extends Error {
  override readonly name = 'DingTalkError';
  /** The platform's code as text: `sub_code` where there is one, else `errcode` or `code`; `HTTP_<status>` where it sent none. */
  readonly code: string;
  readonly httpStatus: number;
  /** The account's name. */
  readonly account: string;
  /** Whether the same call can succeed later: busy, throttled, banned. */
  readonly retryable: boolean;
  /** No use in trying before this, Unix ms: 1 to 2 s after a busy or throttled answer, 5 min after a ban of the address. */
  readonly retryAt?: EpochMs;
  /** The platform's id of the request, for its support. */
  readonly requestId?: string;
  /** The permissions the app would need; on some refusals of the new host. */
  readonly requiredScopes?: readonly string[];

  constructor(failure: DingTalkFailure, details: DingTalkErrorDetails) {
    super(`account "${details.account}": ${sentenceOf(failure, `${details.method} ${details.path}`)}`);
    this.code = failure.code ?? `HTTP_${failure.httpStatus}`;
    this.httpStatus = failure.httpStatus;
    this.account = details.account;
    this.retryable = details.retryable;
    if (details.retryAt !== undefined) this.retryAt = details.retryAt;
    if (failure.requestId !== undefined) this.requestId = failure.requestId;
    if (failure.requiredScopes !== undefined) this.requiredScopes = failure.requiredScopes;
  }
}

function sentenceOf(failure: DingTalkFailure, call?: string): string {
  const { code, httpStatus, banned, requiredScopes } = failure;
  const answered = `DingTalk answered ${code === undefined ? `HTTP ${httpStatus}` : `${code} (HTTP ${httpStatus})`}`;
  const says = banned ? 'it bans the calling address for 5 minutes' : rowOf(failure)?.says;
  const needs = requiredScopes?.length ? `, needed: ${requiredScopes.join(', ')}` : '';
  return `${answered}${call === undefined ? '' : ` to ${call}`}${says === undefined ? '' : `: ${says}`}${needs}`;
}

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}
