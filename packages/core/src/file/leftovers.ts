import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ASIDE } from './synced-write.js';

/** 1 h: no writer takes that long over one file, so what is older was left by one that is gone. */
const LEFT_AFTER_MS = 60 * 60_000;

/** Removes files that killed writers have left aside. `names`: of the directory, where they are known already. */
export async function removeLeftovers(directory: string, names?: readonly string[]): Promise<void> {
  const aside = (names ?? (await readdir(directory))).filter((name) => name.startsWith('.') && name.endsWith(ASIDE));
  for (const name of aside) {
    const path = join(directory, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => fileTime() - mtimeMs,
      () => 0,
    );
    if (age > LEFT_AFTER_MS) await unlink(path).catch(() => {});
  }
}

/** The time that files carry is the host's, whatever clock a store was given. */
function fileTime(): number {
  return performance.timeOrigin + performance.now();
}
