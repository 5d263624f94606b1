// Makes a fresh clone ready: dependencies at their locked versions, everything built. `--test-tools` adds what tests need from the machine.
import { pnpm } from './pnpm.mjs';
import { ensureTestTools } from './test-tools.mjs';

// The one script there is compiles a driver for a minute that only tests need; they see to it themselves.
pnpm(['install', '--frozen-lockfile', '--ignore-scripts']);
pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only']);
if (process.argv.includes('--test-tools')) ensureTestTools();
