import { type EncryptedStore, encrypted, type TokenKey, type TokenStore, tokenKeyOf } from '../../src/index.js';
import { isAbsent, type Step, type TokenPart, type TokenRecord } from '../../src/store/index.js';

/** Two keys, as `openssl rand -base64 32` prints them; no more secret than this file. */
export const KEYS = {
  old: 'b2xkIGtleSBvZiB0ZXN0cywgMzIgYnl0ZXMgbG9uZy4=',
  new: 'bmV3IGtleSBvZiB0ZXN0cywgMzIgYnl0ZXMgbG9uZy4=',
};

export const KEY = keyOf('subject');

export function keyOf(subject: string): TokenKey {
  return tokenKeyOf({ platform: 'platform', id: 'app', kind: 'access_token', subject: [subject] });
}

/** The store as a process with both keys sees it, or with some of them. */
export function sealing(
  store: TokenStore,
  activeKeyId: keyof typeof KEYS,
  keys: Partial<typeof KEYS> = KEYS,
): EncryptedStore {
  return encrypted(store, { keys, activeKeyId });
}

/** A token with everything that is secret. */
export function token(name: string, more: Partial<TokenPart> = {}): TokenPart {
  return {
    value: `value of ${name}`,
    refreshToken: `refresh token of ${name}`,
    extra: { scope: `extra of ${name}`, nested: { n: 1, list: [true, null] } },
    issuedAt: 1_000,
    firstSeenAt: 1_000,
    expiresAt: 9_000,
    seen: ['0123456789abcdef'],
    lineage: { cause: 'issue', actor: 'test', at: 1_000, durationMs: 1 },
    ...more,
  };
}

/** What a store holds of a key; it must hold something. */
export async function recordOf(store: TokenStore, key: TokenKey = KEY): Promise<TokenRecord> {
  const { record } = await store.read(key);
  if (record === undefined || isAbsent(record)) throw new Error(`nothing is stored of ${key}`);
  return record;
}

/** The token as it stands in the store below. */
export async function storedOf(store: TokenStore, key: TokenKey = KEY): Promise<TokenPart> {
  const { token: stored } = await recordOf(store, key);
  if (stored === undefined) throw new Error(`no token is stored of ${key}`);
  return stored;
}

/** Stores a token over whatever stands. */
export async function put(store: TokenStore, part: TokenPart, key: TokenKey = KEY): Promise<void> {
  const predecessor = (await store.read(key)).record?.generation ?? 0;
  const answer = await store.commit(key, part, { predecessor, revive: true });
  if (answer !== 'accepted') throw new Error(`a token was not stored under ${key}`);
}

/** Writes a record into a store that swaps whole records, as damage, or another version of this library, would. */
export async function plant(store: TokenStore, record: TokenRecord): Promise<void> {
  const { swap } = store as unknown as {
    swap(key: TokenKey, decide: () => Step<undefined>): Promise<undefined>;
  };
  await swap.call(store, record.key, () => ({ next: record, answer: undefined }));
}

/** Changes the stored token behind everybody's back. */
export async function damage(store: TokenStore, change: (token: TokenPart) => TokenPart, key = KEY): Promise<void> {
  const record = await recordOf(store, key);
  await plant(store, { ...record, token: change(await storedOf(store, key)) });
}
