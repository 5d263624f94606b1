import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const report = process.env['EVERTOKEN_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most of the time is spent waiting for servers and disks, on a machine of two cores too.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Under CI the counts come from the runner's own report.
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report && { outputFile: { json: report } }),
  },
});
