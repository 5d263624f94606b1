/** Where time comes from: anything that tells the Unix time in milliseconds. */
export interface Clock {
  now(): number;
}

/** The time of the sandbox: the source's, plus what `advance` was told since the last reset. */
export class SandboxClock implements Clock {
  #offsetMs = 0;
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
    this.#offsetMs += ms;
  }

  reset(): void {
    this.#offsetMs = 0;
  }
}
