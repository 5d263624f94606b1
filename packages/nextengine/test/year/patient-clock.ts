import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@evertoken/core';
import { isAnythingUnderWay } from './machine.js';

/** Turns of the event loop after which what came of an answer has been dealt with. */
const TURNS = 20;

/** A clock that is moved by hand and stands still while anything is on its way: sockets and disks take no time of the year's. */
export class PatientClock implements Clock {
  #now: number;
  readonly #start: number;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(start: number) {
    this.#start = start;
    this.#now = start;
  }

  readonly now = (): number => this.#now;

  readonly monotonic = (): number => this.#now - this.#start;

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on to `end`, and calls back what comes due on the way, each at its time, with what it leads to. */
  async moveTo(end: number): Promise<void> {
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await quiet();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number) {
    let first: { readonly at: number; readonly callback: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}

/** Until nothing is on its way and what came of the last answer has been dealt with, or until `isDone`. */
export async function quiet(isDone: () => boolean = () => false): Promise<void> {
  for (let turns = 0; turns < TURNS && !isDone(); turns++) {
    if (isAnythingUnderWay()) turns = 0;
    await setImmediate();
  }
}
