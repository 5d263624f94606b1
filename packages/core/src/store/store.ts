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
  /** The key. */
  readonly key: TokenKey;
  /** The generation that was seen. */
  readonly generation: number;
  /** The epoch that was seen. */
  readonly epoch: number;
}

/** The right to attempt, until `until` in store time. Its epoch names it: no two leases of a key ever have the same. */
export interface Lease {
  /** Tells a lease from a record. */
  readonly kind: 'lease';
  /** The key it is for. */
  readonly key: TokenKey;
  /** Its name: no two leases of a key have the same. */
  readonly epoch: number;
  /** Who has it. */
  readonly holder: string;
  /** Its end, store time. */
  readonly until: EpochMs;
}

/** Changes of an attempt part: an absent field stays as it is, `null` takes one away (`state` and `failures` always stand). */
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
  /** Refuse under an old epoch, and without a lease: for superseding sources. Without it the predecessor alone decides. */
  readonly fenced?: boolean;
  /** End the lease in the same step, if it is still the committer's. */
  readonly release?: boolean;
  /** The commit may replace a tombstone of that generation: new authorizations and pushes. */
  readonly revive?: boolean;
  /** When the key is due next; absent: never by itself. For an equal value, absent leaves it as it is. */
  readonly refreshAt?: EpochMs;
  /** Marks that mean an equal value, for a sealed one; absent: values are compared as they stand. */
  readonly same?: readonly string[];
  /** Further changes of the attempt part, after what the commit ends; only under the current epoch or without a lease. */
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
  /** Since when it has been due, store time. */
  readonly refreshAt: EpochMs;
  /** The whole record, where the store had to read it anyway. */
  readonly record?: TokenRecord;
}

/** A page of due keys, most urgent first over all pages; keys due at one time stand in any order. */
export interface DuePage {
  /** Most urgent first. */
  readonly keys: readonly DueKey[];
  /** Pass it back, to the store that gave it, for the next page; absent on the last. Says nothing to anybody else. */
  readonly cursor?: string;
  /** The store's time. */
  readonly now: EpochMs;
}

/** A page of records in key order. */
export interface Page {
  /** In key order. */
  readonly records: readonly TokenRecord[];
  /** Pass it back for the next page; absent on the last. */
  readonly cursor?: string;
  /** The store's time. */
  readonly now: EpochMs;
}

/** Which due keys. */
export interface DueQuery {
  /** Keys on a page at most. */
  readonly limit: number;
  /** Only keys of these accounts; none of them, no keys. */
  readonly accounts: readonly AccountKey[];
  /** Of the page before; absent for the first. */
  readonly cursor?: string;
}

/** Which records: those that pass every filter that is given. An empty one lets nothing pass. */
export interface ListFilter {
  /** Only keys of these accounts. */
  readonly accounts?: readonly AccountKey[];
  /** Only records in these states. */
  readonly states?: readonly TokenState[];
}

/**
 * Keeps the records of keys, for one process or many. Every operation on a key is atomic, whatever others do to the key at
 * that moment: of two that exclude each other one happens and the other is answered with what then stands. There are no
 * transactions over several keys, no expiry of records by the store (a token may have ended years ago; only a tombstone may
 * go, after 30 days), and no read that answers *absent* because of an error: an error rejects.
 *
 * An acknowledged change stands, for every connection, with its place in the index. One that rejects has happened as a whole
 * or not at all, and the connection is made anew by later operations. No operation hangs, before opening and after closing
 * either: it answers or rejects.
 *
 * Keys have at most 512 bytes and are compared byte by byte, accounts as a whole. Texts are kept as they are as long as they
 * are well-formed Unicode, NUL included, of 64 KiB and more; times and other numbers as the doubles they are. Fields a store does
 * not know, of the record, its attempt part and its token, are kept over every operation; those of a token end with it. A
 * record of a higher format is served as it is, neither claimed nor replaced.
 *
 * All times are in the store's own clock, which every answer carries as `now`: a server's, or the host's where the store has
 * none. No clock of a process that asks has a part in it. When the clock is stepped back, generations and epochs go on.
 */
export interface TokenStore {
  /** For messages: `fileStore`, `memoryStore`. Never a path, an address or a secret. */
  readonly name: string;
  /** Whether values, refresh tokens and extra facts are encrypted before they leave this process. */
  readonly sealed?: boolean;
  /** What is wrong with its options, each text beginning with the quoted option: building a store throws for nothing. */
  problems?(): readonly string[];
  /**
   * Opens files or connections and says what the store promises. May be called again, after a failure and after a success.
   * Rejects with `ERR_TOKEN_CONFIGURATION` where there are problems, with `ERR_TOKEN_STORE` where it cannot be opened.
   */
  open(): Promise<StoreTraits>;
  /** The record, if there is one, tombstones and records that hold an attempt part alone included. */
  read(key: TokenKey): Promise<{ readonly record?: TokenRecord; readonly now: EpochMs }>;
  /**
   * A lease with the next epoch, only if generation and epoch are still those of `seen` and no lease is live, the holder's own
   * included; otherwise nothing changes and the present record is the answer. A lease lives until its end, and not at it. Its
   * end is the store's time plus `ttlMs`, rounded by less than 1 ms. A key without a record, or with a tombstone, can be claimed.
   *
   * `intent` names the generation about to be presented, of a token that must stand, and is stored with the lease, with the store's time and the epoch. One
   * that stands already for that generation keeps its time and becomes `uncertain`, because the holder that set it ended without
   * a word; one for another generation is replaced. Without `intent` the one that stands is left as it is.
   */
  claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>): Promise<Lease | TokenRecord>;
  /**
   * Moves the lease's end to `ttlMs` from now, also of a lease that has ended; `undefined` and no change where another epoch has
   * begun, the lease was released, or the holder is another one.
   */
  renew(lease: Lease, ttlMs: number): Promise<Lease | undefined>;
  /**
   * Stores a token, the whole part, if the predecessor's generation still stands; otherwise nothing changes and the present
   * record is the answer. A commit that names a predecessor never creates a record; a tombstone is replaced with `revive` only.
   *
   * Another value gets the next generation (a key's first: the store's time in whole ms), ends intent, doubt and failures, and
   * makes the state `active` without a cause, unless it is `contested` or `repeated`; the count of forced issues stays. Generations
   * never fall and never come back, over tombstones either.
   *
   * An equal stored value (equal as it stands, or by a mark of `same`) is accepted whatever its generation and whoever brings it,
   * and keeps generation, value, `firstSeenAt`, `seen` and lineage. Times merge: the later start; a known end beats an unknown
   * one, then the later; the higher order. Refresh token, extra and credentials are taken over where they come with it. Under
   * the current epoch it ends intent, doubt and failures as another value does; without a lease it leaves the attempt part alone;
   * under an old epoch it moves no `refreshAt` either.
   *
   * Under an old epoch, where nothing fences it, a commit ends nobody's lease and makes none of the changes in `attempt`.
   */
  commit(key: TokenKey, token: TokenPart, options: CommitOptions): Promise<'accepted' | TokenRecord>;
  /**
   * Changes the attempt part only, and `refreshAt`; `false` and no change, no release either, under an old epoch, or where
   * `generation` is given and another one stands. Of two notes at once both take place. A tombstone stays `gone` and out of the
   * index; of the rest it takes what is noted under a lease that was given since.
   */
  note(lease: Lease, change: AttemptChange, options?: NoteOptions): Promise<boolean>;
  /**
   * Keys whose `refreshAt` has come, by index, none under a live lease: what is due costs, not what exists. Over the pages no key
   * comes twice and none is left out that nobody touches. A key that another process claims or commits between the pages may
   * still be named as it was: `claim` decides.
   */
  due(query: DueQuery): Promise<DuePage>;
  /** Records in key order, tombstones included. */
  list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page>;
  /**
   * Takes the token away if its generation still stands and leaves a tombstone for 30 days at least; `false` otherwise. The
   * tombstone keeps generation and epoch; lease, intent and failures end with the token, and the key leaves the index.
   */
  remove(key: TokenKey, predecessor: number): Promise<boolean>;
  /** Takes a key nobody answers for out of the due index and keeps the cause, if its generation and epoch still stand. */
  park(seen: Seen, cause: string): Promise<boolean>;
  /**
   * Puts another ciphertext in the place of the same token: only while generation, epoch and the whole token part are still
   * those of `seen`; `false` and no change otherwise. Generation, attempt part, lease and `refreshAt` stay as they are, and
   * watchers need not be told.
   */
  reseal?(seen: TokenRecord, token: TokenPart): Promise<boolean>;
  /**
   * Tells of changes by others and by itself, commits, releases and removals above all; may miss some, and goes on after a
   * connection was lost. `generation` only where the change is a new token: who knows that generation already has nothing to
   * look at. The returned function ends it; nothing is told afterwards.
   */
  watch?(listener: (key: TokenKey, generation?: number) => void): () => void;
  /** A synchronous read, for a store that lives in this process: no manager keeps a copy above it. */
  peek?(key: TokenKey): TokenRecord | undefined;
  /** Ends connections the store opened, never one it was given. What was acknowledged stays. May be called twice. */
  close(): Promise<void>;
}
