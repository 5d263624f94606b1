/** Where time comes from: anything that tells the Unix time in milliseconds. */
export interface Clock {
  /** Unix ms. */
  now(): number;
}

/** The time of the sandbox: the source's, plus what `advance` was told since the last reset. */
export class SandboxClock implements Clock {
  #offsetMs = 0;
  readonly #watching = new Set<() => void>();
  readonly #source: Clock;

  constructor(source: Clock) {
    this.#source = source;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  now(): number {
    return this.#source.now() + this.#offsetMs;
  }

  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError('"advanceMs" must be a number of milliseconds, 0 or more');
    this.#move(this.#offsetMs + ms);
  }

  reset(): void {
    this.#move(0);
  }

  /** Calls `listener` after every change of the offset. Returns what ends that. */
  watch(listener: () => void): () => void {
    this.#watching.add(listener);
    return () => this.#watching.delete(listener);
  }

  #move(offsetMs: number): void {
    const moved = offsetMs !== this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (moved) for (const listener of [...this.#watching]) listener();
  }
}
