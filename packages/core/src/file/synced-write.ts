import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { link, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

// A file handle of `node:fs/promises` costs a third more than the number it stands for, and each write opens two. What waits for
// a disk is handed to another thread; a kilobyte into memory, and a close after that, cost less than the handing over.
const open = promisify(fs.open);
const fsync = promisify(fs.fsync);

/** Ends of files that are being written; one that stays behind belongs to a writer that was killed. */
export const ASIDE = '.tmp';

/** A name that no other writer takes. */
export function asideName(): string {
  return `.${randomBytes(8).toString('hex')}${ASIDE}`;
}

/**
 * Writes a whole file under a name, or nothing: aside first, synced, then hard-linked to the name, then the directory synced.
 * False where the name exists. Once this resolves, a power cut takes neither the content nor the name. (Node's `fsync` asks
 * the drive itself to write on macOS, too.)
 */
export async function writeOnce(directory: string, name: string, text: string): Promise<boolean> {
  const aside = join(directory, asideName());
  let removing: Promise<void> | undefined;
  try {
    await writeSynced(aside, text);
    const linked = await link(aside, join(directory, name)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    removing = unlink(aside).catch(() => {});
    if (linked) await syncDirectory(directory);
    return linked;
  } finally {
    await (removing ?? unlink(aside).catch(() => {}));
  }
}

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; there the link itself is journalled.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await fsync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

/** For a read: what is not there is no error. */
export function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    fs.writeFileSync(file, text);
    await fsync(file);
  } finally {
    fs.closeSync(file);
  }
}
