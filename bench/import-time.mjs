// What importing costs beyond bare Node: alternated runs of whole processes that each load one file.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './measure.mjs';

const RUNS = Number(process.env.RUNS ?? 41);
const programs = {
  bare: '',
  core: "import '@evertoken/core';",
  wechat: "import '@evertoken/core'; import '@evertoken/wechat';",
  dingtalk: "import '@evertoken/core'; import '@evertoken/dingtalk';",
  nextengine: "import '@evertoken/core'; import '@evertoken/nextengine';",
};

// Beside this file, so that the packages are found from there.
const folder = mkdtempSync(join(fileURLToPath(new URL('.', import.meta.url)), '.import-time-'));
const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
try {
  for (const [name, program] of Object.entries(programs)) writeFileSync(join(folder, `${name}.mjs`), program);
  for (let run = 0; run < RUNS; run++) {
    for (const name of Object.keys(programs)) {
      const start = performance.now();
      execFileSync(process.execPath, [join(folder, `${name}.mjs`)]);
      times[name].push(performance.now() - start);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const at = (name) => median(times[name]);
console.log(`\nImport time, median of ${RUNS} alternated runs`);
console.log(`  bare Node    ${at('bare').toFixed(1)} ms`);
const rows = [
  ['core', at('core') - at('bare'), 7],
  ...['wechat', 'dingtalk', 'nextengine'].map((name) => [name, at(name) - at('core'), 5]),
];
for (const [name, ms, limit] of rows) {
  console.log(`  ${name.padEnd(12)} +${ms.toFixed(1)} ms  ${ms <= limit ? `ok (at most ${limit})` : `ABOVE ${limit}`}`);
}
