import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A directory whose files are the versions of one value. Version n+1 is written aside, synced, and hard-linked to its name,
 * which fails where the name exists: that is the compare-and-set. (A rename would let two writers both win.)
 */

/** What a version file holds: the value, and who wrote this version and the last ones. */
export interface Version {
  readonly number: number;
  readonly value: unknown;
  /** Ids of the last writes, newest first: tells a writer whether later versions were built on its own. */
  readonly writes: readonly string[];
}

/** How many ids of writes a version remembers. */
const WRITES = 16;
/** How often a listing that shows no version is believed: one may have been replaced while it was read. */
const LOOKS = 3;
const NAME = /^\d{12}$/;

/** The latest version; undefined where there is none. A file that cannot be read is an error, never a miss. */
export async function latest(directory: string): Promise<Version | undefined> {
  for (let look = 1; ; look++) {
    const numbers = await versionsIn(directory);
    if (numbers === undefined) return undefined;
    const newest = numbers.at(-1);
    if (newest === undefined) {
      if (look >= LOOKS) return undefined;
      continue;
    }
    const text = await readFile(join(directory, nameOf(newest)), 'utf8').catch(unlessMissing);
    // Replaced and cleaned up since the listing: look again.
    if (text === undefined) continue;
    const { value, writes } = JSON.parse(text) as Omit<Version, 'number'>;
    return { number: newest, value, writes };
  }
}

/** Writes the version after `base`; false where somebody was faster. Synced before it is acknowledged. */
export async function append(directory: string, base: Version | undefined, value: unknown): Promise<boolean> {
  const number = (base?.number ?? 0) + 1;
  const write = randomBytes(8).toString('hex');
  const writes = [write, ...(base?.writes ?? [])].slice(0, WRITES);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const aside = join(directory, `.${write}.tmp`);
  const target = join(directory, nameOf(number));
  try {
    await writeSynced(aside, JSON.stringify({ value, writes }));
    const linked = await link(aside, target).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    if (!linked) return false;
  } finally {
    await unlink(aside).catch(() => {});
  }
  await syncDirectory(directory);
  return keepIfNewest(directory, number, write);
}

/**
 * A writer that slept while others wrote and cleaned up finds its name free again. It has won only if nothing newer stands,
 * or what stands was built on it.
 */
async function keepIfNewest(directory: string, number: number, write: string): Promise<boolean> {
  const numbers = (await versionsIn(directory)) ?? [];
  const newest = numbers.at(-1) ?? number;
  if (newest > number) {
    const present = await latest(directory);
    if (!present?.writes.includes(write)) {
      await unlink(join(directory, nameOf(number))).catch(() => {});
      return false;
    }
  }
  // The last one before stays: a reader that has just listed the directory must find something.
  for (const old of numbers) if (old < newest - 1) await unlink(join(directory, nameOf(old))).catch(() => {});
  return true;
}

async function versionsIn(directory: string): Promise<number[] | undefined> {
  const names = await readdir(directory).catch(unlessMissing);
  return names
    ?.filter((name) => NAME.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; there the link itself is journalled.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function nameOf(number: number): string {
  return String(number).padStart(12, '0');
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
