import { setTimeout as pause } from 'node:timers/promises';
import { type TokenKey, tokenKeyOf } from '@evertoken/core';
import type { TokenPart } from '@evertoken/core/store';

/** A key of the tests' account. */
export function keyOf(subject: string, id = 'app'): TokenKey {
  return tokenKeyOf({ platform: 'test', id, kind: 'access_token', subject: [subject] });
}

/** The account of `keyOf`. */
export const ACCOUNT = 'test/app';

export function tokenOf(value: string, at = Date.now()): TokenPart {
  return {
    value,
    issuedAt: at,
    firstSeenAt: at,
    expiresAt: at + 7_200_000,
    seen: ['0123456789abcdef'],
    lineage: { cause: 'issue', actor: 'test', at, durationMs: 1 },
  };
}

/** Tries again until it neither rejects nor answers false. For what comes by itself, at its own pace. */
export async function eventually<Value>(attempt: () => Promise<Value>, patienceMs = 15_000): Promise<Value> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== false) return value;
      if (performance.now() > end) throw new Error(`not within ${patienceMs} ms`);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(20);
  }
}

/** The error a promise rejects with, and after how many ms. */
export async function rejection(promise: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const start = performance.now();
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error('it did not reject');
  return { error, ms: performance.now() - start };
}
