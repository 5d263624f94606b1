import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { describe, expect, it, onTestFinished } from 'vitest';
import { playYear, type YearReport } from './year/year.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const SEED = Number(process.env['EVERTOKEN_SEED'] ?? 1);
const DAYS = 365;
const LIMIT_MS = PROOF ? 1_800_000 : 300_000;

describe('a year with weekends, holidays, a 30-hour maintenance, outages, overloads and restarts', () => {
  it(`of ${PROOF ? 100 : 10} users: nobody has to sign in again`, { timeout: LIMIT_MS }, async () => {
    const users = PROOF ? 100 : 10;
    const makeStore = (clock: { now(): number }) => memoryStore({ clock });
    expectGoodYear(
      await told('memoryStore', users, DAYS, playYear({ seed: SEED, users, days: DAYS, makeStore })),
      DAYS,
    );
  });

  it('of 3 users on fileStore: the same', { timeout: LIMIT_MS }, async () => {
    const days = PROOF ? DAYS : 60;
    const directory = await mkdtemp(join(tmpdir(), 'evertoken-year-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const makeStore = (clock: { now(): number }) => fileStore({ directory, clock });
    expectGoodYear(await told('fileStore', 3, days, playYear({ seed: SEED, users: 3, days, makeStore })), days);
  });
});

/** Prints how it went, with what it takes to see it again. */
async function told(store: string, users: number, days: number, playing: Promise<YearReport>): Promise<YearReport> {
  const startedAt = performance.now();
  const year = await playing.catch((error: Error) => {
    error.message = `EVERTOKEN_SEED=${SEED}: ${error.message}`;
    throw error;
  });
  const { monthlyCalls, renewals, restarts, sweeps, business } = year;
  process.stdout.write(
    `${store}, EVERTOKEN_SEED=${SEED}: ${users} users, ${days} days, ${sweeps} sweeps, ${restarts} restarts; ` +
      `renewals per user ${Math.min(...renewals)} to ${Math.max(...renewals)}; calls per user and month, renewals and attempts: ` +
      `${monthlyCalls.map((calls) => calls.toFixed(1)).join(' ')}; business calls ${JSON.stringify(business)}; ` +
      `${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`,
  );
  return year;
}

function expectGoodYear(year: YearReport, days: number): void {
  const replay = `to see it again: EVERTOKEN_SEED=${SEED}`;
  expect(year.askedToSignIn, replay).toEqual([]);
  expect(year.lost, replay).toEqual([]);
  expect(Object.keys(year.states), replay).not.toContain('reauthorize');
  expect(new Set(year.signIns), replay).toEqual(new Set([1]));
  expect(year.business, replay).not.toHaveProperty('ERR_TOKEN_REAUTHORIZATION_REQUIRED');
  expect(year.business['ok'], replay).toBeGreaterThan(0);
  // One a day; the jitter after each end, the maintenance and the outages cost a few.
  expect(Math.max(...year.renewals), replay).toBeLessThanOrEqual(days);
  expect(Math.min(...year.renewals), replay).toBeGreaterThan(days * 0.97 - 3);
  // A month without maintenance has hardly more calls than days.
  const months = [...year.monthlyCalls].sort((a, b) => a - b);
  for (const calls of months.slice(0, -1)) expect(calls, replay).toBeLessThan(34);
  expect(months.at(-1) ?? 0, replay).toBeLessThan(100);
}
