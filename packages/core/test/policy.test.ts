import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TokenSource } from '../src/index.js';
import { readOptions } from '../src/options.js';
import { forcedNotBefore, mustRefreshAt, nextRefreshAt, retryDelayMs, timesOf, windowsFor } from '../src/policy.js';

const HOUR = 3_600_000;
const settings = readOptions({});
const source = (facts: Partial<TokenSource> = {}) =>
  ({ issuance: 'idempotent', lifetime: 'remaining', ...facts }) as TokenSource;
const token = (lifetimeMs?: number) => ({
  value: 'v',
  issuedAt: 0,
  ...(lifetimeMs !== undefined && { expiresAt: lifetimeMs }),
});

describe('windows', () => {
  it('are the defaults from two hours up, and shrink with shorter lives', () => {
    expect(windowsFor(settings, {}, 2 * HOUR)).toMatchObject({ refreshBeforeMs: HOUR / 2, skewMs: 60_000 });
    expect(windowsFor(settings, {}, 48 * HOUR)).toMatchObject({ refreshBeforeMs: HOUR / 2, skewMs: 60_000 });
    expect(windowsFor(settings, {}, 60_000)).toMatchObject({ refreshBeforeMs: 15_000, skewMs: 500 });
  });

  it('follow the account before the manager', () => {
    const own = readOptions({ refresh: { refreshBeforeExpiryMs: 10_000, retryIntervalMs: 7_000 } });
    expect(windowsFor(own, { refreshBeforeExpiryMs: 20_000 }, 2 * HOUR)).toMatchObject({
      refreshBeforeMs: 20_000,
      retryIntervalMs: 7_000,
    });
  });
});

describe('the next refresh', () => {
  const at = (facts: Partial<TokenSource>, lifetimeMs: number | undefined, now = 0, unchanged = false) =>
    nextRefreshAt(token(lifetimeMs), source(facts), { windows: windowsFor(settings, {}, lifetimeMs), now, unchanged });

  it('is half an hour before the end, but not before half the life', () => {
    expect(at({}, 2 * HOUR)).toBe(1.5 * HOUR);
    expect(at({}, 0.75 * HOUR)).toBe(0.75 * HOUR * 0.75);
    const eager = readOptions({ refresh: { refreshBeforeExpiryMs: 100 * HOUR } });
    expect(
      nextRefreshAt(token(2 * HOUR), source(), { windows: windowsFor(eager, {}, 2 * HOUR), now: 0, unchanged: false }),
    ).toBe(HOUR);
  });

  it('is not before asking can bring something', () => {
    expect(at({ renewableFrom: ({ expiresAt = 0 }) => expiresAt - 300_000 }, 2 * HOUR)).toBe(2 * HOUR - 300_000);
  });

  it('is never for a push, nor for a token without end that asking cannot complete', () => {
    expect(at({ issuance: 'pushed' }, HOUR)).toBeUndefined();
    expect(at({}, undefined)).toBeUndefined();
    expect(at({ renewableFrom: () => 0 }, undefined, 77)).toBe(77);
  });

  it('always lies ahead once an unchanged value was handed out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 100 * HOUR }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (lifetime, share) => {
          const now = lifetime * share;
          expect(at({}, lifetime, now, true)).toBeGreaterThan(now);
        },
      ),
    );
  });
});

describe('waiting for a refresh begins', () => {
  it('a margin before the end where a refresh can come early, at the end where it cannot', () => {
    expect(mustRefreshAt(token(2 * HOUR), source(), 60_000)).toBe(2 * HOUR - 60_000);
    expect(mustRefreshAt(token(2 * HOUR), source({ renewableFrom: ({ expiresAt = 0 }) => expiresAt }), 60_000)).toBe(
      2 * HOUR,
    );
    expect(
      mustRefreshAt(token(2 * HOUR), source({ renewableFrom: ({ expiresAt = 0 }) => expiresAt - 300_000 }), 60_000),
    ).toBe(2 * HOUR - 60_000);
    expect(mustRefreshAt(token(), source(), 60_000)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('times of an answer', () => {
  const stored = {
    value: 'v',
    firstSeenAt: 0,
    issuedAt: 0,
    seen: [],
    lineage: { cause: 'issue', actor: '', at: 0, durationMs: 0 },
  } as const;
  const end = (facts: Partial<TokenSource>, value: string, startedAt: number, lifetimeMs: number) =>
    timesOf({ value, lifetimeMs }, source(facts), { stored, startedAt, grace: () => 300_000 }).expiresAt;

  it.each([
    ['another value lives its lifetime', {}, 'w', HOUR, 2 * HOUR, 3 * HOUR],
    ['remaining: as answered', {}, 'v', HOUR, HOUR, 2 * HOUR],
    ['extended: from now on', { lifetime: 'extended' }, 'v', HOUR, 2 * HOUR, 3 * HOUR],
    ['extended: up to the cap', { lifetime: 'extended', maxLifetimeMs: 2.5 * HOUR }, 'v', HOUR, 2 * HOUR, 2.5 * HOUR],
    ['constant: from first seen on', { lifetime: 'constant' }, 'v', HOUR, 2 * HOUR, 2 * HOUR],
    ['constant: but at least the grace', { lifetime: 'constant' }, 'v', 2 * HOUR, 2 * HOUR, 2 * HOUR + 300_000],
    ['a cap applies to a new value too', { maxLifetimeMs: HOUR }, 'w', 0, 2 * HOUR, HOUR],
  ] as const)('%s', (_name, facts, value, startedAt, lifetimeMs, expected) => {
    expect(end(facts, value, startedAt, lifetimeMs)).toBe(expected);
  });
});

describe('the distance between failed attempts', () => {
  const delay = (code: Parameters<typeof retryDelayMs>[0], failures: number, random: number) =>
    retryDelayMs(code, failures, { intervalMs: 60_000, random: () => random });

  it('doubles with full jitter up to 15 minutes, and is never nothing', () => {
    expect([1, 2, 3, 4, 5, 99].map((failures) => delay('ERR_TOKEN_BUSY', failures, 1))).toEqual([
      60_000, 120_000, 240_000, 480_000, 900_000, 900_000,
    ]);
    expect(delay('ERR_TOKEN_BUSY', 3, 0)).toBe(6_000);
  });

  it('is the longest at once where asking again cannot help', () => {
    expect(delay('ERR_TOKEN_REFUSED', 1, 0)).toBe(900_000);
    expect(delay('ERR_TOKEN_QUOTA', 1, 0)).toBe(900_000);
  });
});

describe('forced issues', () => {
  const notBefore = (count: number, now: number, issuedAt = 0) =>
    forcedNotBefore({ count, at: 0 }, { issuedAt, now, rejectMemoryMs: 600_000 });

  it('are free once, then 30 s apart, doubling to an hour', () => {
    expect(forcedNotBefore(undefined, { issuedAt: 0, now: 0, rejectMemoryMs: 600_000 })).toBeUndefined();
    expect([1, 2, 3, 4, 5].map((count) => notBefore(count, 1))).toEqual([30_000, 60_000, 120_000, 240_000, 480_000]);
    expect(notBefore(20, 1)).toBe(HOUR);
    expect(notBefore(1, 30_000)).toBeUndefined();
  });
});
