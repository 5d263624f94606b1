import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS, type Kind } from './cast.js';
import { build, run } from './program.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const HISTORIES = PROOF ? 100_000 : 500;
const FAULTS = PROOF ? 2 : 1;
const FIRST_SEED = Number(process.env['EVERTOKEN_SEED'] ?? 1);
/** Histories that one process plays: as many as there are for each processor, because the first thousand are slow. */
const CHUNK = PROOF ? Math.ceil(HISTORIES / availableParallelism()) : HISTORIES;
/** Lines of a history that a failed test prints. */
const LINES = 60;
const LIMIT_MS = PROOF ? 1_800_000 : 120_000;

interface Played {
  readonly histories: number;
  readonly steps: number;
  readonly calls: number;
  readonly faults: number;
  readonly bad: readonly { readonly seed: number; readonly rule: string; readonly why: string }[];
}

interface Explored {
  readonly violations: readonly object[];
  readonly ends: number;
  readonly states: number;
}

const directory = await mkdtemp(join(tmpdir(), 'evertoken-simulation-'));
const program = join(directory, 'simulation.mjs');
beforeAll(() => build(program));
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('histories of several processes, with crashes, lost answers, outages and clocks that are wrong', () => {
  it.each(KINDS)('break no rule: %s', { timeout: LIMIT_MS }, async (kind) => {
    const startedAt = performance.now();
    const { histories, steps, calls, faults, bad } = await played(kind);
    tell(
      `${kind}: ${histories} histories, seeds ${FIRST_SEED} to ${FIRST_SEED + histories - 1}, ${steps} steps, ${calls} requests, ${faults} faults, ` +
        `${bad.length} violations, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
    );
    expect(bad, await storyOf(kind, bad[0]?.seed)).toEqual([]);
    expect(histories).toBe(HISTORIES);
    expect(faults).toBeGreaterThan(HISTORIES);
  });

  it('are the same from the same seed, and can be read', async () => {
    const history = await shown('rotating', 4);
    expect(history).toBe(await shown('rotating', 4));
    expect(history).toMatch(/^ +0\.\d+ s {2}store +p\d@\d claim: .* → lease/m);
    expect(history).toMatch(/^ +0\.\d+ s {2}platform +signs in #1 for p\d@\d$/m);
  });
});

describe(`every way that two processes can take over one expiry, with ${FAULTS} faults at most`, () => {
  it.each(KINDS.filter((kind) => kind !== 'pushed'))('breaks no rule: %s', { timeout: LIMIT_MS }, async (kind) => {
    const { violations, ends, states } = await run<Explored>(program, 'explore', kind, FAULTS);
    tell(`${kind}: ${ends} ends over ${states} states, ${violations.length} violations`);
    expect(violations, `to read one: npm run history -- explore ${kind} ${FAULTS} <path>`).toEqual([]);
    expect(ends).toBeGreaterThan(100);
    expect(states).toBeGreaterThan(1_000);
  });
});

async function played(kind: Kind): Promise<Played> {
  const sum = { histories: 0, steps: 0, calls: 0, faults: 0, bad: [] as Played['bad'][number][] };
  let next = 0;
  const worker = async () => {
    while (next < HISTORIES) {
      const from = next;
      next += CHUNK;
      const { histories, steps, calls, faults, bad } = await run<Played>(
        program,
        'play',
        kind,
        FIRST_SEED + from,
        Math.min(CHUNK, HISTORIES - from),
      );
      sum.histories += histories;
      sum.steps += steps;
      sum.calls += calls;
      sum.faults += faults;
      sum.bad.push(...bad);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return sum;
}

async function shown(kind: Kind, seed: number): Promise<string> {
  return (await promisify(execFile)(process.execPath, [program, 'show', kind, String(seed)])).stdout;
}

/** What led to the first violation, for who reads a failed run. */
async function storyOf(kind: Kind, seed: number | undefined): Promise<string> {
  if (seed === undefined) return '';
  const lines = (await shown(kind, seed)).split('\n');
  const at = lines.findIndex((line) => line.includes(' CHECK '));
  return `npm run history -- ${kind} ${seed}\n${lines.slice(Math.max(0, at - LINES), at + 1).join('\n')}\n`;
}

function tell(line: string): void {
  if (PROOF) console.log(line);
}
