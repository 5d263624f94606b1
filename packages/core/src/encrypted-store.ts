import type { KeyRotationReport, ResealingStore, RotateKeysOptions } from './encrypted-rotation.js';
import { TokenError } from './errors.js';
import { accountKeyIn, parseTokenKey, type TokenKey } from './key.js';
import { configurationError, refuseProblems } from './options.js';
import { isPlain, marksOf, openToken, sealToken } from './sealed-token.js';
import { Sealer, type SealingOptions, sealingProblems } from './sealing.js';
import type { Intent, TokenPart, TokenRecord } from './store/record.js';
import type {
  AttemptChange,
  CommitOptions,
  DueKey,
  DuePage,
  DueQuery,
  Lease,
  ListFilter,
  NoteOptions,
  Page,
  Seen,
  StoreTraits,
  TokenStore,
} from './store/store.js';

/** Options of `encrypted`. */
export interface EncryptedOptions extends SealingOptions {
  /** Keys by id, each 32 bytes in base64, such as `openssl rand -base64 32` prints. See `rotateKeys` for when one may go. */
  readonly keys: Readonly<Record<string, string | undefined>>;
}

/** What `encrypted` returns. */
export interface EncryptedStore extends TokenStore {
  readonly sealed: true;
  /**
   * Seals every record with the active key that is sealed with another one or stands in clear. Generations, times and leases
   * stay as they are, so it may run beside any load, be interrupted, run again, and run twice at once.
   *
   * An old key may be removed from `keys` once (1) every process runs with the new `activeKeyId`, (2) `rotateKeys`, started
   * after that, has said `complete`, and (3) no journal entry is left that an old key sealed: until (1), a process may store a
   * token under the old key behind the run's back.
   *
   * Rejects with `ERR_TOKEN_CONFIGURATION` where the store has no `reseal`, and with the store's error where it cannot list
   * its records. A record that cannot be opened or written is named in the report and stops no other.
   */
  rotateKeys(options?: RotateKeysOptions): Promise<KeyRotationReport>;
}

/**
 * Encrypts the value, the refresh token and the extra of every token before it leaves this process: AES-256-GCM, each bound to
 * its key and its field. Everything else stays in clear (generation, times, state, account, the values' fingerprints), so that
 * the store goes on deciding and indexing. An equal value is recognised by a keyed fingerprint.
 *
 * Records in clear are read as they are and sealed by the next token stored over them, or by `rotateKeys`. A record that cannot
 * be opened is `ERR_TOKEN_STORE`, never a miss; `due` names its key without the record, and `list` gives it without its token
 * and with the cause `sealed`, so that one such record hides no other.
 */
export function encrypted(store: TokenStore, options: EncryptedOptions): EncryptedStore {
  return new Encrypted(store, options);
}

const OPTIONS = ['keys', 'activeKeyId'];

class Encrypted implements EncryptedStore {
  readonly sealed = true;
  readonly name: string;
  declare readonly watch?: NonNullable<TokenStore['watch']>;
  declare readonly peek?: NonNullable<TokenStore['peek']>;
  readonly #store: TokenStore;
  readonly #options: SealingOptions;
  readonly #unknown: readonly string[];
  #made: Sealer | undefined;
  /** Keys seen with a part in clear: an equal value committed over such a record is merged, and leaves it so. */
  readonly #plain = new Set<TokenKey>();
  /** Opened records of a store in this process, which is looked at again and again. */
  readonly #peeked = new WeakMap<TokenRecord, TokenRecord>();

  constructor(store: TokenStore, options: EncryptedOptions) {
    this.#store = store;
    this.name = `encrypted(${store?.name ?? ''})`;
    const { keys, activeKeyId } = (options ?? {}) as EncryptedOptions;
    this.#options = { keys: typeof keys === 'object' && keys ? { ...keys } : keys, activeKeyId };
    this.#unknown = Object.keys(options ?? {}).filter((name) => !OPTIONS.includes(name));
    // The gate and the manager go by what a store has.
    if (store?.watch) this.watch = store.watch.bind(store);
    if (store?.peek) this.peek = (key) => this.#peek(key);
  }

  problems(): readonly string[] {
    if (typeof this.#store?.open !== 'function') return ['"store" of encrypted must be a TokenStore'];
    return [
      ...(this.#store.problems?.() ?? []),
      ...(this.#store.sealed ? [`"store" of encrypted is encrypted already: ${this.#store.name}`] : []),
      ...sealingProblems(this.#options),
      ...this.#unknown.map((name) => `"${name}" is no option of encrypted; expected "keys", "activeKeyId"`),
    ];
  }

  async open(): Promise<StoreTraits> {
    refuseProblems(this);
    return this.#store.open();
  }

  async read(key: TokenKey) {
    const { record, ...rest } = await this.#store.read(key);
    return { ...rest, ...(record && { record: this.#opened(record) }) };
  }

  async claim(seen: Seen, holder: string, ttlMs: number, intent?: Pick<Intent, 'generation'>) {
    const answer = await this.#store.claim(seen, holder, ttlMs, intent);
    return isLease(answer) ? answer : this.#opened(answer);
  }

  async renew(lease: Lease, ttlMs: number) {
    return this.#store.renew(lease, ttlMs);
  }

  async commit(key: TokenKey, token: TokenPart, options: CommitOptions): Promise<'accepted' | TokenRecord> {
    const sealer = this.#sealer();
    const answer = await this.#store.commit(key, sealToken(sealer, key, token), {
      ...options,
      same: marksOf(sealer, token.value),
    });
    if (answer !== 'accepted') return this.#opened(answer);
    if (this.#plain.has(key)) await this.#sealUp(key);
    return answer;
  }

  async note(lease: Lease, change: AttemptChange, options?: NoteOptions) {
    return this.#store.note(lease, change, options);
  }

  async due(query: DueQuery): Promise<DuePage> {
    const page = await this.#store.due(query);
    return { ...page, keys: page.keys.map((due) => this.#openedDue(due)) };
  }

  async list(filter: ListFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page> {
    const found = await this.#store.list(filter, page);
    return { ...found, records: found.records.map((record) => this.#openedOrBare(record)) };
  }

  async remove(key: TokenKey, predecessor: number) {
    return this.#store.remove(key, predecessor);
  }

  async park(seen: Seen, cause: string) {
    return this.#store.park(seen, cause);
  }

  async close() {
    return this.#store.close();
  }

  async rotateKeys(options: RotateKeysOptions = {}): Promise<KeyRotationReport> {
    const sealer = this.#sealer();
    const store = this.#store;
    if (!canReseal(store))
      throw configurationError(`"store" of encrypted must have "reseal" for its keys to be rotated (${store.name})`);
    const { rotateKeys } = await import('./encrypted-rotation.js');
    return rotateKeys(store, sealer, options);
  }

  /** Undefined where it cannot be opened: who peeks then reads, and is told. */
  #peek(key: TokenKey): TokenRecord | undefined {
    const record = this.#store.peek?.(key);
    const known = record && this.#peeked.get(record);
    if (!record || known) return known;
    try {
      const opened = this.#opened(record);
      this.#peeked.set(record, opened);
      return opened;
    } catch {
      return undefined;
    }
  }

  #opened(record: TokenRecord): TokenRecord {
    if (!record.token) return record;
    const sealer = this.#sealer();
    let token: TokenPart;
    try {
      token = openToken(sealer, record.key, record.token);
    } catch (error) {
      throw this.#unopenable(record.key, error);
    }
    if (isPlain(record.token) && canReseal(this.#store)) this.#plain.add(record.key);
    else this.#plain.delete(record.key);
    return { ...record, token };
  }

  /** Without the record where it cannot be opened: the manager reads that key by itself, and reports that one. */
  #openedDue(due: DueKey): DueKey {
    const { record, ...rest } = due;
    if (!record) return due;
    try {
      return { ...rest, record: this.#opened(record) };
    } catch {
      return rest;
    }
  }

  /** A list is looked at as a whole and decides nothing: what cannot be opened is shown as far as it can be. */
  #openedOrBare(record: TokenRecord): TokenRecord {
    try {
      return this.#opened(record);
    } catch {
      const { token: _token, ...rest } = record;
      return { ...rest, attempt: { ...record.attempt, cause: 'sealed' } };
    }
  }

  async #sealUp(key: TokenKey): Promise<void> {
    try {
      const { record } = await this.#store.read(key);
      if (record && canReseal(this.#store)) {
        const { resealRecord } = await import('./encrypted-rotation.js');
        await resealRecord(this.#store, this.#sealer(), record);
      }
      this.#plain.delete(key);
    } catch {
      // The token is stored, which is what was asked for; the next commit tries again, and so does rotateKeys.
    }
  }

  #unopenable(key: TokenKey, cause: unknown): TokenError {
    const why = cause instanceof TokenError ? cause.message : 'it holds no token';
    const { kind, subject } = parseTokenKey(key);
    return new TokenError('ERR_TOKEN_STORE', `${this.name}: ${kind} of "${accountKeyIn(key)}": ${why}`, {
      kind,
      ...(subject && { subject: subject.join('/') }),
      retryable: false,
      reason: 'sealed',
    });
  }

  /** Made on first use: wrong options must not throw before they can be told by name. */
  #sealer(): Sealer {
    if (this.#made) return this.#made;
    refuseProblems(this);
    this.#made = new Sealer(this.#options);
    return this.#made;
  }
}

function canReseal(store: TokenStore): store is ResealingStore {
  return store.reseal !== undefined;
}

function isLease(answer: Lease | TokenRecord): answer is Lease {
  return (answer as Partial<Lease>).kind === 'lease';
}
