/** Real-time timers with one owner, so that closing the sandbox ends them all. */
export class Timers {
  readonly #running = new Set<NodeJS.Timeout>();

  /** Runs `task` after `ms`; at once, in the same turn, for 0. Returns what cancels it. */
  after(ms: number, task: () => void): () => void {
    if (ms <= 0) {
      task();
      return () => {};
    }
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      task();
    }, ms);
    this.#running.add(timer);
    return () => {
      clearTimeout(timer);
      this.#running.delete(timer);
    };
  }

  clear(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
