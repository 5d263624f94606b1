import { type Clock, TokenError } from '@evertoken/core';

/** Who waits. */
export interface Waiting {
  readonly account: string;
  readonly signal?: AbortSignal | undefined;
}

/** Waits `ms` of `clock`. Rejects with `ERR_TOKEN_ABORTED` once the signal says so. */
export function pause(clock: Pick<Clock, 'after'>, ms: number, waiting: Waiting): Promise<void> {
  let cancel = (): void => {};
  const slept = new Promise<void>((resolve) => {
    // Somebody waits: the process stays.
    cancel = clock.after(ms, resolve, true);
  });
  return untilAborted(slept, waiting).finally(() => cancel());
}

/** Lets this caller give up; the work goes on for the others. */
export function untilAborted<T>(work: Promise<T>, { account, signal }: Waiting): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new TokenError('ERR_TOKEN_ABORTED', `account "${account}": the call was aborted`, { account }));
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
