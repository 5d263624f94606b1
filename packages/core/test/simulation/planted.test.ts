import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.js';
import { run, withProgram } from './program.js';

const directory = await mkdtemp(join(tmpdir(), 'evertoken-planted-'));
afterAll(() => rm(directory, { recursive: true, force: true }));

/** So many histories at most; most bugs show within a hundred. */
const HISTORIES = 30_000;

describe('the simulation catches', () => {
  it.each(PLANTED_BUGS)('$name ($rule, $kind)', { timeout: 300_000 }, async ({ kind, rule, first = 1, ...bug }) => {
    const { bad } = await withProgram(directory, bug, (file) =>
      run<{ bad: { rule: string; seed: number }[] }>(file, 'play', kind, first, HISTORIES, rule),
    );
    expect(bad).toEqual([expect.objectContaining({ rule })]);
  });
});
