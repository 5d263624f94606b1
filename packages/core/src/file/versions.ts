import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TokenError } from '../errors.js';
import { syncDirectory, unlessMissing, writeOnce } from './synced-write.js';

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

/**
 * The latest version; undefined where there is none. A file that cannot be read is an error, never a miss. `known` is given
 * back unread where it is still the latest: a version never changes. `names` are those of the directory, where it has just been
 * listed.
 */
export async function latest(
  directory: string,
  known?: Version,
  names?: readonly string[],
): Promise<Version | undefined> {
  for (let look = 1; ; look++) {
    const listed = look === 1 ? names : undefined;
    const numbers = numbersIn(listed ?? (await readdir(directory).catch(unlessMissing)));
    if (numbers === undefined) return undefined;
    const newest = numbers.at(-1);
    if (newest === undefined) {
      if (look >= LOOKS) return undefined;
      continue;
    }
    if (known?.number === newest) return known;
    const text = await readFile(join(directory, nameOf(newest)), 'utf8').catch(unlessMissing);
    // Replaced and cleaned up since the listing: look again.
    if (text === undefined) continue;
    return { number: newest, ...parsed(text) };
  }
}

/** A parser's own error would quote what it could not read. */
function parsed(text: string): Omit<Version, 'number'> {
  try {
    const { value, writes } = JSON.parse(text) as Omit<Version, 'number'>;
    if (Array.isArray(writes)) return { value, writes };
  } catch {
    // The same as a text of another shape.
  }
  throw new TokenError('ERR_TOKEN_STORE', 'fileStore: a file in its directory holds no record', { retryable: false });
}

/** Writes the version after `base`; the written version, or undefined where somebody was faster. Synced before it is acknowledged. */
export async function append(
  directory: string,
  base: Version | undefined,
  value: unknown,
): Promise<Version | undefined> {
  const number = (base?.number ?? 0) + 1;
  const write = randomBytes(8).toString('hex');
  const writes = [write, ...(base?.writes ?? [])].slice(0, WRITES);
  if (!base && (await made(directory))) await syncDirectory(dirname(directory));
  if (!(await writeOnce(directory, nameOf(number), JSON.stringify({ value, writes })))) return undefined;
  return (await keepIfNewest(directory, number, write)) ? { number, value, writes } : undefined;
}

/** Not recursive: where the directory above is gone, a disk may be, and what is written in its place would hide that. */
async function made(directory: string): Promise<boolean> {
  return mkdir(directory, { mode: 0o700 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
}

/**
 * A writer that slept while others wrote and cleaned up finds its name free again. It has won only if nothing newer stands,
 * or what stands was built on it.
 */
async function keepIfNewest(directory: string, number: number, write: string): Promise<boolean> {
  const numbers = numbersIn(await readdir(directory)) ?? [];
  const newest = numbers.at(-1) ?? number;
  if (newest > number) {
    const present = await latest(directory);
    if (!present?.writes.includes(write)) {
      await unlink(join(directory, nameOf(number))).catch(() => {});
      return false;
    }
  }
  await removeSuperseded(directory, numbers);
  return true;
}

/** Removes the versions before the last two: a reader that has just listed the directory must find something. */
async function removeSuperseded(directory: string, numbers: readonly number[]): Promise<void> {
  for (const old of numbers.slice(0, -2)) await unlink(join(directory, nameOf(old))).catch(() => {});
}

/** Removes what writers have left that were killed before they could clean up; `names` are those of the directory. */
export async function removeOldVersions(directory: string, names: readonly string[]): Promise<void> {
  await removeSuperseded(directory, numbersIn(names) ?? []);
}

function numbersIn(names: readonly string[] | undefined): number[] | undefined {
  return names
    ?.filter((name) => NAME.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function nameOf(number: number): string {
  return String(number).padStart(12, '0');
}
