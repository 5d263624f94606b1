import type { SandboxCall } from '@evertoken/sandbox';
import type { SandboxControl } from './sandbox-control.js';

interface CallPage {
  readonly from: number;
  readonly calls: readonly SandboxCall[];
  readonly next: number;
}

/** The sandbox's log of calls, of which each entry is fetched once. */
export class CallFollower {
  readonly #control: SandboxControl;
  #calls: readonly SandboxCall[] = [];
  /** How many calls came before the first of `#calls`. */
  #first = 0;
  #next = 0;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(control: SandboxControl) {
    this.#control = control;
  }

  /** All calls so far, oldest first. One request at a time: pages must not overtake each other. */
  read(): Promise<readonly SandboxCall[]> {
    const reading = this.#reading.then(() => this.#fetch());
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async #fetch(): Promise<readonly SandboxCall[]> {
    const { from, calls, next } = await this.#control.get<CallPage>(`calls?after=${this.#next}`);
    // Elsewhere than asked for: the log was cleared, or its oldest part forgotten.
    const goesOn = from === this.#next;
    this.#calls = goesOn ? [...this.#calls.slice(0, from - this.#first), ...calls] : calls;
    if (!goesOn) this.#first = from;
    this.#next = next;
    return this.#calls;
  }
}
