// What importing costs beyond bare Node: alternated runs of whole processes.
import { execFileSync } from 'node:child_process';
import { median } from './measure.mjs';

const RUNS = Number(process.env.RUNS ?? 31);
const here = new URL('.', import.meta.url);
const programs = {
  bare: '',
  core: "import '@evertoken/core';",
  wechat: "import '@evertoken/core'; import '@evertoken/wechat';",
  dingtalk: "import '@evertoken/core'; import '@evertoken/dingtalk';",
  nextengine: "import '@evertoken/core'; import '@evertoken/nextengine';",
};

const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
for (let run = 0; run < RUNS; run++) {
  for (const [name, program] of Object.entries(programs)) {
    const start = performance.now();
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: here });
    times[name].push(performance.now() - start);
  }
}
const at = (name) => median(times[name]);
console.log(`\nImport time, median of ${RUNS} alternated runs`);
console.log(`  bare Node ${at('bare').toFixed(1)} ms`);
const rows = [
  ['core', at('core') - at('bare'), 7],
  ...['wechat', 'dingtalk', 'nextengine'].map((name) => [name, at(name) - at('core'), 5]),
];
for (const [name, ms, limit] of rows)
  console.log(`  ${name.padEnd(12)} +${ms.toFixed(1)} ms  ${ms <= limit ? `ok (at most ${limit})` : `ABOVE ${limit}`}`);
