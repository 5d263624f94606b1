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
import { DINGTALK_ERRORS, type DingTalkErrorRow } from './error-codes.js';

/**
 * What a refusal means to us.
 * - `token`: the access token is dead: refuse it, ask for a better one, try once more.
 * - `suiteToken`, `suiteTicket`: the same of what a suite's requests carry; a ticket comes by a push alone.
 * - `reauthorize`: the code, the refresh token or the permanent code is spent: a person has to act.
 * - `busy`, `throttled`, `banned`: later; a ban of the calling address lasts 5 minutes.
 * - `quota`: the organisation's calls of the month are used up.
 * - `clock`: the signature's time is off; sign anew.
 * - `refused`: the request, the app or its settings are wrong, and asking again does not help; codes we do not know too.
 * - `unreadable`: no envelope of the platform, and a status that says nothing.
 */
export type DingTalkMeaning =
  | 'token'
  | 'suiteToken'
  | 'suiteTicket'
  | 'reauthorize'
  | 'busy'
  | 'throttled'
  | 'banned'
  | 'quota'
  | 'clock'
  | 'refused'
  | 'unreadable';

/** 5 min, the ban of an address: more than 10,000 calls in 20 s (page `call-frequency-limit`). */
export const BAN_MS = 5 * 60_000;
/** 1 s, what the platform's own advice says to wait after throttling; up to as much again, so that processes part. */
const BACK_OFF_MS = 1_000;

let rowsByCode: ReadonlyMap<string, DingTalkErrorRow> | undefined;

function rowOf({ code }: DingTalkFailure): DingTalkErrorRow | undefined {
  rowsByCode ??= new Map(DINGTALK_ERRORS.flatMap((row) => row.codes.map((each) => [each, row] as const)));
  return code === undefined ? undefined : rowsByCode.get(code);
}

/** What a refusal means. `token` and its like are for requests that present one; to others they are plain refusals. */
export function meaningOf(failure: DingTalkFailure): DingTalkMeaning {
  if (failure.banned) return 'banned';
  const meaning = rowOf(failure)?.meaning;
  if (meaning !== undefined) return meaning;
  if (failure.httpStatus === 429) return 'throttled';
  if (failure.httpStatus >= 500) return 'busy';
  return failure.code === undefined ? 'unreadable' : 'refused';
}

/** Whether the platform may have carried out what it says it failed to do: a gateway that gave up waiting does not know. */
export function mayHaveActed(failure: DingTalkFailure): boolean {
  const row = rowOf(failure);
  return row === undefined ? failure.httpStatus >= 500 && !failure.banned : row.uncertain === true;
}

/** Not before this instant, Unix ms; undefined where waiting is no cure. */
export function retryAtOf(meaning: DingTalkMeaning, now: EpochMs, random: Random): EpochMs | undefined {
  if (meaning === 'banned') return now + BAN_MS;
  if (meaning === 'busy' || meaning === 'throttled') return now + Math.round(BACK_OFF_MS * (1 + random()));
  return undefined;
}

const TOKEN_ERROR_CODES: Readonly<Record<Exclude<DingTalkMeaning, 'unreadable'>, TokenErrorCode>> = Object.freeze({
  token: 'ERR_TOKEN_REFUSED',
  suiteToken: 'ERR_TOKEN_REFUSED',
  suiteTicket: 'ERR_TOKEN_WAITING',
  reauthorize: 'ERR_TOKEN_REFUSED',
  refused: 'ERR_TOKEN_REFUSED',
  clock: 'ERR_TOKEN_REFUSED',
  busy: 'ERR_TOKEN_BUSY',
  throttled: 'ERR_TOKEN_BUSY',
  banned: 'ERR_TOKEN_BUSY',
  quota: 'ERR_TOKEN_QUOTA',
});

/** Meanings a caller may want to tell apart below one code. */
const REASONS: readonly DingTalkMeaning[] = ['throttled', 'banned', 'clock'];

/** What `tokenErrorOf` works with. */
export interface ErrorSurroundings {
  readonly now: () => EpochMs;
  readonly random: Random;
  /** The request presented the stored grant: what ends it means that a person has to sign in again. Default false. */
  readonly grant?: boolean | undefined;
}

/** The `TokenError` of a token source for a refusal. */
export function tokenErrorOf(
  failure: DingTalkFailure,
  meaning: DingTalkMeaning,
  about: Pick<PlatformRequest, 'account' | 'kind' | 'subject'>,
  { now, random, grant = false }: ErrorSurroundings,
): TokenError {
  const { code, httpStatus, requestId } = failure;
  const ids = requestId === undefined ? {} : { requestId };
  if (meaning === 'unreadable')
    return malformedAnswer(about, 'it is no answer of DingTalk', { status: httpStatus, ...ids });
  const retryAt = retryAtOf(meaning, now(), random);
  const ended = grant && meaning === 'reauthorize';
  const errorCode = ended ? 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' : TOKEN_ERROR_CODES[meaning];
  return new TokenError(errorCode, `${labelOf(about)}: ${sentenceOf(failure)}`, {
    ...idsOf(about),
    ...ids,
    ...(code !== undefined && { platformCode: code }),
    ...(retryAt !== undefined && { retryAt }),
    ...(REASONS.includes(meaning) && { reason: meaning }),
    ...(mayHaveActed(failure) && { uncertain: true }),
  });
}

/** What a `DingTalkError` is made of. */
export interface DingTalkErrorDetails {
  /** Name of the account. */
  readonly account: string;
  /** HTTP method of the call. */
  readonly method: string;
  /** The path that was called, without its query. */
  readonly path: string;
  /** What it comes down to, in one word. */
  readonly reason: DingTalkMeaning;
  /** When trying again makes sense, Unix ms. */
  readonly retryAt?: EpochMs | undefined;
  /** What else is to be said. */
  readonly hint?: string | undefined;
}

/**
 * DingTalk refused a business call. Tell refusals apart by `code`, or by `reason` for all of a sort; what the platform says in
 * words changes and is not kept. Failures to get a token, and requests without an answer, are `TokenError`s.
 */
export class DingTalkError extends Error {
  /** The class's name. */
  override readonly name = 'DingTalkError';
  /** The platform's code as text: `sub_code` where there is one, else `errcode` or `code`; `HTTP_<status>` where it sent none. */
  readonly code: string;
  /** What the code means. */
  readonly reason: DingTalkMeaning;
  /** HTTP status of the answer. */
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

  constructor(failure: DingTalkFailure, { account, method, path, reason, retryAt, hint }: DingTalkErrorDetails) {
    const sentence = sentenceOf(failure, `${method} ${path}`);
    super(`account "${account}": ${sentence}${hint === undefined ? '' : ` (${hint})`}`);
    this.code = failure.code ?? `HTTP_${failure.httpStatus}`;
    this.reason = reason;
    this.httpStatus = failure.httpStatus;
    this.account = account;
    this.retryable = reason === 'busy' || reason === 'throttled' || reason === 'banned';
    if (retryAt !== undefined) this.retryAt = retryAt;
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
