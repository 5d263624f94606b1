import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from '../src/index.js';

it('calls its scope as the package is called', async () => {
  const { name, version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  expect([INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION]).toEqual([name, version]);
});
