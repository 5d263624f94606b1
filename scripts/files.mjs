// Files of the repository by pattern: as git has them, so that nothing built or installed is looked at.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync as read } from 'node:fs';

/** Paths of tracked and new files that match any of the patterns (`*` within a folder, `**` across). */
export function globSync(...patterns) {
  const paths = patterns.map((pattern) => `:(glob)${pattern}`);
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...paths];
  return [...new Set(execFileSync('git', args, { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n'))].filter(
    (file) => file && existsSync(file),
  );
}

/** A file as text. */
export function readFileSync(path) {
  return read(path, 'utf8');
}
