import { TokenError } from '../errors.js';
import { accountKeyIn, type TokenKey, tokenKeyOf } from '../key.js';
import type { TokenPart } from '../store/record.js';
import type { TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import type { ManualClock } from './manual-clock.js';
import type { TestRunner } from './store-contract.js';

/** What a group of the suite works with: a test gets a new store, its clock, and a second connection to the same data. */
export interface StoreCases {
  readonly test: (
    name: string,
    body: (store: TokenStore, clock: ManualClock, other: TokenStore) => Promise<void>,
  ) => void;
  readonly expect: TestRunner['expect'];
  /** Rounds of each race. */
  readonly rounds: number;
}

/** Length of the leases, ms. */
export const TTL = 30_000;
export const ACCOUNT = accountKeyIn(key('a'));
export const KEY = key('subject');

export function key(subject: string, id = 'app'): TokenKey {
  return tokenKeyOf({ platform: 'contract', id, kind: 'access_token', subject: [subject] });
}

export function token(name: string, clock: { now(): EpochMs }): TokenPart {
  const at = clock.now();
  return {
    value: `token of ${name}`,
    issuedAt: at,
    firstSeenAt: at,
    expiresAt: at + 7_200_000,
    seen: ['0123456789abcdef'],
    lineage: { cause: 'issue', actor: 'contract', at, durationMs: 1 },
  };
}

export async function seed(
  store: TokenStore,
  clock: { now(): EpochMs },
  name: string,
  refreshAt?: EpochMs,
): Promise<number> {
  const answer = await store.commit(KEY, token(name, clock), {
    predecessor: 0,
    ...(refreshAt !== undefined && { refreshAt }),
  });
  const { record } = await store.read(KEY);
  if (answer !== 'accepted' || !record)
    throw new TokenError('ERR_TOKEN_STORE', 'the store under test did not accept a first token');
  return record.generation;
}
