import type { AccountKey, TokenKey } from '../key.js';
import type { EpochMs } from '../token.js';
import type { AttemptPart, Intent, TokenPart, TokenRecord, TokenState } from './record.js';

/** What a store promises, known once it is open. */
export interface StoreTraits {
  /** Whether an acknowledged write survives a crash: always, unless the machine dies, or not at all. */
  readonly durable: 'synced' | 'relaxed' | false;
  /** Who shares its leases. */
  readonly scope: 'process' | 'host' | 'fleet';
  /** Why it promises no more, in the words of its settings: `appendonly is no`. For messages. */
  readonly because?: string;
}

/** Generation and epoch a process has seen; `claim` succeeds only if both still stand. */
export interface Seen {
  readonly key: TokenKey;
  readonly generation: number;
  readonly epoch: number;
}

/** The right to attempt, until `until` in store time. */
export interface Lease {
  readonly kind: 'lease';
  readonly key: TokenKey;
  readonly epoch: number;
  readonly holder: string;
  readonly until: EpochMs;
}

/** Changes of an attempt part; `null` takes a field away. */
export type AttemptChange = {
  readonly [Field in keyof Omit<AttemptPart, 'epoch' | 'lease'>]?: AttemptPart[Field] | null;
} & {
  /** Moves the key in the due index; `null` takes it out. */
  readonly refreshAt?: EpochMs | null;
};

/** How a token is to be committed. */
export interface CommitOptions {
  /** The generation that was presented; 0 expects that neither token nor tombstone stands. */
  readonly predecessor: number;
  /** The committer's lease, where it has one. */
  readonly lease?: Lease;
  /** Refuse under an old epoch: for superseding sources. Without it the predecessor alone decides. */
  readonly fenced?: boolean;
  /** End the lease in the same step, if it is still the committer's. */
  readonly release?: boolean;
  /** The commit may replace a tombstone of that generation: new authorizations and pushes. */
  readonly revive?: boolean;
  /** When the key is due next; absent: never by itself. */
  readonly refreshAt?: EpochMs;
  /** Marks that mean an equal value, for a sealed one; absent: values are compared as they stand. */
  readonly same?: readonly string[];
  /** Further changes of the attempt part, made only under the current epoch or by a commit without lease. */
  readonly attempt?: AttemptChange;
}

/** How an attempt is noted. */
export interface NoteOptions {
  /** End the lease in the same step. */
  readonly release?: boolean;
  /** Only while this generation stands: a verdict on a token must not hit its successor (S6). */
  readonly generation?: number;
}

/** A key that is due. */
export interface DueKey extends Seen {
  readonly refreshAt: EpochMs;
  /** The whole record, where the store had to read it anyway. */
  readonly record?: TokenRecord;
}

/** A page of due keys, most urgent first. */
export interface DuePage {
  readonly keys: readonly DueKey[];
  /** Pass it back for the next page; absent on the last. */
  readonly cursor?: string;
  readonly now: EpochMs;
}

/** A page of records in key order. */
export interface Page {
  readonly records: readonly TokenRecord[];
  readonly cursor?: string;
  readonly now: EpochMs;
}

/** Which due keys. */
export interface DueQuery {
  readonly limit: number;
  /** Only keys of these accounts. */
  readonly accounts: readonly AccountKey[];
  readonly cursor?: string;
}

/** Which records. */
export interface ListFilter {
  readonly accounts?: readonly AccountKey[];
  readonly states?: readonly TokenState[];
}

/**
 * Keeps the records of keys, for one process or many. Every operation on a key is atomic; there are no transactions over
 * several keys, no expiry of records by the store, and no read that answers *absent* because of an error: an error rejects.
 *
 * Keys are compared byte by byte. All times are in the store's own clock, which every answer carries as `now`.
 */
export interface TokenStore {
  /** For messages: `fileStore`, `memoryStore`. Never a path, an address or a secret. */
  readonly name: string;
  /** Whether values, refresh tokens and extra facts are encrypted before they leave this process. */
  readonly sealed?: boolean;
  /** What is wrong with its options, each text beginning with the quoted option: building a store throws for nothing. */
  problems?(): readonly string[];
  /** Opens files or connections and says what the store promises. May be called again after a failure. */
  open(): Promise<StoreTraits>;
  /** The record, if there is one, tombstones included. */
  read(key: TokenKey): Promise<{ readonly record?: TokenRecord; readonly now: EpochMs }>;
  /**
   * A lease with the next epoch, only if generation and epoch are still those of `seen` and no lease is live; otherwise the
   * present record. `intent` names the generation about to be presented and is stored with the lease; an intent that stands
   * already becomes `uncertain`, because the holder that set it ended without a word.
   */
  claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>): Promise<Lease | TokenRecord>;
  /** Moves the lease's end to `ttlMs` from now; `undefined` where another epoch has begun. */
  renew(lease: Lease, ttlMs: number): Promise<Lease | undefined>;
  /**
   * Stores a token if the predecessor's generation still stands; otherwise nothing changes and the present record is the answer.
   * An equal stored value is accepted whatever its generation, keeps it, and merges times: a known end beats an unknown one,
   * then the later. Another value gets a higher generation, ends intent, doubt and failures, and makes the state `active`
   * unless it is `contested` or `repeated`.
   */
  commit(key: TokenKey, token: TokenPart, options: CommitOptions): Promise<'accepted' | TokenRecord>;
  /**
   * Changes the attempt part only; `false` and no change under an old epoch, or where `generation` is given and another one
   * stands. On a tombstone only the release takes place.
   */
  note(lease: Lease, change: AttemptChange, options?: NoteOptions): Promise<boolean>;
  /** Keys whose `refreshAt` has come, by index, none under a live lease. */
  due(query: DueQuery): Promise<DuePage>;
  /** Records in key order. */
  list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page>;
  /** Takes the token away if its generation still stands and leaves a tombstone; `false` otherwise. */
  remove(key: TokenKey, predecessor: number): Promise<boolean>;
  /** Takes a key nobody answers for out of the due index, if its epoch still stands. */
  park(seen: Seen, cause: string): Promise<boolean>;
  /**
   * Puts another ciphertext in the place of the same token: only while generation, epoch and the whole token part are still
   * those of `seen`. Generation, times and attempt part stay as they are.
   */
  reseal?(seen: TokenRecord, token: TokenPart): Promise<boolean>;
  /**
   * Tells of changes by others and by itself; may miss some. `generation` only where the change is a new token: who knows
   * that generation already has nothing to look at.
   */
  watch?(listener: (key: TokenKey, generation?: number) => void): () => void;
  /** A synchronous read, for a store that lives in this process: no manager keeps a copy above it. */
  peek?(key: TokenKey): TokenRecord | undefined;
  /** Ends connections the store opened, never one it was given. */
  close(): Promise<void>;
}
