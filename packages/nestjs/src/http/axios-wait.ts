import { AxiosError, CanceledError, type InternalAxiosRequestConfig } from 'axios';

/** How long a request waits for its tokens. */
export interface AxiosWait {
  /** Aborted with what axios would reject with. */
  readonly signal: AbortSignal;
  /** Nobody waits any more: lets go of the request's signals, which may live long. */
  over(): void;
}

/** The request's own signal, cancel token and time limit, for the waits in which axios does not look at them. */
export function axiosWait(config: InternalAxiosRequestConfig): AxiosWait {
  const { signal, cancelToken, timeout = 0, transitional, timeoutErrorMessage } = config;
  const controller = new AbortController();
  const cancel = () => controller.abort(new CanceledError(undefined, config));
  const late = () => {
    const code = transitional?.clarifyTimeoutError ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
    controller.abort(new AxiosError(timeoutErrorMessage || `timeout of ${timeout}ms exceeded`, code, config));
  };
  const limit = timeout > 0 ? AbortSignal.timeout(timeout) : undefined;
  const canceled: CancelSignal | undefined = cancelToken?.toAbortSignal();
  for (const each of [signal, canceled]) {
    each?.addEventListener?.('abort', cancel);
    if (each?.aborted) cancel();
  }
  limit?.addEventListener('abort', late);
  return {
    signal: controller.signal,
    over: () => {
      signal?.removeEventListener?.('abort', cancel);
      canceled?.unsubscribe?.();
      limit?.removeEventListener('abort', late);
    },
  };
}

/** As axios makes it of a cancel token; missing from its types. */
type CancelSignal = AbortSignal & { readonly unsubscribe?: () => void };
