import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publishedPackages, readPublicApi } from '../../scripts/public-api.mjs';
import { ROOT } from './packed.js';

const packages = publishedPackages();
const api = readPublicApi(packages);

describe.each(packages)('packages/%s', (folder) => {
  it('exports what api.md says; `npm run api` writes it anew', async () => {
    const reviewed = await readFile(join(ROOT, 'packages', folder, 'api.md'), 'utf8');
    expect(api[folder]?.markdown).toBe(reviewed);
  });

  it('has a comment on every export and every member', () => {
    expect(api[folder]?.undocumented).toEqual([]);
  });
});
