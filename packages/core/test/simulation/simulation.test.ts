import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from './cast.js';
import { build, run } from './program.js';

/** All kinds together: 2,000. `npm run proof` plays 100,000 of each. */
const HISTORIES = 2_000 / KINDS.length;

const directory = await mkdtemp(join(tmpdir(), 'evertoken-simulation-'));
const program = join(directory, 'simulation.mjs');
beforeAll(() => build(program));
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('histories of several processes, with crashes, lost answers, outages and clocks that are wrong', () => {
  it.each(KINDS)('break no rule: %s', { timeout: 120_000 }, async (kind) => {
    const { histories, faults, bad } = await run<{ histories: number; faults: number; bad: object[] }>(
      program,
      'play',
      kind,
      1,
      HISTORIES,
    );
    expect(bad).toEqual([]);
    expect(histories).toBe(HISTORIES);
    expect(faults).toBeGreaterThan(HISTORIES);
  });

  it('are the same from the same seed, and can be read', async () => {
    const show = async () => (await promisify(execFile)(process.execPath, [program, 'show', 'rotating', '4'])).stdout;
    const history = await show();
    expect(history).toBe(await show());
    expect(history).toMatch(/^ +0\.\d+ s {2}store +p\d@\d claim: .* → lease/m);
    expect(history).toMatch(/^ +0\.\d+ s {2}platform +signs in #1 for p\d@\d$/m);
  });
});

describe('every way that two processes can take over one expiry, with one fault at most', () => {
  it.each(KINDS.filter((kind) => kind !== 'pushed'))('breaks no rule: %s', { timeout: 120_000 }, async (kind) => {
    const { violations, ends, states } = await run<{ violations: object[]; ends: number; states: number }>(
      program,
      'explore',
      kind,
      1,
    );
    expect(violations).toEqual([]);
    expect(ends).toBeGreaterThan(100);
    expect(states).toBeGreaterThan(1_000);
  });
});
