import type { TokenKey } from './key.js';
import type { TokenPart } from './store/record.js';
import type { CommitOptions } from './store/store.js';
import type { EpochMs } from './token.js';

/** The format of entries this code writes. */
export const JOURNAL_VERSION = 1;

/** An answer of a platform that a store has not acknowledged (S4): what its commit needs, whoever makes it. */
export interface JournalEntry {
  readonly v: number;
  readonly key: TokenKey;
  readonly token: TokenPart;
  readonly options: CommitOptions;
  /** When it was written, Unix ms by the writer's clock. */
  readonly at: EpochMs;
}

/** An entry as the journal holds it. */
export interface JournalledEntry {
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
  /** Writes an entry; it is on the disk when this resolves. Resolves with the entry's id. */
  append(entry: JournalEntry): Promise<string>;
  /** All entries of all processes, oldest first; those of one key where `key` is given. */
  entries(key?: TokenKey): Promise<readonly JournalledEntry[]>;
  /** Deletes an entry; no error where it is gone. */
  remove(id: string): Promise<void>;
  close(): Promise<void>;
}
