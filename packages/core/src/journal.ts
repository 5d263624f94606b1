import type { TokenKey } from './key.js';
import type { TokenPart } from './store/record.js';
import type { CommitOptions } from './store/store.js';
import type { EpochMs } from './token.js';

/**
 * The highest format of entries this code reads. 1: an answer that follows a known generation. 2: a new grant as well, which
 * follows whatever stands. An entry has the lowest format that can hold it, so that older processes of the host bring home what they can.
 */
export const JOURNAL_VERSION = 2;

/** An answer of a platform that a store has not acknowledged (S4): what its commit needs, whoever makes it. */
export interface JournalEntry {
  /** Format of the entry. */
  readonly v: number;
  /** The key it is for. */
  readonly key: TokenKey;
  /** What the platform gave. */
  readonly token: TokenPart;
  /** How it is to be committed. */
  readonly options: CommitOptions;
  /** When it was written, Unix ms by the writer's clock; of a new grant, when the sign-in took place. */
  readonly at: EpochMs;
  /**
   * A new grant: it replaces whatever stands, unless that goes back to a later sign-in; `options` name no predecessor. When it took
   * place: `token.grant.at`, where the writer knew the store's time, else `at`.
   */
  readonly grant?: 'storeTime' | 'hostTime';
}

/** An entry as the journal holds it. */
export interface JournalledEntry {
  /** What `remove` takes. */
  readonly id: string;
  /** Absent where it cannot be read. */
  readonly entry?: JournalEntry;
  /** Why it cannot be read; never shows its content. */
  readonly problem?: string;
}

/**
 * Keeps answers of platforms until a store has acknowledged them: on this host's disk, where a store that is away cannot take
 * them along. Any process of the host may write, replay and delete; nothing is deleted because it cannot be read.
 */
export interface Journal {
  /** For messages: `fileJournal`. */
  readonly name: string;
  /** Whether entries are encrypted. */
  readonly sealed: boolean;
  /** What is wrong with its options; each begins with the quoted option. */
  problems?(): readonly string[];
  /** Makes it ready and proves that it can be written to. */
  open(): Promise<void>;
  /** Writes an entry; it is on the disk when this resolves. Resolves with its id. Later entries of a process come after it in `entries`. */
  append(entry: JournalEntry): Promise<string>;
  /** All entries of all processes, oldest first; those of one key where `key` is given. */
  entries(key?: TokenKey): Promise<readonly JournalledEntry[]>;
  /** Deletes an entry; no error where it is gone. */
  remove(id: string): Promise<void>;
  /** Ends it. What was written stays. */
  close(): Promise<void>;
}
