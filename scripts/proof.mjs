// The safety rules at their full numbers, printed: simulated histories, every way with two faults, real processes killed and
// stopped, load, secrets, a year of NextEngine, a batch of 2,000 users, a million damaged pushes
// of each platform, authorizations in any order. `npm test` runs the same with smaller numbers. One part: `npm run proof -- test/faults`.
import { spawnSync } from 'node:child_process';

const PARTS = [
  'packages/core/test/simulation',
  'test/load',
  'test/faults',
  'test/canary',
  'packages/nextengine/test/year.test.ts',
  'packages/cli/test/batch.test.ts',
  'packages/wechat/test/push/mutations.test.ts',
  'packages/wechat/test/open-platform/storm.test.ts',
  'packages/wechat/test/wecom/storm.test.ts',
  'packages/dingtalk/test/callback/mutations.test.ts',
];
const asked = process.argv.slice(2);
let failed = false;

for (const part of asked.length > 0 ? asked : PARTS) {
  const startedAt = performance.now();
  console.log(`\n${part}`);
  const { status } = spawnSync(
    process.execPath,
    ['scripts/pnpm.mjs', 'exec', 'vitest', 'run', part, '--disable-console-intercept', '--no-file-parallelism'],
    { stdio: 'inherit', env: { ...process.env, EVERTOKEN_PROOF: '1' } },
  );
  failed ||= status !== 0;
  console.log(
    `${part}: ${status === 0 ? 'proven' : 'FAILED'} in ${Math.round((performance.now() - startedAt) / 1000)} s`,
  );
}
process.exitCode = failed ? 1 : 0;
