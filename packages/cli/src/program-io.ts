import type { Readable } from 'node:stream';
import picocolors from 'picocolors';

/** What the program needs of its process; `process` is one. */
export interface ProgramIO {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
  /** Ends the process at once: at the second signal. */
  exit(code: number): void;
}

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Colours for one output: on a terminal, unless `NO_COLOR` is set to anything or the terminal is a dumb one. */
export function coloursFor({ env }: ProgramIO, output: { readonly isTTY?: boolean }) {
  return picocolors.createColors(output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
}

/** A text as it may stand on a terminal: on one line, without control characters that a platform or a file brought along. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
