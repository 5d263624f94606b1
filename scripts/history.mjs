// Prints one simulated history, line by line: `npm run history -- rotating 4`, or one way of the exhaustive mode:
// `npm run history -- explore rotating 2 "[0,1,0]"`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const asked = process.argv.slice(2);
const [mode, kind, faults, path] = asked;
const directory = mkdtempSync(join(tmpdir(), 'evertoken-history-'));
const file = join(directory, 'simulation.mjs');
try {
  const input = 'packages/core/test/simulation/main.ts';
  const bundle = await rolldown({ input, platform: 'node', external: /^node:/ });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  const args = mode === 'explore' ? ['explore', kind, faults, 'show', path] : ['show', ...asked];
  process.exitCode = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
