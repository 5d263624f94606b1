import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const report = process.env['EVERTOKEN_TEST_REPORT'];

/** Packages whose test files leave nothing behind in their process: files may share one, which saves starting hundreds. */
const SHARED = 'packages/{core,wechat,dingtalk,nextengine,sandbox}/test/**/*.test.ts';

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most of the time is spent waiting for servers and disks, on a machine of two cores too.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Under CI the counts come from the runner's own report.
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report && { outputFile: { json: report } }),
    projects: [
      { extends: true, test: { name: 'shared', include: [SHARED], isolate: false } },
      {
        extends: true,
        test: {
          name: 'apart',
          // Servers are started for whoever asks; the others need none.
          globalSetup: ['test/global-setup.ts'],
          include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/node_modules/**', SHARED],
        },
      },
    ],
  },
});
