import { EXIT } from './exit-code.js';
import type { ProgramIO, StopSignal } from './program-io.js';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Ctrl-C, SIGTERM and SIGHUP: the first one asks for an end, the second one ends the process at once. */
export class Interruption {
  readonly #io: ProgramIO;
  readonly #controller = new AbortController();
  readonly #listener = () => this.#interrupt();

  constructor(io: ProgramIO) {
    this.#io = io;
    for (const signal of SIGNALS) io.on(signal, this.#listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.signal.aborted;
  }

  /** Gives the signals back to the process. */
  end(): void {
    for (const signal of SIGNALS) this.#io.off(signal, this.#listener);
  }

  #interrupt(): void {
    if (this.happened) {
      this.#io.exit(EXIT.interrupted);
      return;
    }
    this.#controller.abort();
    this.#io.stderr.write('evertoken: stopping; what is under way is being finished (again: end at once)\n');
  }
}
