import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeWithSqlite } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { openSqlite } from '../src/sqlite/driver.js';
import { sqliteStore } from '../src/sqlite/index.js';
import { KEY } from './servers.js';

const program = fileURLToPath(new URL('sqlite-processes/writer.mjs', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'evertoken-sqlite-processes-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const PROCESSES = 4;
const COMMITS = 50;
/** How long a lock is held against all of them, ms. */
const LOCKED_MS = 200;

interface Writer {
  readonly child: ChildProcess;
  /** The numbers it was told are stored. */
  readonly acknowledged: number[];
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

function startWriter(node: string, filename: string, told: () => void): Writer {
  const child = spawn(node, [program, filename, KEY, String(COMMITS)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const acknowledged: number[] = [];
  let complaint = '';
  child.stderr.on('data', (data) => {
    complaint += data;
  });
  const lines = createInterface(child.stdout);
  const ready = once(lines, 'line').then(() => {
    lines.on('line', (line) => {
      acknowledged.push(Number(line));
      told();
    });
  });
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(`a writer ended with ${code}: ${complaint}`);
  });
  // Looked at when all have ended.
  ended.catch(() => {});
  return { child, acknowledged, ready, ended };
}

/** Takes the file's lock, however busy the others are, and holds it for a while. */
async function lockOut(filename: string): Promise<void> {
  const database = await openSqlite(filename);
  for (let locked = false; !locked; await new Promise((resolve) => setTimeout(resolve, 1))) {
    try {
      database.exec('begin immediate');
      locked = true;
    } catch {}
  }
  await new Promise((resolve) => setTimeout(resolve, LOCKED_MS));
  database.exec('commit');
  database.close();
}

const NODES = [
  ['better-sqlite3 or what this Node has', process.execPath],
  ['node:sqlite', nodeWithSqlite()],
] as const;

describe.each(NODES)('processes on one SQLite file, by %s', (_name, node) => {
  it.skipIf(!node)(
    'lose no write that was acknowledged, and see each other’s at once, locked out for a while too',
    { timeout: 120_000 },
    async () => {
      const filename = join(root, node === process.execPath ? 'this' : 'other', 'tokens.db');
      let commits = 0;
      let lockedOut: Promise<void> | undefined;
      const told = () => {
        if (++commits === 40) lockedOut = lockOut(filename);
      };
      const writers = Array.from({ length: PROCESSES }, () => startWriter(node as string, filename, told));
      await Promise.all(writers.map(({ ready }) => ready));
      // All of them make folder, file and table at the same instant.
      for (const { child } of writers) child.stdin?.write('go\n');
      await Promise.all(writers.map(({ ended }) => ended));
      await lockedOut;
      expect(lockedOut).toBeDefined();

      const all = writers.flatMap(({ acknowledged }) => acknowledged).sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: PROCESSES * COMMITS }, (_, at) => at + 1));
      const store = sqliteStore({ filename });
      expect((await store.read(KEY)).record?.token?.value).toMatch(new RegExp(`^${PROCESSES * COMMITS} by `));
      await store.close();
    },
  );
});

describe('two stores on one file in one process', () => {
  // A process loses all its locks on a file with the first descriptor of it that it closes. Whoever then leaves elsewhere
  // believes to be the last, and takes the log away from under those who still write into it.
  it.skipIf(process.platform !== 'linux')('leave each other their locks', async () => {
    const filename = join(root, 'twice', 'tokens.db');
    const [one, other] = [sqliteStore({ filename }), sqliteStore({ filename })];
    await one.open();
    const locks = await locksOn(filename);
    expect(locks).not.toEqual([]);
    await other.open();
    expect(await locksOn(filename)).toEqual(locks);
    await Promise.all([one.close(), other.close()]);
  });
});

/** Ranges that this process has locked, as the kernel tells them. */
async function locksOn(filename: string): Promise<string[]> {
  const { ino } = await stat(filename);
  const held = new RegExp(` ${process.pid} \\S+:${ino} (.*)$`);
  const lines = (await readFile('/proc/locks', 'utf8')).split('\n');
  return lines.flatMap((line) => held.exec(line)?.[1] ?? []);
}
