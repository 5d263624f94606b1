// Processes by id: who descends from whom, who is gone. Groups do not do: PostgreSQL's children each lead a group of their own.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';

/** Ids of a process and all its living descendants, parents first; empty if it is gone. */
export function familyOf(pid) {
  const living = processes();
  if (!living.some((process) => process.pid === pid)) return [];
  const family = [pid];
  for (const parent of family) {
    for (const process of living) if (process.parent === parent) family.push(process.pid);
  }
  return family;
}

/** Those of these processes that live. A zombie is gone: it only waits to be noticed. */
export function livingOf(pids) {
  const living = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => living.has(pid));
}

/** Sends a signal to each of these processes, as far as they are still there. */
export function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

/**
 * Stops processes, and waits until each of their threads stands still: on a busy machine one may go on for a moment after the signal was
 * sent. Where there is no `/proc` to look at, the signal has to do.
 */
export function stop(pids) {
  signal(pids, 'SIGSTOP');
  waitWhile(() => pids.some(isMoving), 2_000);
}

function isMoving(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) =>
      /^[^TtXZ]$/.test(statOf(`${pid}/task/${thread}`)?.state ?? 'X'),
    );
  } catch {
    return false;
  }
}

/**
 * Kills a process and all its descendants. The parent is stopped first, so that it has no further children meanwhile.
 * @returns {number[]} who was killed; they may take a moment to be gone
 */
export function killFamily(pid) {
  signal([pid], 'SIGSTOP');
  const family = familyOf(pid);
  signal(family, 'SIGKILL');
  return family;
}

/**
 * Ends the server in a folder, if there is one, and removes the folder, at once and without an event loop: for a process that is about
 * to end.
 * @param {import('./guard.mjs').Guarded} guarded `quitSignal`: what lets the server end quickly by itself
 */
export function endNow({ folder, pid, quitSignal }) {
  if (pid) endFamily(pid, quitSignal);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function endFamily(pid, quitSignal) {
  const family = familyOf(pid);
  if (quitSignal) {
    signal(family, 'SIGCONT');
    signal([pid], quitSignal);
    waitUntilGone(family, 2_000);
  }
  waitUntilGone([...family, ...killFamily(pid)], 2_000);
}

function waitUntilGone(pids, timeoutMs) {
  waitWhile(() => livingOf(pids).length > 0, timeoutMs);
}

/** Without an event loop. */
function waitWhile(holds, timeoutMs) {
  const end = performance.now() + timeoutMs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (holds() && performance.now() < end) Atomics.wait(cell, 0, 0, 5);
}

function processes() {
  return (fromProc() ?? fromPs()).filter(({ state }) => !state.startsWith('Z'));
}

function fromProc() {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(name) ?? []);
  } catch {
    return undefined;
  }
}

function statOf(pid) {
  try {
    // "pid (name) state parent …"; the name may hold spaces and brackets.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), parent: Number(parent), state };
  } catch {
    return undefined;
  }
}

function fromPs() {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state]) => ({ pid: Number(pid), parent: Number(parent), state }));
}
