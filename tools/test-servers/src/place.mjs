// Where a server lives: a fresh folder, the programs of its kind, and who runs them.
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnvironment } from './commands.mjs';
import { guard, unguard } from './guard.mjs';
import { KINDS } from './kind.mjs';
import { findPrograms, missingText } from './programs.mjs';

/** Longest parent folder: the path of a socket ends at about 100 characters. */
const PARENT_MAX = 60;

/**
 * A fresh place, gone with this process at the latest. Throws what to install where the programs are missing.
 * @param {import('./index.d.ts').ServerKind} kind
 * @returns {Omit<import('./kind.mjs').Place, 'port' | 'pid' | 'settings'>}
 */
export function newPlace(kind) {
  const programs = findPrograms(kind);
  if (!programs) throw new Error(missingText(kind));
  const parent = tmpdir().length > PARENT_MAX ? '/tmp' : tmpdir();
  const folder = mkdtempSync(join(parent, `evertoken-${kind}-`));
  guard({ folder });
  const user = process.getuid?.() === 0 ? userOf(KINDS[kind].users) : undefined;
  if (user) chownSync(folder, user.uid, user.gid);
  const as = { ...user, cwd: folder, env: plainEnvironment({ TMPDIR: folder }) };
  return { programs, folder, data: join(folder, 'data'), as };
}

/** Removes a place's folder; nothing may run in it any more. */
export function removePlace({ folder }) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  unguard(folder);
}

/** The first of these users that the machine has. */
function userOf(names) {
  for (const name of names) {
    const [uid, gid] = ['-u', '-g'].map((option) =>
      spawnSync('id', [option, name], { encoding: 'utf8' }).stdout?.trim(),
    );
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
