import type { EpochMs } from './token.js';

/** Where time comes from. Injected everywhere, so that tests never sleep. */
export interface Clock {
  /** The wall clock, Unix ms. May be stepped. */
  now(): EpochMs;
  /** Milliseconds since some fixed instant; never goes back. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function cancels. A pending call keeps the process alive only if `keepAlive` is true. */
  after(ms: number, callback: () => void, keepAlive?: boolean): () => void;
}

/** The machine's clocks. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms: number, callback: () => void, keepAlive = false) {
    // setTimeout counts in 32 bits and fires at once beyond them.
    const timer = setTimeout(callback, Math.min(ms, 0x7fffffff));
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
});

/** How to sleep. */
export interface SleepOptions {
  /** Ends the sleep: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the process stays alive for it. Default true: somebody waits. */
  readonly keepAlive?: boolean;
}

/** Resolves after `ms` of `clock`. */
export function sleep(clock: Pick<Clock, 'after'>, ms: number, options: SleepOptions = {}): Promise<void> {
  const { signal, keepAlive = true } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const wake = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const cancel = clock.after(ms, wake, keepAlive);
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
