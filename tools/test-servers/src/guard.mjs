// Servers and folders end with the process that made them: by its 'exit', and by a watchdog where it ends without one (a signal).
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endNow } from './processes.mjs';

/** @typedef {{ folder: string, pid?: number, quitSignal?: string }} Guarded a folder, and the server that runs in it if one does */

/** @type {Map<string, Guarded>} */
const guarded = new Map();
let watchdog;

/**
 * From now on this folder and its server end with this process; replaces what was said about the folder before.
 * @param {Guarded} server
 */
export function guard(server) {
  if (!watchdog) {
    watchdog = startWatchdog();
    process.on('exit', endAll);
  }
  guarded.set(server.folder, server);
  watchdog.stdin.write(`${JSON.stringify(server)}\n`);
}

/** This folder is removed. */
export function unguard(folder) {
  guarded.delete(folder);
}

function endAll() {
  for (const server of guarded.values()) endNow(server);
}

function startWatchdog() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('watchdog.mjs', import.meta.url))], {
    // Not in the terminal's group: Ctrl-C would end it together with the process it looks after.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  child.stdin.unref();
  return child;
}
