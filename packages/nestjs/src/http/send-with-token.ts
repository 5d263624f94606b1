import { type Token, TokenError, type TokenSource } from '@evertoken/core';
import type { TokenAnswer } from './token-answer.js';
import type { RequestSettings } from './token-request-options.js';

/** One request of a client. */
export interface Sending<Answer> {
  readonly source: TokenSource;
  /** Ends the wait for a token. */
  readonly signal: AbortSignal | undefined;
  /** Whether it can be sent again: its body is no stream, which can be read only once. */
  readonly replayable: boolean;
  send(token: Token): Promise<Answer>;
  /** The answer, for `isRejected`; undefined where it comes from a server that was not given the token. */
  look(answer: Answer): TokenAnswer | undefined;
  /** Lets go of an answer that nobody will read. */
  discard(answer: Answer): void;
}

/** An answer, and why it is the one that refused the token, where it is. */
export interface Sent<Answer> {
  readonly answer: Answer;
  /** `ERR_TOKEN_REJECTED_AGAIN`: no better token is to be had, so that the request was not sent again. */
  readonly refusal?: TokenError;
}

/**
 * Sends a request with the source's token, and once more with a better one where the platform refuses it. A refused request was
 * not carried out, so that one that changes something may be sent again, too.
 *
 * Rejects as `get` and `reject` do, but for `ERR_TOKEN_REJECTED_AGAIN`: then the platform's own answer says enough.
 */
export async function sendWithToken<Answer>(
  { tokens, isRejected, minValidityMs }: Pick<RequestSettings<never>, 'tokens' | 'isRejected' | 'minValidityMs'>,
  { source, signal, replayable, send, look, discard }: Sending<Answer>,
): Promise<Sent<Answer>> {
  const token = await tokens.get(source, {
    ...(minValidityMs > 0 && { minValidityMs }),
    ...(signal && { signal }),
  });
  const answer = await send(token);
  const looked = look(answer);
  if (!looked || !(await isRejected(looked))) return { answer };
  let better: Token;
  try {
    better = await untilAborted(tokens.reject(source, token), signal);
  } catch (error) {
    // What cannot be sent again anyway is answered by the platform; the manager tells of the rest.
    const again = error instanceof TokenError && error.code === 'ERR_TOKEN_REJECTED_AGAIN';
    if (again || (!replayable && !signal?.aborted)) {
      return { answer, ...(error instanceof TokenError && { refusal: error }) };
    }
    discard(answer);
    throw error;
  }
  if (!replayable) return { answer };
  discard(answer);
  return { answer: await send(better) };
}

/** The manager goes on for the others; this caller need not wait. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Whether a body can be read only once. */
export function isStream(body: unknown): body is object {
  if (typeof body !== 'object' || body === null) return false;
  return 'getReader' in body || 'pipe' in body || Symbol.asyncIterator in body;
}
