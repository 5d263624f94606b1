import { type Clock, idsOf, labelOf, TokenError } from '@evertoken/core';
import type { Ids } from './nextengine-errors.js';

/** Waits `ms` of `clock`. Rejects with `ERR_TOKEN_ABORTED` once the signal says so. */
export function pause(
  clock: Pick<Clock, 'after'>,
  ms: number,
  { signal, ids }: { readonly signal?: AbortSignal | undefined; readonly ids: Ids },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(new TokenError('ERR_TOKEN_ABORTED', `${labelOf(ids)}: aborted while waiting to try again`, idsOf(ids)));
    };
    const wake = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const cancel = clock.after(ms, wake, true);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
