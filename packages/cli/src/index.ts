export { EXIT, type ExitCode } from './exit-code.js';
export { runProgram } from './program.js';
export type { ProgramIO, StopSignal } from './program-io.js';
