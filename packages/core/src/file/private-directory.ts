import { chmod, mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TokenError } from '../errors.js';
import { refuseNetwork } from './network-file-system.js';
import { asideName, syncDirectory, writeOnce } from './synced-write.js';

/**
 * Makes a directory that only its owner can look into, and proves that it keeps the promises that stores of files build on:
 * a local disk, that can be written to, where a name can be given once and no more.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` naming `directory` and what is wrong with it; `ERR_TOKEN_STORE` where the disk is full.
 */
export async function preparePrivate(directory: string, owner: string): Promise<void> {
  try {
    await makeSynced(directory);
    await refuseNetwork(directory, owner);
    await makePrivate(directory, owner);
    await prove(directory, owner);
  } catch (error) {
    throw error instanceof TokenError ? error : explained(error as NodeJS.ErrnoException, owner, directory);
  }
}

/** Makes a directory and those above it; a power cut takes away none of their names. */
async function makeSynced(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // Each name stands in the directory above it: the first that was made, and every one between it and ours.
  for (let made = directory; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === first || dirname(made) === made) return;
  }
}

/** Names that stores of files give: keys' directories, entries of a journal, files that are being written. */
const OURS = /^([0-9a-f]{40}|\d{16}-[0-9a-f]{16}-[0-9a-f]{16}\.json|\.[0-9a-f]{16}\.tmp)$/;

async function makePrivate(directory: string, owner: string): Promise<void> {
  // Windows has no such modes: there the folder has the rights of the one it is in.
  if (process.platform === 'win32') return;
  const { mode, uid } = await stat(directory);
  if ((mode & 0o077) === 0) return;
  const shared = (mode & 0o1000) !== 0 || (await readdir(directory)).some((name) => !OURS.test(name));
  if (shared)
    throw wrong(owner, 'is open to others and holds what is not its own: use a new directory, such as one below it');
  try {
    if (uid !== process.getuid?.()) throw new Error('not ours');
    await chmod(directory, 0o700);
  } catch {
    throw wrong(
      owner,
      `is open to others (mode ${(mode & 0o777).toString(8)}) and belongs to user ${uid}: chmod 700 it`,
    );
  }
}

/** As long as an entry: a full disk still takes names. */
const PROBE = ' '.repeat(4_096);

async function prove(directory: string, owner: string): Promise<void> {
  const name = asideName();
  try {
    const [first, second] = [await writeOnce(directory, name, PROBE), await writeOnce(directory, name, '')];
    if (!first || second)
      throw wrong(owner, 'is on a file system where two writers can give the same name: use a local disk');
  } finally {
    await unlink(join(directory, name)).catch(() => {});
  }
}

/** What the system's codes mean for who has to set it right. */
const MEANINGS: Readonly<Record<string, string>> = {
  EROFS: 'is on a disk that is mounted read-only',
  EACCES: 'cannot be written to by this user',
  EPERM: 'does not allow hard links, or belongs to another user: use a directory of your own on a local disk',
  ENOTSUP: 'is on a file system without hard links: use a local disk',
  EOPNOTSUPP: 'is on a file system without hard links: use a local disk',
  ENOSYS: 'is on a file system without hard links: use a local disk',
  ENOTDIR: 'leads through a file',
  EEXIST: 'is a file',
};

/** A system's error as one that says what to change, and where. */
export function explained(error: NodeJS.ErrnoException, owner: string, directory?: string): TokenError {
  const code = error.code ?? '';
  const where = directory === undefined ? '' : `: ${directory}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TokenError('ERR_TOKEN_STORE', `${owner}: the disk of its directory is full (${code})${where}`, {
      cause: error,
    });
  }
  const meaning = MEANINGS[code];
  if (meaning === undefined)
    return new TokenError('ERR_TOKEN_STORE', `${owner}: open failed (${code})${where}`, { cause: error });
  return wrong(owner, `${meaning} (${code})${where}`);
}

function wrong(owner: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', `"directory" of ${owner} ${what}`);
}
