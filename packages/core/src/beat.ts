import type { Clock } from './clock.js';

/** Work that is done again and again. */
export interface Beat {
  stop(): void;
}

/** Calls `work` every `ms`, counted from its end, until it is stopped. Does not keep the process alive. `work` must not reject. */
export function everySoOften(clock: Pick<Clock, 'after'>, ms: number, work: () => Promise<unknown>): Beat {
  let stopped = false;
  let cancel = () => {};
  const next = () => {
    if (stopped) return;
    cancel = clock.after(ms, () => {
      work().finally(next);
    });
  };
  next();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
