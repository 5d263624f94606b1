import type { Timers } from './timers.js';

/** Requests whose callers were cut off, waiting to be handled all the same. */
export class LateWork {
  readonly #waiting = new Map<() => void, () => void>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Keeps `task` until `run`, or for `delayMs` of real time where one is given. */
  add(task: () => void, delayMs: number | undefined): void {
    this.#waiting.set(task, () => {});
    if (delayMs === undefined) return;
    const cancel = this.#timers.after(delayMs, () => this.#handle(task));
    if (this.#waiting.has(task)) this.#waiting.set(task, cancel);
  }

  /** Handles everything that waits, oldest first, and says how many there were. */
  run(): number {
    const tasks = [...this.#waiting.keys()];
    for (const task of tasks) this.#handle(task);
    return tasks.length;
  }

  clear(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  #handle(task: () => void): void {
    this.#waiting.get(task)?.();
    if (this.#waiting.delete(task)) task();
  }
}
