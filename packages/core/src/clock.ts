import type { EpochMs } from './token.js';

/** Where time comes from. Injected everywhere, so that tests never sleep. */
export interface Clock {
  /** The wall clock, Unix ms. May be stepped. */
  now(): EpochMs;
  /** Milliseconds since some fixed instant; never goes back. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function cancels. A pending call does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's clocks. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms: number, callback: () => void) {
    // setTimeout counts in 32 bits and fires at once beyond them.
    const timer = setTimeout(callback, Math.min(ms, 0x7fffffff));
    timer.unref();
    return () => clearTimeout(timer);
  },
});

/** Resolves after `ms` of `clock`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}
