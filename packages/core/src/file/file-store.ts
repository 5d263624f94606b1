import { createHash } from 'node:crypto';
import { access, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { optionProblems } from '../account-options.js';
import { type Clock, systemClock } from '../clock.js';
import { TokenError } from '../errors.js';
import type { TokenKey } from '../key.js';
import { refuseProblems } from '../options.js';
import { DueIndex } from '../store/due-index.js';
import { duePage, listPage } from '../store/pages.js';
import type { TokenRecord } from '../store/record.js';
import { SteppedStore } from '../store/stepped-store.js';
import type { Step } from '../store/steps.js';
import type { DueQuery, ListFilter, StoreTraits, TokenStore } from '../store/store.js';
import type { EpochMs } from '../token.js';
import { removeLeftovers } from './leftovers.js';
import { preparePrivate } from './private-directory.js';
import { append, latest, removeOldVersions, type Version } from './versions.js';

/** Options of `fileStore`. */
export interface FileStoreOptions {
  /**
   * Where records are kept; made on opening, mode 0700. On a local disk: a network file system is refused where it can be
   * recognised, and so is one without hard links.
   */
  readonly directory: string | undefined;
  /** Replaces the store's clock. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** Compare-and-set rounds before a write counts as failed; each lost one means that another process wrote. */
const MAX_ROUNDS = 100;
/** A tombstone is shown this long, ms (30 days), so that a late answer cannot bring back what was forgotten. */
const TOMBSTONE_MS = 30 * 24 * 60 * 60_000;
/** Codes of a system that has run out of something. */
const OUT_OF: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];
/** Directories looked at at a time. */
const SCAN_AT_ONCE = 64;
/** A minute: how often leftovers of killed writers are looked for. */
const TIDY_EVERY_MS = 60_000;

/**
 * Keeps records in a directory of this host, for any number of its processes: a directory per key, readable by its owner only,
 * every write synced. Leases live in the record, so no lock file can go stale. Without `encrypted` tokens stand there in clear.
 *
 * A file that holds no record is an error for its key; `due` and `list` go on without it. What was forgotten leaves a file of
 * a few hundred bytes behind: to take it away while others may write is the one thing hard links cannot do.
 */
export function fileStore(options: FileStoreOptions): TokenStore {
  return new FileStore(options ?? {});
}

class FileStore extends SteppedStore {
  readonly name = 'fileStore';
  readonly #options: FileStoreOptions;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #versions = new Map<string, Version>();
  readonly #directories = new Map<TokenKey, string>();
  readonly #due = new DueIndex();
  #tidiedAt = Number.NEGATIVE_INFINITY;
  #resolved: string | undefined;

  constructor(options: FileStoreOptions) {
    super();
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  problems(): readonly string[] {
    return optionProblems(this.#options, { required: ['directory'], optional: ['clock'] });
  }

  async open(): Promise<StoreTraits> {
    refuseProblems(this);
    await preparePrivate(this.#root(), this.name);
    return { durable: 'synced', scope: 'host' };
  }

  async read(key: TokenKey) {
    const directory = this.#directoryOf(key);
    const record = recordIn(await this.#latest(directory));
    return { ...(record && { record }), now: this.#clock.now() };
  }

  async due(query: DueQuery) {
    // The pages of one sweep look at the directory once.
    if (query.cursor === undefined) await this.#scan();
    return duePage(this.#due, (key) => this.#recordOf(key), query, this.#clock.now());
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    if (page.cursor === undefined) await this.#scan();
    return listPage(this.#directories.keys(), (key) => this.#recordOf(key), filter, page, this.#clock.now());
  }

  async close() {
    this.#versions.clear();
    this.#directories.clear();
  }

  protected async swap<Answer>(
    key: TokenKey,
    decide: (record: TokenRecord | undefined, now: EpochMs) => Step<Answer>,
  ): Promise<Answer> {
    const directory = this.#directoryOf(key);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // Mostly it was read a moment ago: if it is no longer the latest, the write fails, and nothing is answered without a look.
      const known = round === 0 ? this.#versions.get(directory) : undefined;
      const base = known ?? (await this.#latest(directory));
      const { next, answer } = decide(recordIn(base), this.#clock.now());
      if (!next && known) continue;
      if (!next) return answer;
      const written = await append(directory, base, next).catch((error: NodeJS.ErrnoException) => {
        // The key's directory is gone since.
        if (known && error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (written) {
        this.#know(directory, written);
        return answer;
      }
      if (!known) await pause(round < 4 ? 0 : 1 + (round % 7));
    }
    throw new TokenError('ERR_TOKEN_STORE', 'fileStore: other processes kept being faster');
  }

  /** `names` are those of the directory, where it has just been listed. */
  async #latest(directory: string, names?: readonly string[]): Promise<Version | undefined> {
    const version = await latest(directory, this.#versions.get(directory), names);
    if (version) this.#know(directory, version);
    else {
      this.#versions.delete(directory);
      // A disk that is not mounted has no records either, and that is no miss.
      await access(this.#root()).catch(() => {
        throw new TokenError('ERR_TOKEN_STORE', 'fileStore: its directory is away');
      });
    }
    return version;
  }

  /** Looks at every key's directory, and reads what has changed: the directory is the index, and it is small on one host. */
  async #scan(): Promise<void> {
    const root = this.#root();
    const entries = await readdir(root, { withFileTypes: true });
    const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
    const present = new Set(directories);
    for (const [key, directory] of this.#directories) if (!present.has(directory)) this.#drop(key, directory);
    const tidy = performance.now() - this.#tidiedAt > TIDY_EVERY_MS;
    if (tidy) {
      this.#tidiedAt = performance.now();
      await removeLeftovers(root).catch(() => {});
    }
    for (let at = 0; at < directories.length; at += SCAN_AT_ONCE)
      await Promise.all(directories.slice(at, at + SCAN_AT_ONCE).map((directory) => this.#look(directory, tidy)));
  }

  /** One file that holds no record must not hide all others; who reads its key is told. */
  async #look(directory: string, tidy: boolean): Promise<void> {
    try {
      const names = await readdir(directory);
      if (tidy) {
        await removeLeftovers(directory, names);
        await removeOldVersions(directory, names);
      }
      await this.#latest(directory, names);
    } catch (error) {
      // What the system lacks it lacks for all of them: that is no broken file.
      if (OUT_OF.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#versions.delete(directory);
    }
  }

  #recordOf(key: TokenKey): TokenRecord | undefined {
    const record = this.#versions.get(this.#directories.get(key) ?? '')?.value as TokenRecord | undefined;
    const buried = record?.goneAt !== undefined && this.#clock.now() - record.goneAt > TOMBSTONE_MS;
    return buried ? undefined : record;
  }

  /** A version and its place in the index are learned in one step: by a refused write too, which nothing would index later. */
  #know(directory: string, version: Version): void {
    if (this.#versions.get(directory) === version) return;
    const record = recordIn(version) as TokenRecord;
    if (this.#directoryOf(record.key) !== directory) throw unreadable('a file holds the record of another key');
    this.#versions.set(directory, version);
    this.#directories.set(record.key, directory);
    this.#due.set(record.key, record.refreshAt);
  }

  #drop(key: TokenKey, directory: string): void {
    this.#versions.delete(directory);
    this.#directories.delete(key);
    this.#due.set(key, undefined);
  }

  /** Where the process was when it first asked counts: it may go elsewhere. */
  #root(): string {
    this.#resolved ??= resolve(this.#options.directory as string);
    return this.#resolved;
  }

  #directoryOf(key: TokenKey): string {
    const known = this.#directories.get(key);
    return known ?? join(this.#root(), createHash('sha256').update(key).digest('hex').slice(0, 40));
  }
}

function recordIn(version: Version | undefined): TokenRecord | undefined {
  if (version === undefined) return undefined;
  const record = version.value as TokenRecord;
  if (
    typeof record?.key !== 'string' ||
    typeof record.generation !== 'number' ||
    typeof record.attempt?.epoch !== 'number'
  ) {
    throw unreadable('a file in its directory holds no record');
  }
  return record;
}

function unreadable(why: string): TokenError {
  return new TokenError('ERR_TOKEN_STORE', `fileStore: ${why}`, { retryable: false });
}
