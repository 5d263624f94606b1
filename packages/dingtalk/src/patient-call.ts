import { malformedAnswer, sendToPlatform, systemClock, systemRandom, TokenError } from '@evertoken/core';
import type { Call, CallingAccount, Draft, Family, Outcome } from './calls.js';
import { Circuit } from './circuit.js';
import { DingTalkError, type DingTalkMeaning, mayHaveActed, meaningOf, retryAtOf } from './dingtalk-errors.js';
import { failureOf } from './dingtalk-wire.js';
import { pause } from './pause.js';

/** 10 s; the platform itself gives up after 3 s. */
const TIMEOUT_MS = 10_000;
/** 4: a call and the three repetitions that the platform advises where it is busy. */
const TRIES = 4;
/** 500 ms: first distance after a busy or lost answer; doubles, and as much again at random. */
const BUSY_DELAY_MS = 500;
/** 1 s: the same after a throttled one, as the platform's advice has it. */
const THROTTLED_DELAY_MS = 1_000;

/** 500 ms: over so long the callers spread that waited for a throttled path. */
const SPREAD_MS = 500;

/** One call, ready to be sent. */
export interface PatientCall extends Call {
  readonly draft: Draft;
  /** The refusal that says that its token is dead, and what that hints at. */
  readonly dead?: DingTalkMeaning | undefined;
  readonly hint?: string | undefined;
}

/** Where it goes. */
export type CallTarget = Omit<CallingAccount, 'accessToken'> & { readonly family: Family };

/** What one request came to. `lost`: nobody knows. `again`: repeating it can help, and does no harm. */
type Attempt = (Outcome | { readonly lost: TokenError }) & { readonly again: boolean };

/**
 * Sends a call, and a few times more where the platform is busy or throttles, or where its answer was lost and no harm can come
 * of asking again. Not sent at all while the address is banned.
 *
 * Rejects with `ERR_TOKEN_TRANSPORT` and `ERR_TOKEN_ABORTED`.
 */
export async function patiently(target: CallTarget, call: PatientCall): Promise<Outcome> {
  const { name: account, clock = systemClock, random = systemRandom, circuit = new Circuit(), family } = target;
  const { signal, timeoutMs = TIMEOUT_MS } = call.options ?? {};
  const lane = `${family.host}${call.draft.url.pathname}`;
  const startedAt = clock.monotonic();
  for (let tries = 1; ; tries++) {
    const slowMs = circuit.slowMs(lane, clock.monotonic());
    // Not all who waited at the same instant.
    if (slowMs > 0) await pause(clock, slowMs + random() * SPREAD_MS, { account, signal });
    const banned = circuit.bannedAt(clock.now());
    if (banned) {
      const { method, draft } = call;
      const details = { account, method, path: draft.url.pathname, reason: 'banned', retryAt: banned.until } as const;
      return { error: new DingTalkError(banned.failure, { ...details, hint: 'this call was not sent' }) };
    }
    const outcome = await attempt({ ...target, clock, random, circuit }, call, lane);
    const throttled = 'error' in outcome && outcome.error.reason === 'throttled';
    const delay = (throttled ? THROTTLED_DELAY_MS : BUSY_DELAY_MS) * 2 ** (tries - 1) * (1 + random());
    if (!outcome.again || tries >= TRIES || clock.monotonic() - startedAt + delay > 2 * timeoutMs) {
      if ('lost' in outcome) throw outcome.lost;
      return outcome;
    }
    await pause(clock, delay, { account, signal });
  }
}

async function attempt(
  target: CallTarget & Required<Pick<CallTarget, 'clock' | 'random' | 'circuit'>>,
  call: PatientCall,
  lane: string,
): Promise<Attempt> {
  const { method, options: { repeatable = method === 'GET' } = {} } = call;
  try {
    const outcome = await send(target, call, lane);
    if ('body' in outcome) return { ...outcome, again: false };
    const { reason } = outcome.error;
    const again = reason === 'throttled' || (reason === 'busy' && (repeatable || !outcome.mayHaveActed));
    return { error: outcome.error, again };
  } catch (error) {
    if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_TRANSPORT' || !error.retryable) throw error;
    return { lost: error, again: repeatable || !error.uncertain };
  }
}

async function send(
  target: CallTarget & Required<Pick<CallTarget, 'clock' | 'random' | 'circuit'>>,
  call: PatientCall,
  lane: string,
): Promise<{ readonly body: unknown } | { readonly error: DingTalkError; readonly mayHaveActed: boolean }> {
  const { name: account, fetch = globalThis.fetch, clock, random, circuit, family } = target;
  const { draft, maxBytes, options: { signal, timeoutMs = TIMEOUT_MS } = {} } = call;
  const timeout = AbortSignal.timeout(timeoutMs);
  const request = { ...draft, fetch, account, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  const { answer, file } =
    maxBytes === undefined
      ? { answer: await sendToPlatform(request), file: undefined }
      : await (await import('./download.js')).receiveFile(request, maxBytes);
  const { status, json } = answer;
  // A file need not be JSON; a page where a file is due is the guard's.
  const failure = file && status < 300 && json === undefined && !isPage(answer.text) ? undefined : failureOf(answer);
  if (failure === undefined && (file || family.accepts(json))) return { body: file ?? json };
  const meaning = failure === undefined ? 'unreadable' : meaningOf(failure);
  if (failure === undefined || meaning === 'unreadable') {
    throw malformedAnswer({ account }, 'it is no answer of DingTalk', { status });
  }
  const now = clock.now();
  const retryAt = retryAtOf(meaning, now, random);
  if (failure.banned) circuit.ban(failure, now);
  if (meaning === 'throttled' && retryAt !== undefined) circuit.slowDown(lane, retryAt - now, clock.monotonic());
  const error = new DingTalkError(failure, {
    account,
    method: draft.method,
    path: draft.url.pathname,
    reason: meaning,
    retryAt,
    hint: meaning === call.dead ? call.hint : undefined,
  });
  return { error, mayHaveActed: mayHaveActed(failure) };
}

/** Without a file's name, or its text would not be here. */
function isPage(text: string): boolean {
  return /^\s*<(?:!doctype html|html)/i.test(text);
}
