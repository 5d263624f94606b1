import {
  type EpochMs,
  idsOf,
  labelOf,
  publicText,
  type Random,
  TokenError,
  type TokenErrorCode,
} from '@evertoken/core';
import type { WireAnswer } from './nextengine-wire.js';

/**
 * What a code is about (sheet §8).
 * - `token`: the access token or the pair; the only class that can lead to sign-in, and only in answer to a renewal.
 * - `suspended`: the company's NextEngine or main function is suspended, the reason is in the message; tokens are untouched.
 * - `maintenance`, `busy`: try again later, after minutes or seconds.
 * - `routing`: no such path, seen during deployments too.
 * - `fatal`: the API server failed; whether it did the work is unknown.
 * - `request`: this request, and every code we do not know.
 */
export type NextEngineErrorCategory = 'token' | 'suspended' | 'maintenance' | 'busy' | 'routing' | 'fatal' | 'request';

/** One code: its class, what it means, and where that is known from. */
export interface ErrorRow {
  readonly category: NextEngineErrorCategory;
  readonly meaning: string;
  /** Section and tag of the fact sheet, with the number of its source. */
  readonly source: string;
}

/** The platform's codes. The official list could not be retrieved; these are the known ones. */
export const ERROR_TABLE: Readonly<Record<string, ErrorRow>> = Object.freeze({
  '000001': row('routing', 'no such path', '§8 SDK [12]'),
  '000002': row('request', 'the request was refused', '§8 SDK [12]'),
  '001001': row('request', 'the uid is missing', '§8 COM [24]'),
  '001003': row('request', 'the client id or secret is refused', '§8 COM [24], weak'),
  '001007': row('suspended', 'the company’s NextEngine is suspended', '§8 SDK [11]'),
  '002001': row('request', 'the access token is missing', '§8 COM [24]'),
  '002002': row('token', 'the token is invalid or superseded', '§8 DOC [2][4], SDK [12]'),
  '002003': row('suspended', 'the company’s NextEngine is suspended', '§8 SDK [11]'),
  '002004': row('token', 'the token has expired and could not be renewed', '§8 DOC [2][4]'),
  '002007': row('maintenance', 'the platform is under maintenance', '§8 SDK [11][12]'),
  '003001': row('busy', 'the main function is overloaded', '§8 DOC [8], SDK [11][12]'),
  '003002': row('busy', 'the main function is overloaded', '§8 DOC [6], SDK [11][12]'),
  '003003': row('suspended', 'the company’s main function is suspended', '§8 SDK [11]'),
  '003004': row('maintenance', 'the main function’s host is under maintenance', '§8 DOC [27], SDK [11][12]'),
  '003005': row('maintenance', 'the main function is under maintenance', '§8 DOC [27], SDK [12]'),
  '004001': row('request', 'the app may not use this API', '§8 COM [24][25], conflicting'),
  '008003': row('busy', 'an order import is running', '§8 SDK [11]'),
  '008007': row('busy', 'delivery slips are being printed', '§8 SDK [11]'),
  '008010': row('busy', 'stock-taking is in progress', '§8 SDK [11]'),
  '009005': row('busy', 'the main function is busy', '§8 COM [15]'),
  '011007': row('busy', 'the main function is busy', '§8 COM [15]'),
  '012005': row('request', 'the shop’s FTP credentials are wrong', '§8 DOC [13]'),
  '020007': row('busy', 'an order import is running', '§8 SDK [12]'),
  '020500': row('request', 'at least one row of a bulk update is wrong', '§8 SDK [12]'),
  '999999': row('fatal', 'the API server failed', '§8 SDK [11][12], DOC [4]'),
});

const UNKNOWN = row('request', 'the request was refused', '§8 INF: an unknown code is never a reason to sign in again');

/** Which of our codes a class becomes while a token is obtained. */
const TOKEN_CODES: Readonly<Record<NextEngineErrorCategory, TokenErrorCode>> = {
  token: 'ERR_TOKEN_REAUTHORIZATION_REQUIRED',
  suspended: 'ERR_TOKEN_SUSPENDED',
  maintenance: 'ERR_TOKEN_MAINTENANCE',
  busy: 'ERR_TOKEN_BUSY',
  routing: 'ERR_TOKEN_BUSY',
  fatal: 'ERR_TOKEN_TRANSPORT',
  request: 'ERR_TOKEN_REFUSED',
};

/** 30 min, and up to as much again: maintenance is not over in minutes, and calls are charged (§8, §9). */
export const MAINTENANCE_RETRY_MS = 30 * 60_000;
/** 6 h, and up to 1 h more: people lift a suspension; the 48 hours in which a pair can be renewed hold six attempts (§10). */
export const SUSPENDED_RETRY_MS = 6 * 60 * 60_000;
const SUSPENDED_JITTER_MS = 60 * 60_000;

/** An answer of NextEngine to a call that was not `success`. Holds no token and no body; the text is the platform's, in Japanese. */
export class NextEngineError extends Error {
  /** The class's name. */
  override readonly name = 'NextEngineError';
  /** The platform's six digits; its `result` where it sent no code. */
  readonly code: string;
  /** What it comes down to, in one word. */
  readonly category: NextEngineErrorCategory;
  /** Whether the same call may succeed later. False where it may have been carried out. */
  readonly retryable: boolean;
  /** The account's name. */
  readonly account: string;
  /** The API path that was called. */
  readonly path: string;
  /** For NextEngine's support; most endpoints send none. */
  readonly requestId?: string;

  constructor(
    answer: WireAnswer,
    call: { readonly account: string; readonly path: string; readonly accessToken: string },
  ) {
    const code = answer.code ?? answer.result ?? 'error';
    const text = answer.message === undefined ? rowOf(answer).meaning : publicText(answer.message, [call.accessToken]);
    super(`account "${call.account}": ${call.path} was answered with ${code}: ${text}`);
    this.code = code;
    this.category = rowOf(answer).category;
    this.retryable = ['maintenance', 'busy', 'routing'].includes(this.category);
    this.account = call.account;
    this.path = call.path;
    if (answer.requestId !== undefined) this.requestId = answer.requestId;
  }
}

/**
 * Whether a business call's access token was refused: `002002`, `002004`, or `redirect`, whatever the `result` beside the
 * code (§7.1). A redirect whose code says that something else is wrong is not about the token.
 */
export function refusesToken(answer: WireAnswer): boolean {
  if (answer.result === 'success') return false;
  const { category } = rowOf(answer);
  return category === 'token' || (answer.result === 'redirect' && category === 'request');
}

/** A failed renewal as the manager takes it. `echoed`: the answer carried the presented pair, which proves that it stands. */
export function renewalError(
  answer: WireAnswer,
  { ids, echoed, ...when }: { readonly ids: Ids; readonly echoed: boolean } & When,
): TokenError {
  const { category } = rowOf(answer);
  return tokenError(TOKEN_CODES[category], answer, ids, {
    ...(category === 'token' && { reason: answer.code === '002004' ? 'expired' : 'refused' }),
    ...restUntil(category, when),
    ...(category === 'fatal' && { reason: 'platform' }),
    uncertain: !echoed && provesNothing(answer),
  });
}

/** Why `exchange` refused; but for `mismatch` the browser starts over at the sign-in page. */
export type SignInProblem =
  /** No binding: this session began no sign-in, or the launch came from NextEngine's menu. */
  | 'unbound'
  /** The binding was made by another app, or by nobody. */
  | 'foreign'
  /** The sign-in was begun too long ago. */
  | 'expired'
  /** The callback lacks `uid` or `state`. */
  | 'incomplete'
  /** NextEngine refused `uid` and `state`: used, expired (5 min), or made up. */
  | 'refused'
  /** Another user or company than the one that is expected, stored, or named by the callback. */
  | 'mismatch';

/** `ERR_TOKEN_REFUSED` that sends the browser back to the sign-in page. What is stored is untouched. */
export function signInError(
  problem: SignInProblem,
  why: string,
  ids: Ids,
  answer: WireAnswer = { fields: {} },
): TokenError {
  return new TokenError('ERR_TOKEN_REFUSED', `${labelOf(ids)}: ${why}; start over at the sign-in page`, {
    ...idsOf(ids),
    ...wireIds(answer),
    reason: problem,
  });
}

/** A failed exchange. It presents nothing that is stored, so nothing in its answer can condemn the stored pair. */
export function exchangeError(answer: WireAnswer, { ids, ...when }: { readonly ids: Ids } & When): TokenError {
  const { category } = rowOf(answer);
  if (answer.code === '001003') return tokenError('ERR_TOKEN_REFUSED', answer, ids, { reason: 'credentials' });
  if (category === 'token' || category === 'request') {
    return signInError(
      'refused',
      `NextEngine refused the uid and state of this sign-in (${said(answer)})`,
      ids,
      answer,
    );
  }
  return tokenError(TOKEN_CODES[category], answer, ids, restUntil(category, when));
}

/** The company no longer uses the app: said without presenting the pair, which rests until somebody signs in. */
export function cancelledError(ids: Ids): TokenError {
  return new TokenError(
    'ERR_TOKEN_SUSPENDED',
    `${labelOf(ids)}: the user’s company no longer uses this app, says NextEngine's list of companies; the pair is kept and rests until a sign-in`,
    { ...idsOf(ids), reason: 'cancelled', retryAt: Number.POSITIVE_INFINITY },
  );
}

/** Now, and a random number to keep those apart who failed at one time. */
interface When {
  readonly now: EpochMs;
  readonly random: Random;
}

/** How long classes rest that asking soon cannot cure; the others are left to the manager's back-off. */
function restUntil(category: NextEngineErrorCategory, { now, random }: When): { retryAt?: EpochMs } {
  if (category === 'maintenance') return { retryAt: now + MAINTENANCE_RETRY_MS * (1 + random()) };
  if (category === 'suspended') return { retryAt: now + SUSPENDED_RETRY_MS + SUSPENDED_JITTER_MS * random() };
  return {};
}

/** Whether this answer says that nothing was done, so that any call may be made again after a while: busy, or no such path. */
export function mayRepeat(answer: WireAnswer): boolean {
  const { category } = rowOf(answer);
  return answer.result !== 'success' && (category === 'busy' || category === 'routing');
}

/** Whether it is open what became of the call, so that only one that changes nothing may be made again. */
export function isUndecided(answer: WireAnswer): boolean {
  return answer.result !== 'success' && rowOf(answer).category === 'fatal';
}

/** Whether an info call was refused as such, of which nothing follows for the pair: another one may be allowed. */
export function refusesRequest(answer: WireAnswer): boolean {
  const { category } = rowOf(answer);
  return answer.result === 'error' && (category === 'request' || category === 'routing');
}

/** Account, kind and subject, for errors. */
export interface Ids {
  readonly account: string;
  readonly kind: string;
  readonly subject?: string;
}

function tokenError(
  code: TokenErrorCode,
  answer: WireAnswer,
  ids: Ids,
  details: { reason?: string; retryAt?: EpochMs; uncertain?: boolean },
): TokenError {
  const message = `${labelOf(ids)}: ${rowOf(answer).meaning} (${said(answer)})`;
  return new TokenError(code, message, { ...idsOf(ids), ...wireIds(answer), ...details });
}

function rowOf({ code }: WireAnswer): ErrorRow {
  return (code !== undefined && Object.hasOwn(ERROR_TABLE, code) && ERROR_TABLE[code]) || UNKNOWN;
}

/** Without tokens, neither a failed server nor a code we do not know says what became of the presented pair. */
function provesNothing({ code }: WireAnswer): boolean {
  return code === undefined || code === '999999' || !Object.hasOwn(ERROR_TABLE, code);
}

function said({ code, result }: WireAnswer): string {
  return `NextEngine answered ${code ?? result ?? 'without a result'}`;
}

function wireIds({ code, requestId }: WireAnswer): { platformCode?: string; requestId?: string } {
  return { ...(code !== undefined && { platformCode: code }), ...(requestId !== undefined && { requestId }) };
}

function row(category: NextEngineErrorCategory, meaning: string, source: string): ErrorRow {
  return { category, meaning, source };
}
