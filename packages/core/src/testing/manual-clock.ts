import type { Clock } from '../clock.js';
import type { EpochMs } from '../token.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move: drives manager, stores and sandbox together. */
export class ManualClock implements Clock {
  #wall: EpochMs;
  #monotonic = 0;
  readonly #timers = new Set<Timer>();

  /** `start`: Unix ms. Default 2026-01-01T00:00:00Z. */
  constructor(start: EpochMs = Date.UTC(2026, 0, 1)) {
    this.#wall = start;
  }

  // Bound, so that `now: clock.now` works as it does with the system's clock.
  readonly now = (): EpochMs => this.#wall;

  readonly monotonic = (): number => this.#monotonic;

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves both clocks on, and calls back what comes due on the way, each at its time, with what it leads to. */
  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#monotonic + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#move(Math.max(0, next.at - this.#monotonic));
      next.callback();
      await settle();
    }
    this.#move(end - this.#monotonic);
    await settle();
  }

  /** Steps the wall clock, as an administrator or NTP does; elapsed time is untouched. Negative steps go back. */
  step(ms: number): void {
    this.#wall += ms;
  }

  #move(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}

/** Lets promises and sockets that are ready go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
