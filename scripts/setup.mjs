// Makes a fresh clone ready: dependencies at their locked versions, everything built. `--test-tools` adds what tests need from the machine.
import { pnpm } from './pnpm.mjs';
import { ensureChromium } from './test-tools.mjs';

pnpm(['install', '--frozen-lockfile']);
pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only']);
if (process.argv.includes('--test-tools')) ensureChromium();
