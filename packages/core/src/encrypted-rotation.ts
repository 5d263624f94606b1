import { TokenError } from './errors.js';
import type { TokenKey } from './key.js';
import { configurationError } from './options.js';
import { isPlain, isStale, openToken, sealToken } from './sealed-token.js';
import type { Sealer } from './sealing.js';
import { RECORD_VERSION, type TokenRecord } from './store/record.js';
import type { TokenStore } from './store/store.js';

/** Options of `EncryptedStore.rotateKeys`. */
export interface RotateKeysOptions {
  /** Ends the run after the records in hand; the report then says that it is not complete. */
  readonly signal?: AbortSignal;
  /** Told after each page how far the run has come. */
  readonly onProgress?: (report: KeyRotationReport) => void;
  /** Records read at a time. Default 100. */
  readonly limit?: number;
}

/** What `EncryptedStore.rotateKeys` found and did. */
export interface KeyRotationReport {
  /** Records with a token that were opened. */
  readonly examined: number;
  /** Those that were sealed anew. */
  readonly resealed: number;
  /** Those among them that stood in clear, wholly or in part. */
  readonly plain: number;
  /** Records left as they were, and why; no reason shows a secret. */
  readonly failed: readonly {
    /** The key of the record. */
    readonly key: TokenKey;
    /** Why, without a secret. */
    readonly reason: string;
  }[];
  /** Everything was looked at, and nothing failed: all tokens of the store are sealed with the active key. */
  readonly complete: boolean;
}

/** A store whose records can be sealed anew. */
export type ResealingStore = TokenStore & Required<Pick<TokenStore, 'reseal'>>;

/** Records per page: one answer of any store. */
const PAGE = 100;
/** Records worked on at a time: enough to fill the wait for a server, too few to be felt by those who refresh. */
const WORKERS = 8;
/** Looks at one record; each after the first means that somebody wrote it meanwhile. */
const MAX_ROUNDS = 100;

/** `EncryptedStore.rotateKeys`. */
export async function rotateKeys(
  store: ResealingStore,
  sealer: Sealer,
  { signal, onProgress, limit = PAGE }: RotateKeysOptions,
): Promise<KeyRotationReport> {
  if (!Number.isInteger(limit) || limit < 1) throw configurationError('"limit" must be a whole number of at least 1');
  const counts = { examined: 0, resealed: 0, plain: 0 };
  const failed: { key: TokenKey; reason: string }[] = [];
  const rotate = async (record: TokenRecord) => {
    try {
      const found = await resealRecord(store, sealer, record);
      counts.examined++;
      if (found !== 'current') counts.resealed++;
      if (found === 'plain') counts.plain++;
    } catch (error) {
      failed.push({ key: record.key, reason: reasonOf(error) });
    }
  };
  for (let cursor: string | undefined; !signal?.aborted; ) {
    const page = await store.list({}, { limit, ...(cursor !== undefined && { cursor }) });
    const records = page.records.filter(({ token }) => token !== undefined);
    let next = 0;
    const work = async () => {
      for (let record = records[next++]; record && !signal?.aborted; record = records[next++]) await rotate(record);
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    cursor = page.cursor;
    const complete = cursor === undefined && !signal?.aborted && failed.length === 0;
    const report = { ...counts, failed: [...failed], complete };
    onProgress?.(report);
    if (cursor === undefined) return report;
  }
  return { ...counts, failed, complete: false };
}

/**
 * Seals one record with the active key unless it is, whatever is written to it meanwhile. Tells how it was found.
 *
 * @throws TokenError `ERR_TOKEN_STORE` where it cannot be opened, or is of a format that is not ours to change.
 */
export async function resealRecord(
  store: ResealingStore,
  sealer: Sealer,
  listed: TokenRecord,
): Promise<'current' | 'stale' | 'plain'> {
  let seen: TokenRecord | undefined = listed;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // Gone, or sealed anew by whoever was faster.
    if (!seen?.token) return 'current';
    const { key, v, token }: TokenRecord = seen;
    const opened = openToken(sealer, key, token);
    if (!isStale(token, sealer.activeKeyId)) return 'current';
    if (v > RECORD_VERSION) throw new TokenError('ERR_TOKEN_STORE', `its format ${v} is newer than this version knows`);
    if (await store.reseal(seen, sealToken(sealer, key, opened))) return isPlain(token) ? 'plain' : 'stale';
    seen = (await store.read(key)).record;
  }
  throw new TokenError('ERR_TOKEN_STORE', 'other processes kept being faster');
}

function reasonOf(error: unknown): string {
  if (error instanceof TokenError) return error.message;
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? `the store failed (${code})` : 'the store failed';
}
