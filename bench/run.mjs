// All benchmarks, each in a process of its own. Prints ratios against a floor measured in the same run; nothing here is a timed test.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const all = [
  'hot-path',
  'memory',
  'stampede',
  'continuous',
  'import-time',
  'redis-stampede',
  'stores',
  'refresh',
  'push',
];
const chosen = process.argv.slice(2);
console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`);
for (const name of chosen.length > 0 ? chosen : all) {
  const { status } = spawnSync(process.execPath, ['--expose-gc', new URL(`${name}.mjs`, import.meta.url).pathname], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
