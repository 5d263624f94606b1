// Servers die with the process that started them: by its 'exit', and by a watchdog where it ends without one (a signal).
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endNow } from './processes.mjs';

const guarded = new Map();
let watchdog;

/**
 * From now on this server ends with this process.
 * @param {{ pid: number, folder: string, quitSignal?: string }} server
 */
export function guard(server) {
  if (guarded.size === 0) process.on('exit', endAll);
  guarded.set(server.pid, server);
  watchdog ??= startWatchdog();
  watchdog.stdin.write(`${JSON.stringify({ guard: server })}\n`);
}

/** This server is gone already. */
export function unguard(pid) {
  if (!guarded.delete(pid)) return;
  if (guarded.size === 0) process.off('exit', endAll);
  watchdog.stdin.write(`${JSON.stringify({ unguard: pid })}\n`);
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
