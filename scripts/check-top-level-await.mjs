// `require()` of our ESM works only without top-level await anywhere in the graph (ERR_REQUIRE_ASYNC_MODULE). Requires every entry of every package.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { globSync, readFileSync } from './files.mjs';

const problems = [];
for (const manifestPath of globSync('packages/*/package.json')) {
  const manifest = JSON.parse(readFileSync(manifestPath));
  const folder = manifestPath.replace('/package.json', '');
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target !== 'object') continue;
    const file = `${folder}/${target.default.replace(/^\.\//, '')}`;
    if (!existsSync(file)) {
      problems.push(`${file} is missing: build first (npm run build)`);
      continue;
    }
    const name = manifest.name + subpath.slice(1);
    try {
      // A process of its own: flags and caches of this one must not hide anything. Node 20.19 and later require ESM without a flag.
      execFileSync(
        process.execPath,
        ['-e', `require(${JSON.stringify(createRequire(import.meta.url).resolve(`../${file}`))})`],
        { stdio: 'pipe' },
      );
    } catch (error) {
      problems.push(`${name}: cannot be required: ${String(error.stderr).match(/Error.*/)?.[0] ?? error.message}`);
    }
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log('No top-level await: every entry can be required.');
