import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.js';
import { TokenError } from '../errors.js';
import type { TokenKey } from '../key.js';
import { DueIndex } from '../store/due-index.js';
import { duePage, listPage } from '../store/pages.js';
import type { Intent, TokenPart, TokenRecord } from '../store/record.js';
import { claimStep, commitStep, noteStep, parkStep, removeStep, renewStep, type Step } from '../store/steps.js';
import type {
  AttemptChange,
  CommitOptions,
  DueQuery,
  Lease,
  ListFilter,
  NoteOptions,
  Seen,
  StoreTraits,
  TokenStore,
} from '../store/store.js';
import type { EpochMs } from '../token.js';
import { append, latest } from './versions.js';

/** Options of `fileStore`. */
export interface FileStoreOptions {
  /** Where records are kept; made on opening, mode 0700. On a local disk: network file systems do not keep the promises this store builds on. */
  readonly directory: string;
  /** Replaces the store's clock. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Compare-and-set rounds before a write counts as failed; each lost one means that another process wrote. */
const MAX_ROUNDS = 100;
/** A tombstone is kept this long, ms (30 days), so that a late answer cannot bring back what was forgotten. */
const TOMBSTONE_MS = 30 * 24 * 60 * 60_000;

/**
 * Keeps records in a directory of this host, for any number of its processes: a directory per key, readable by its owner only,
 * every write synced. Leases live in the record, so no lock file can go stale. Without encryption tokens stand there in clear.
 */
export function fileStore(options: FileStoreOptions): TokenStore {
  const { directory } = options;
  if (typeof directory !== 'string' || directory === '') {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"directory" of fileStore must be a non-empty string, got ${typeof directory}`,
    );
  }
  return new FileStore(directory, options.clock ?? systemClock);
}

class FileStore implements TokenStore {
  readonly name = 'fileStore';
  readonly #given: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #known = new Map<string, TokenRecord>();
  readonly #keys = new Map<TokenKey, string>();
  readonly #due = new DueIndex();

  constructor(directory: string, clock: Pick<Clock, 'now'>) {
    this.#given = directory;
    this.#clock = clock;
  }

  async open(): Promise<StoreTraits> {
    const root = this.#root();
    await mkdir(root, { recursive: true, mode: 0o700 });
    if (process.platform !== 'win32') await chmod(root, 0o700);
    return { durable: 'synced', scope: 'host' };
  }

  async read(key: TokenKey) {
    const record = await this.#load(this.#directoryOf(key));
    return { ...(record && { record }), now: this.#clock.now() };
  }

  claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>): Promise<Lease | TokenRecord> {
    return this.#swap(seen.key, (record, now) => claimStep(record, { seen, holder, ttlMs, intent, now }));
  }

  renew(lease: Lease, ttlMs: number) {
    return this.#swap(lease.key, (record, now) => renewStep(record, lease, ttlMs, now));
  }

  commit(key: TokenKey, token: TokenPart, options: CommitOptions) {
    return this.#swap(key, (record, now) => commitStep(record, { key, token, options, now }));
  }

  note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
    return this.#swap(lease.key, (record) => noteStep(record, lease, change, options));
  }

  async due(query: DueQuery) {
    // The pages of one sweep look at the directory once.
    if (query.cursor === undefined) await this.#scan();
    return duePage(this.#due, (key) => this.#recordOf(key), query, this.#clock.now());
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }) {
    if (page.cursor === undefined) await this.#scan();
    return listPage(this.#keys.keys(), (key) => this.#recordOf(key), filter, page, this.#clock.now());
  }

  remove(key: TokenKey, predecessor: number) {
    return this.#swap(key, (record, now) => removeStep(record, predecessor, now));
  }

  park(seen: Seen, cause: string) {
    return this.#swap(seen.key, (record) => parkStep(record, seen, cause));
  }

  async close() {
    this.#known.clear();
    this.#keys.clear();
  }

  async #swap<Answer>(
    key: TokenKey,
    step: (record: TokenRecord | undefined, now: EpochMs) => Step<Answer>,
  ): Promise<Answer> {
    const directory = this.#directoryOf(key);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const base = await latest(directory);
      const record = recordIn(base?.value, key);
      const { next, answer } = step(record, this.#clock.now());
      if (!next) return answer;
      if (await append(directory, base, next)) {
        this.#remember(directory, next);
        return answer;
      }
      await pause(round < 4 ? 0 : 1 + (round % 7));
    }
    throw new TokenError('ERR_TOKEN_STORE', 'fileStore: other processes kept being faster');
  }

  async #load(directory: string): Promise<TokenRecord | undefined> {
    const version = await latest(directory);
    const record = recordIn(version?.value);
    if (record) this.#remember(directory, record);
    return record;
  }

  /** Looks at every key: the directory is the index, and it is small on one host. */
  async #scan(): Promise<void> {
    const root = this.#root();
    const entries = await readdir(root, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const present = new Set(names);
    for (const [key, directory] of this.#keys)
      if (!present.has(directory.slice(root.length + 1))) this.#drop(key, directory);
    for (let at = 0; at < names.length; at += 64) {
      await Promise.all(names.slice(at, at + 64).map((name) => this.#load(join(root, name))));
    }
  }

  #recordOf(key: TokenKey): TokenRecord | undefined {
    const record = this.#known.get(this.#keys.get(key) ?? '');
    const buried = record?.goneAt !== undefined && this.#clock.now() - record.goneAt > TOMBSTONE_MS;
    return buried ? undefined : record;
  }

  #remember(directory: string, record: TokenRecord): void {
    this.#known.set(directory, record);
    this.#keys.set(record.key, directory);
    this.#due.set(record.key, record.refreshAt);
  }

  #drop(key: TokenKey, directory: string): void {
    this.#known.delete(directory);
    this.#keys.delete(key);
    this.#due.set(key, undefined);
  }

  #root(): string {
    return resolve(this.#given);
  }

  #directoryOf(key: TokenKey): string {
    return join(this.#root(), createHash('sha256').update(key).digest('hex').slice(0, 40));
  }
}

function recordIn(value: unknown, key?: TokenKey): TokenRecord | undefined {
  if (value === undefined) return undefined;
  const record = value as TokenRecord;
  if (
    typeof record?.key !== 'string' ||
    typeof record.generation !== 'number' ||
    typeof record.attempt?.epoch !== 'number'
  ) {
    throw new TokenError('ERR_TOKEN_STORE', 'fileStore: a file in its directory holds no record');
  }
  if (key !== undefined && record.key !== key)
    throw new TokenError('ERR_TOKEN_STORE', 'fileStore: a file holds the record of another key');
  return record;
}
