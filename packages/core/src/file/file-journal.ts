import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { optionProblems } from '../account-options.js';
import { TokenError } from '../errors.js';
import { JOURNAL_VERSION, type Journal, type JournalEntry, type JournalledEntry } from '../journal.js';
import type { TokenKey } from '../key.js';
import { refuseProblems } from '../options.js';
import { Sealer, sealingProblems } from '../sealing.js';
import { removeLeftovers } from './leftovers.js';
import { preparePrivate } from './private-directory.js';
import { syncDirectory, unlessMissing, writeOnce } from './synced-write.js';

/** Options of `fileJournal`. */
export interface FileJournalOptions {
  /** Where entries are kept; made on opening, mode 0700, on a local disk. Processes of this host may share it. */
  readonly directory: string | undefined;
  /** Keys that encrypt entries, each 32 bytes in base64; those of `encrypted` do. Default: entries stand in clear, mode 0600. */
  readonly keys?: Readonly<Record<string, string | undefined>> | undefined;
  /** Which of `keys` seals; the others only open. */
  readonly activeKeyId?: string | undefined;
}

/** `<ms>-<hash of the key>-<serial number and random>`: in order of writing, of one key without looking inside, never twice the same. */
const NAME = /^(\d{16})-([0-9a-f]{16})-[0-9a-f]{16}\.json$/;

/** The last name's time and number, by directory: entries of one instant, or of a clock that was stepped back, keep their order. */
const lastNames = new Map<string, { readonly time: number; readonly serial: number }>();

/**
 * Keeps what a store has not acknowledged in a directory of this host, a file each, synced. Entries are replayed by whichever
 * process comes first; what cannot be read is named and kept.
 */
export function fileJournal(options: FileJournalOptions): Journal {
  return new FileJournal(options ?? {});
}

class FileJournal implements Journal {
  readonly name = 'fileJournal';
  readonly sealed: boolean;
  readonly #options: FileJournalOptions;
  #sealer: Sealer | undefined;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.sealed = options.keys !== undefined || options.activeKeyId !== undefined;
  }

  problems(): readonly string[] {
    const { keys, activeKeyId } = this.#options;
    return [
      ...optionProblems(this.#options, { required: ['directory'], optional: ['keys', 'activeKeyId'] }),
      ...(this.sealed ? sealingProblems({ keys: keys as Readonly<Record<string, string>>, activeKeyId }) : []),
    ];
  }

  async open(): Promise<void> {
    refuseProblems(this);
    const root = this.#root();
    await preparePrivate(root, this.name);
    await removeLeftovers(root).catch(() => {});
  }

  async append(entry: JournalEntry): Promise<string> {
    const root = this.#root();
    const id = nextName(root, entry);
    try {
      await writeOnce(root, id, this.#written(id, entry));
    } catch (error) {
      throw failed(error as NodeJS.ErrnoException, root);
    }
    return id;
  }

  async entries(key?: TokenKey): Promise<readonly JournalledEntry[]> {
    const root = this.#root();
    const names = (await readdir(root).catch(unlessMissing)) ?? [];
    const hash = key === undefined ? undefined : hashOf(key);
    const entries: JournalledEntry[] = [];
    for (const id of names.sort()) {
      const [, , of] = NAME.exec(id) ?? [];
      if (of === undefined || (hash !== undefined && of !== hash)) continue;
      const entry = await this.#read(root, id);
      // Another process has just brought it home.
      if (entry && (key === undefined || entry.entry === undefined || entry.entry.key === key)) entries.push(entry);
    }
    return entries;
  }

  async remove(id: string): Promise<void> {
    if (!NAME.test(id)) return;
    const root = this.#root();
    await unlink(join(root, id)).catch(unlessMissing);
    await syncDirectory(root);
  }

  async close(): Promise<void> {}

  #written(id: string, entry: JournalEntry): string {
    const { v } = entry;
    if (!this.sealed) return JSON.stringify({ v, entry });
    return JSON.stringify({ v, sealed: this.#seals().seal(JSON.stringify(entry), contextOf(id, v)) });
  }

  async #read(root: string, id: string): Promise<JournalledEntry | undefined> {
    try {
      const text = await readFile(join(root, id), 'utf8').catch(unlessMissing);
      if (text === undefined) return undefined;
      return { id, entry: this.#entryIn(id, text) };
    } catch (error) {
      // What a parser says of a text it does not understand may show the text.
      const { code } = error as { code?: string };
      const unread = code === undefined ? 'it holds no entry' : `it cannot be read (${code})`;
      return { id, problem: error instanceof TokenError ? error.message : unread };
    }
  }

  #entryIn(id: string, text: string): JournalEntry {
    const { v, entry, sealed } = JSON.parse(text) as { v?: unknown; entry?: JournalEntry; sealed?: unknown };
    if (typeof v === 'number' && v > JOURNAL_VERSION)
      throw unreadable(`it has format ${v}, which a newer version wrote`);
    if (typeof sealed === 'string' && !this.sealed) throw unreadable('it is encrypted: give fileJournal its "keys"');
    const found =
      typeof sealed === 'string' ? (JSON.parse(this.#seals().open(sealed, contextOf(id, v))) as JournalEntry) : entry;
    const whole =
      typeof found?.key === 'string' &&
      typeof found.token?.value === 'string' &&
      typeof found.options?.predecessor === 'number' &&
      found.v === v;
    if (!whole) throw unreadable('it holds no entry');
    if (NAME.exec(id)?.[2] !== hashOf(found.key)) throw unreadable('it is named as the entry of another key');
    return found;
  }

  #seals(): Sealer {
    if (!this.#sealer) {
      refuseProblems(this);
      const { keys, activeKeyId } = this.#options;
      this.#sealer = new Sealer({ keys: keys as Readonly<Record<string, string>>, activeKeyId });
    }
    return this.#sealer;
  }

  #root(): string {
    refuseProblems(this);
    return resolve(this.#options.directory as string);
  }
}

/** An entry opens under the name and format it was written with, and no other. */
function contextOf(id: string, v: unknown): string {
  return `journal ${v}\n${id}`;
}

function nextName(directory: string, { key, at }: JournalEntry): string {
  const last = lastNames.get(directory);
  const time = Math.max(0, Math.floor(at), last?.time ?? 0);
  const number = last?.time === time ? last.serial + 1 : 0;
  lastNames.set(directory, { time, serial: number });
  const serial = number.toString(16).padStart(8, '0');
  return `${String(time).padStart(16, '0')}-${hashOf(key)}-${serial}${randomBytes(4).toString('hex')}.json`;
}

function hashOf(key: TokenKey): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

function unreadable(why: string): TokenError {
  return new TokenError('ERR_TOKEN_STORE', why, { retryable: false });
}

function failed(error: NodeJS.ErrnoException, directory: string): TokenError {
  const { code = '' } = error;
  const why = WRITE_FAILURES[code] ?? 'a write failed';
  return new TokenError('ERR_TOKEN_STORE', `fileJournal: ${why} (${code}): ${directory}`, { cause: error });
}

const WRITE_FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk of its directory is full',
  EDQUOT: 'the disk of its directory is full',
  EROFS: 'the disk of its directory is mounted read-only',
  EACCES: 'its directory cannot be written to by this user',
  EPERM: 'its directory cannot be written to by this user',
  ENOENT: 'its directory is gone',
};
