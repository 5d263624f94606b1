export { EXIT, type ExitCode } from './exit-code.js';
export { type CheckedEntry, type ImportEntry, parseImport } from './import-file.js';
export { runProgram } from './program.js';
export type { ProgramIO, StopSignal } from './program-io.js';
export { UsageError } from './usage-error.js';
