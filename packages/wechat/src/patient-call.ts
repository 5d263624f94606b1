import {
  malformedAnswer,
  type PlatformRequest,
  sendToPlatform,
  systemClock,
  systemRandom,
  TokenError,
} from '@evertoken/core';
import type { CallTarget, WeChatCallOptions, WeChatParams } from './client.js';
import { pause } from './pause.js';
import { isDeadToken, WeChatError } from './wechat-errors.js';
import { failureIn, JSON_HEADERS } from './wechat-wire.js';

/** 10 s: what the manager gives a token request, too. */
const TIMEOUT_MS = 10_000;
/** 4: a call and the three repetitions that the platform advises where it is busy. */
const TRIES = 4;
/** 250 ms: first distance of the repetitions; doubles, half of it random. */
const FIRST_DELAY_MS = 250;

/** One call, ready to be sent. */
export interface Call extends WeChatCallOptions {
  /** For errors: without the query. */
  readonly path: string;
  readonly url: URL;
  /** Text is JSON. With a body it is a POST. */
  readonly body?: string | FormData;
  /** Of a download. */
  readonly maxBytes?: number;
  /** Values in it that must not come back in a message. */
  readonly secrets?: readonly string[];
  /** The platform takes it only once, like a code: not repeated where its answer was lost. Default: with a body. */
  readonly once?: boolean;
}

/** An answer, or the platform's refusal. */
export type Outcome = { readonly value: unknown } | WeChatError;

/**
 * Sends a call and, where the platform is busy or its answer was lost and no harm can come of it, a few times more. `hint` is
 * what a dead token means here.
 *
 * Rejects with `ERR_TOKEN_TRANSPORT` and `ERR_TOKEN_ABORTED`.
 */
export async function patiently(target: CallTarget, call: Call, hint?: string): Promise<Outcome> {
  const { clock = systemClock, random = systemRandom, name: account } = target;
  const { timeoutMs = TIMEOUT_MS, signal } = call;
  const startedAt = clock.monotonic();
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(target, call, hint).catch((error: unknown) => {
      if (mayAskAgain(error, call)) return { lost: error };
      throw error;
    });
    const again = 'lost' in outcome || (outcome instanceof WeChatError && outcome.reason === 'busy');
    const delay = FIRST_DELAY_MS * 2 ** (tries - 1) * (0.5 + random() / 2);
    if (!again || tries >= TRIES || clock.monotonic() - startedAt + delay > 2 * timeoutMs) {
      if ('lost' in outcome) throw outcome.lost;
      return outcome;
    }
    await pause(clock, delay, { signal, account });
  }
}

/** Whether nobody can have acted on the call, or acting on it twice does no harm. */
function mayAskAgain(error: unknown, { body, once = body !== undefined }: Call): error is TokenError {
  if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_TRANSPORT' || !error.retryable) return false;
  return !once || !error.uncertain;
}

async function attempt(target: CallTarget, call: Call, hint?: string): Promise<Outcome> {
  const { name: account, errors, clock = systemClock } = target;
  const request = requestOf(target, call);
  const { answer, file } =
    call.maxBytes === undefined
      ? { answer: await sendToPlatform(request), file: undefined }
      : await (await import('./download.js')).receiveFile(request, call.maxBytes);
  // A file need not be JSON; what is none of the platform's messages is the file.
  const failure = file && answer.json === undefined ? undefined : failureIn(answer, { account });
  if (failure) {
    const { path, secrets = [] } = call;
    const dead = hint !== undefined && isDeadToken(failure.errcode, errors);
    return new WeChatError(failure, { account, path, now: clock.now(), secrets, errors, ...(dead && { hint }) });
  }
  // A gateway's own error in JSON has no errcode either.
  if (answer.status >= 300) throw malformedAnswer({ account }, 'no "errcode"', { status: answer.status });
  return { value: file ?? answer.json };
}

function requestOf(target: CallTarget, { url, body, headers, signal, timeoutMs = TIMEOUT_MS }: Call): PlatformRequest {
  const timeout = AbortSignal.timeout(timeoutMs);
  const allHeaders = new Headers(headers);
  if (typeof body === 'string') {
    for (const [name, value] of Object.entries(JSON_HEADERS)) allHeaders.set(name, value);
  }
  // A form's own content type names its boundary.
  if (body instanceof FormData) allHeaders.delete('content-type');
  return {
    url,
    account: target.name,
    fetch: target.fetch ?? globalThis.fetch,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    headers: Object.fromEntries(allHeaders),
    ...(body !== undefined && { method: 'POST', body }),
  };
}

/**
 * A path and its parameters as an address below `baseUrl`.
 *
 * @throws TypeError where the path does not begin with a slash.
 */
export function addressOf(baseUrl: string, path: string, params: WeChatParams = {}): Pick<Call, 'path' | 'url'> {
  // Anything else could name another host once it stands behind ours: the token would go there.
  if (!path.startsWith('/')) throw new TypeError('"path" must begin with "/", such as "/cgi-bin/user/get"');
  const url = new URL(baseUrl + path);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  url.hash = '';
  return { path: path.replace(/[?#].*$/s, ''), url };
}
