import { sleep, systemClock } from '../clock.js';
import { TokenError } from '../errors.js';
import { type AccountKey, accountKeyIn, type TokenKey, tokenKeyOf } from '../key.js';
import type { TokenPart, TokenRecord } from '../store/record.js';
import type { CommitOptions, Lease, ListFilter, TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import type { ManualClock } from './manual-clock.js';
import type { OptionalOperation, StoreContractOptions, TestRunner } from './store-contract.js';

/** A test gets a new store, its clock, and a second connection to the same data. */
export type CaseBody = (store: TokenStore, clock: ManualClock, other: TokenStore) => Promise<void>;

/** What a group of the suite works with. */
export interface StoreCases {
  /** Registers a case on a new store, opened, on a clock of its own. */
  readonly test: (name: string, body: CaseBody, timeoutMs?: number) => void;
  /** Registers a case that makes its stores itself. */
  readonly it: (name: string, body: () => Promise<void>, timeoutMs?: number) => void;
  readonly expect: TestRunner['expect'];
  readonly options: StoreContractOptions;
  readonly newClock: () => ManualClock;
  readonly rounds: number;
  readonly keys: number;
  readonly patienceMs: number;
  /** Whether the store has an optional operation, as declared. */
  readonly has: (operation: OptionalOperation) => boolean;
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

/** Makes a store and a second connection, opens both, and closes both whatever happens. No clock: on the store's own. */
export async function opened(
  options: StoreContractOptions,
  clock: ManualClock | undefined,
  body: (store: TokenStore, other: TokenStore) => Promise<void>,
): Promise<void> {
  // Only a store that declares a clock of its own is ever made without one.
  const create = options.create as (clock: ManualClock | undefined) => Promise<TokenStore> | TokenStore;
  const reconnect = options.reconnect as
    | ((store: TokenStore, clock: ManualClock | undefined) => Promise<TokenStore> | TokenStore)
    | undefined;
  const store = await create(clock);
  let other: TokenStore | undefined;
  try {
    await store.open();
    other = await reconnect?.(store, clock);
    await other?.open();
    await body(store, other ?? store);
  } finally {
    await other?.close();
    await store.close();
  }
}

/** Stores a first token under `KEY`; resolves with its generation. */
export async function seed(
  store: TokenStore,
  clock: { now(): EpochMs },
  name: string,
  refreshAt?: EpochMs,
): Promise<number> {
  const options: CommitOptions = { predecessor: 0, ...(refreshAt !== undefined && { refreshAt }) };
  const answer = await store.commit(KEY, token(name, clock), options);
  const { record } = await store.read(KEY);
  if (answer !== 'accepted' || !record)
    throw new TokenError('ERR_TOKEN_STORE', 'the store under test did not accept a first token');
  return record.generation;
}

/** The record of a key that must have one. */
export async function recordOf(store: TokenStore, of: TokenKey = KEY): Promise<TokenRecord> {
  const { record } = await store.read(of);
  if (!record) throw new TokenError('ERR_TOKEN_STORE', `the store under test has no record of "${of}"`);
  return record;
}

/** Claims a key as it stands. */
export async function claimed(
  store: TokenStore,
  holder: string,
  { of = KEY, ttlMs = TTL, intent }: { of?: TokenKey; ttlMs?: number; intent?: { generation: number } } = {},
): Promise<Lease> {
  const { record } = await store.read(of);
  const seen = { key: of, generation: record?.generation ?? 0, epoch: record?.attempt.epoch ?? 0 };
  const lease = await store.claim(seen, holder, ttlMs, intent);
  if (!('kind' in lease)) throw new TokenError('ERR_TOKEN_STORE', `the store under test gave no lease of "${of}"`);
  return lease;
}

/** Page after page, until one has no cursor. A cursor that leads back is an error, not a test that never ends. */
export async function* pagesOf<Paged extends { readonly cursor?: string }>(
  ask: (cursor: { readonly cursor?: string }) => Promise<Paged>,
): AsyncGenerator<Paged> {
  const seen = new Set<string>();
  for (let cursor: { cursor?: string } | undefined = {}; cursor; ) {
    const page = await ask(cursor);
    yield page;
    cursor = page.cursor === undefined ? undefined : { cursor: page.cursor };
    if (page.cursor !== undefined && seen.has(page.cursor))
      throw new TokenError('ERR_TOKEN_STORE', 'the store under test gave one cursor twice: its pages never end');
    seen.add(page.cursor ?? '');
  }
}

/** Every due key of the accounts, page by page. */
export async function allDue(
  store: TokenStore,
  accounts: readonly AccountKey[] = [ACCOUNT],
  limit = 10,
): Promise<TokenKey[]> {
  const keys: TokenKey[] = [];
  for await (const page of pagesOf((cursor) => store.due({ limit, accounts, ...cursor })))
    keys.push(...page.keys.map((due) => due.key));
  return keys;
}

/** Every record of the filter, page by page. */
export async function allListed(store: TokenStore, filter: ListFilter, limit = 5): Promise<TokenRecord[]> {
  const records: TokenRecord[] = [];
  for await (const page of pagesOf((cursor) => store.list(filter, { limit, ...cursor }))) records.push(...page.records);
  return records;
}

/** An optional operation of a store that does not declare to lack it. */
export function mustHave<Name extends OptionalOperation>(store: TokenStore, name: Name): NonNullable<TokenStore[Name]> {
  const operation = store[name];
  if (!operation) {
    const text = `"lacks" of storeContract must name "${name}", which ${store.name} does not have`;
    throw new TokenError('ERR_TOKEN_CONFIGURATION', text);
  }
  return operation.bind(store) as NonNullable<TokenStore[Name]>;
}

/** What became of a promise within the suite's patience: never a test that hangs. */
export async function outcomeOf<Value>(
  promise: Promise<Value>,
  patienceMs: number,
): Promise<{ value: Value } | { error: unknown } | 'pending'> {
  const given = new AbortController();
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const late = sleep(systemClock, patienceMs, { signal: given.signal }).then(
    () => 'pending' as const,
    () => 'pending' as const,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    given.abort();
  }
}

/** Asks again and again until it is so; `false` where the patience ends first. */
export async function comesTrue(check: () => Promise<boolean> | boolean, patienceMs: number): Promise<boolean> {
  for (const end = systemClock.monotonic() + patienceMs; ; ) {
    if (await check()) return true;
    if (systemClock.monotonic() > end) return false;
    await sleep(systemClock, 5);
  }
}
