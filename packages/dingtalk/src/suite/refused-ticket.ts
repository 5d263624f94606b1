import { type Clock, parentRejected } from '@evertoken/core';
import { pause } from '../pause.js';

/**
 * 3 s: a ticket that the platform has just replaced is refused before the push with the next one has arrived. So long the push has,
 * until the store is looked at for it: without that, all who ask in that moment would be told to wait for a push.
 */
const PUSH_ON_ITS_WAY_MS = 3_000;
/** 60 s: so long a refused ticket is not tried again. Not for good: the same one may be pushed anew. */
const REMEMBERED_MS = 60_000;

/** The ticket that the platform refused last. All requests of a suite share it: asking again with a dead one helps none of them. */
export class RefusedTicket {
  readonly #clock: Clock;
  #value: string | undefined;
  #at = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The platform called this ticket stale. */
  refuse(ticket: string): void {
    if (this.#value === ticket && this.#sinceMs() < REMEMBERED_MS) return;
    this.#value = ticket;
    this.#at = this.#clock.monotonic();
  }

  /** A ticket was pushed: whichever it is, it may be tried. */
  forget(): void {
    this.#value = undefined;
  }

  /**
   * Lets a ticket pass that may be good; gives the push with the next one time otherwise.
   *
   * Rejects with `ParentRejected` where this one is dead.
   */
  async check(ticket: string, { account, signal }: { account: string; signal?: AbortSignal }): Promise<void> {
    if (this.#value !== ticket || this.#sinceMs() >= REMEMBERED_MS) return;
    const left = PUSH_ON_ITS_WAY_MS - this.#sinceMs();
    if (left > 0) await pause(this.#clock, left, { account, signal }).catch(() => {});
    throw parentRejected(ticket);
  }

  #sinceMs(): number {
    return this.#clock.monotonic() - this.#at;
  }
}
