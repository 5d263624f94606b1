import { type Clock, TokenError } from '@evertoken/core';

/** Waits `ms` of `clock`. Rejects with `ERR_TOKEN_ABORTED` once the signal says so. */
export function pause(
  clock: Pick<Clock, 'after'>,
  ms: number,
  { signal, account }: { readonly signal?: AbortSignal | undefined; readonly account: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(
        new TokenError('ERR_TOKEN_ABORTED', `account "${account}": aborted while waiting to try again`, { account }),
      );
    };
    const cancel = clock.after(
      ms,
      () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
      true,
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
