import type { Clock } from './clock.js';
import type { TokenSource } from './source.js';

/** What a manager has under way, so that nothing it started ends unseen. */
export class Work {
  readonly #inFlight = new Map<Promise<unknown>, TokenSource | undefined>();

  /** Remembers work until it ends; `source` is the key whose outcome it decides. */
  track<T>(work: Promise<T>, source?: TokenSource): Promise<T> {
    const tracked = work.catch(() => {});
    this.#inFlight.set(tracked, source);
    tracked.finally(() => this.#inFlight.delete(tracked));
    return work;
  }

  /** Resolves when all work has ended, what it started included, but after `limitMs` at the latest. */
  async settled(clock: Pick<Clock, 'after'>, limitMs: number): Promise<void> {
    let cancel = () => {};
    const limit = new Promise<void>((resolve) => {
      cancel = clock.after(limitMs, resolve);
    });
    await Promise.race([this.ended(), limit]);
    cancel();
  }

  /** Resolves when all work has ended. */
  async ended(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight.keys());
  }

  /** The keys whose outcome is still open. */
  unanswered(): TokenSource[] {
    return [...new Set(this.#inFlight.values())].filter((source) => source !== undefined);
  }
}
