// What importing costs beyond bare Node: alternated runs of whole processes that each load one file.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './measure.mjs';

const RUNS = Number(process.env.RUNS ?? 121);
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
    const names = Object.keys(programs);
    for (const name of run % 2 ? names : names.reverse()) {
      const start = performance.now();
      execFileSync(process.execPath, [join(folder, `${name}.mjs`)]);
      times[name].push(performance.now() - start);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// Differences within a round: what slowed the machine down in that moment slowed both.
const over = (name, base) => median(times[name].map((ms, run) => ms - times[base][run]));
console.log(`\nImport time, median of ${RUNS} alternated runs`);
console.log(`  bare Node    ${median(times.bare).toFixed(1)} ms`);
const rows = [
  ['core', over('core', 'bare'), 7],
  ...['wechat', 'dingtalk', 'nextengine'].map((name) => [name, over(name, 'core'), 5]),
];
for (const [name, ms, limit] of rows) {
  console.log(
    `  ${name.padEnd(12)} ${ms < 0 ? '' : '+'}${ms.toFixed(1)} ms  ${ms <= limit ? `ok (at most ${limit})` : `ABOVE ${limit}`}`,
  );
}
