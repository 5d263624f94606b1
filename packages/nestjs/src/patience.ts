import { type Clock, TokenError } from '@evertoken/core';

/** How long an operation on the cache is waited for. */
export class Patience {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #since: number;
  #over = false;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#since = clock.monotonic();
  }

  /** Throws once nobody waits any more: what is done then is done for nobody. */
  check(): void {
    // The clock as well: a process that was stopped may go on with an answer before its timers.
    if (this.#over || this.#clock.monotonic() - this.#since >= this.#limitMs) throw this.#error();
  }

  /** The work's outcome, or a rejection at the limit. */
  with<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#limitMs, () => {
        this.#over = true;
        reject(this.#error());
      });
      work.then(resolve, reject).then(cancel);
    });
  }

  #error(): TokenError {
    return new TokenError('ERR_TOKEN_STORE', `cacheStore: no answer of the cache within ${this.#limitMs} ms`, {
      reason: 'timeout',
    });
  }
}
