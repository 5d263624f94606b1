import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

/** Files that a static import of the entry loads. */
async function loadedBy(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = await readFile(file, 'utf8');
  for (const [, target] of text.matchAll(/^(?:import|export) [^;]*?from ["'](.+?)["'];$/gms)) {
    if (target?.startsWith('.')) await loadedBy(join(dirname(file), target), seen);
    else if (target) seen.add(target);
  }
  return seen;
}

describe('the package', () => {
  it('has no dependency', () => {
    expect({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }).toEqual({});
  });

  it('loads few modules from its main entry, and no built-in one: crypto comes on first use', async () => {
    const loaded = [...(await loadedBy(join(root, 'dist/index.js')))];
    expect(loaded.length).toBeLessThanOrEqual(25);
    expect(loaded.filter((name) => !name.startsWith(root))).toEqual([]);
  });

  it('is small: at most 150 kB packed without /testing', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], {
      cwd: root,
      shell: process.platform === 'win32',
    });
    const files: { path: string }[] = JSON.parse(stdout)[0].files;
    let bytes = 0;
    for (const { path } of files.filter((file) => !file.path.includes('testing')))
      bytes += gzipSync(await readFile(join(root, path))).length;
    expect(bytes).toBeLessThan(150_000);
    expect(files.map(({ path }) => path).filter((path) => !/^(dist\/|README\.md$|package\.json$)/.test(path))).toEqual(
      [],
    );
  });

  it('has what its exports map promises, for import and for require', async () => {
    const entries = Object.entries(manifest.exports as Record<string, string | Record<string, string>>);
    for (const [subpath, target] of entries) {
      if (typeof target === 'string') continue;
      expect(Object.keys(target)).toEqual(['types', 'default']);
      await readFile(join(root, target['types'] as string));
      const name = `${manifest.name}${subpath.slice(1)}`;
      const { stdout } = await run(
        process.execPath,
        [
          '--no-warnings',
          '--input-type=commonjs',
          '-e',
          `const r = require('${name}'); import('${name}').then((i) => console.log(Object.keys(r).length > 0 && Object.keys(r).filter((key) => key !== 'module.exports').every((key) => r[key] === i[key])))`,
        ],
        { cwd: root },
      );
      expect(stdout.trim()).toBe('true');
    }
  });
});
