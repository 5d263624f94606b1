import type { Clock } from './clock.js';
import type { EpochMs } from './token.js';

/** A step back of the wall clock that is larger than this is a step and no slewing, ms. */
const STEP_MS = 1_000;

/**
 * The manager's time: the wall clock, corrected so that whenever it is looked at, the time elapsed since the last look is the
 * larger of wall-clock and monotonic difference. A clock that is set back cannot make an old token young again, and one that
 * jumps on afterwards may have slept: that counts too.
 */
export class ElapsedClock {
  readonly #clock: Clock;
  #wall: EpochMs;
  #monotonic: number;
  /** What is added to the wall clock: all that it was set back. */
  #lagMs = 0;
  #comparedThisTurn = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
  }

  now(): EpochMs {
    if (!this.#comparedThisTurn) this.#compare();
    return this.#clock.now() + this.#lagMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, callback: () => void, keepAlive?: boolean): () => void {
    return this.#clock.after(ms, callback, keepAlive);
  }

  /** The monotonic clock costs as much as the rest of a `get`, so it is asked at most once per turn of the event loop. */
  #compare(): void {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const behind = this.#wall + (monotonic - this.#monotonic) - wall;
    if (behind > STEP_MS) this.#lagMs += behind;
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#comparedThisTurn = true;
    setImmediate(() => {
      this.#comparedThisTurn = false;
    }).unref();
  }
}
