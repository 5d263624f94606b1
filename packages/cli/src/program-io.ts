import type { Readable } from 'node:stream';
import picocolors from 'picocolors';

/** What the program needs of its process; `process` is one. */
export interface ProgramIO {
  /** Where answers to questions are read. */
  readonly stdin: Readable & {
    /** Whether a person may be asked. */
    readonly isTTY?: boolean;
  };
  /** Where results are written. */
  readonly stdout: NodeJS.WritableStream & {
    /** Whether it is a terminal: colours. */
    readonly isTTY?: boolean;
  };
  /** Where everything else is written. */
  readonly stderr: NodeJS.WritableStream & {
    /** Whether it is a terminal: colours, progress. */
    readonly isTTY?: boolean;
    /** Its width, characters. */
    readonly columns?: number;
  };
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  cwd(): string;
  /** Listens for a signal. */
  on(signal: StopSignal, listener: () => void): unknown;
  /** Stops listening for a signal. */
  off(signal: StopSignal, listener: () => void): unknown;
  /** Ends the process at once: at the second signal. */
  exit(code: number): void;
}

/** Ctrl-C, the end of a container or a service, and a terminal that is closed. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Colours for one output: on a terminal that is not a dumb one, or where `FORCE_COLOR` asks for them; never with `NO_COLOR`. */
export function coloursFor({ env }: ProgramIO, output: { readonly isTTY?: boolean }) {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0';
  const terminal = output.isTTY === true && env['TERM'] !== 'dumb';
  return picocolors.createColors(!env['NO_COLOR'] && (forced || terminal));
}

/** A text as it may stand on a terminal: on one line, without control characters that a platform or a file brought along. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
