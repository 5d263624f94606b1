import { TokenError } from './errors.js';
import { idsOf, labelOf } from './platform-request.js';
import type { TokenSource } from './source.js';

/** This caller's wait ends with its signal; the work goes on for the others. */
export function untilAborted<T>(work: Promise<T>, source: TokenSource, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(source));
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** `ERR_TOKEN_ABORTED` */
export function aborted(source: TokenSource): TokenError {
  return new TokenError('ERR_TOKEN_ABORTED', `${labelOf(source)}: the caller gave up`, idsOf(source));
}
