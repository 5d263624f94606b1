import { untilAborted } from './abort.js';
import type { Account, RefreshOptions } from './account.js';
import { type Beat, everySoOften } from './beat.js';
import { closed } from './closed.js';
import { ElapsedClock } from './elapsed.js';
import type { Engine } from './engine.js';
import type { TokenError } from './errors.js';
import { EventHub, type TokenEvents } from './events.js';
import type { Flights } from './flights.js';
import { checkOptions, checkTraits, riskWithoutJournal } from './gate.js';
import type { TokenKey } from './key.js';
import { Memory } from './memory.js';
import { memoryStore } from './memory-store.js';
import { configurationError, readOptions, readRefresh, type Settings, type TokenManagerOptions } from './options.js';
import { idsOf, labelOf } from './platform-request.js';
import { Registry } from './registry.js';
import { Serving } from './serving.js';
import type { AdoptBasis, IssueRequest, SourceKind, TokenSource } from './source.js';
import { StoreLink } from './store-link.js';
import type { IssuedToken, Token } from './token.js';
import type {
  GetOptions,
  KeyFilter,
  RefreshReport,
  RefreshResult,
  SweepOptions,
  TakeOverOutcome,
  TokenStatus,
  Tokens,
} from './tokens.js';
import { Work } from './work.js';

/** What `close` could not finish: keys whose outcome is unknown to this process. */
export interface CloseReport {
  /** One entry for each request that the platform had not answered when the manager was closed. */
  readonly unanswered: readonly {
    /** Name of the account. */
    readonly account: string;
    /** Kind of the token that was asked for. */
    readonly kind: string;
    /** Whose token it is, where it is somebody's. */
    readonly subject?: string;
  }[];
}

/**
 * Keeps the tokens of its accounts valid, together with every other process on the same store: one refresh per real need,
 * never an older token over a newer one, never a lost grant.
 *
 * Constructing one touches nothing. `get` works at once; `start` opens the stores ahead of the first call; something
 * periodic calls `refreshDue`.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` from the constructor, naming the option and the way out.
 */
export class TokenManager implements Tokens {
  readonly #engine: Engine;
  readonly #settings: Settings;
  readonly #clock: ElapsedClock;
  readonly #registry = new Registry();
  readonly #events = new EventHub();
  readonly #memory: Memory;
  readonly #serving: Serving;
  readonly #store: StoreLink;
  readonly #grantStore: StoreLink;
  readonly #gets = new Map<TokenKey, Promise<Token>>();
  readonly #rejections = new Map<string, Promise<Token>>();
  readonly #work = new Work();
  readonly #beats = new Set<Beat>();
  readonly #unwatch: (() => void)[] = [];
  /** Configured keys that are known to the store: the due index names them. */
  readonly #known = new Set<TokenKey>();
  #flights: Promise<Flights> | undefined;
  #riskTold = false;
  #phase: 'open' | 'drained' | 'closed' = 'open';

  constructor(options: TokenManagerOptions) {
    this.#settings = readOptions(options);
    const settings = this.#settings;
    this.#clock = new ElapsedClock(settings.clock);
    for (const account of accountsOf(options)) {
      if (this.#registry.get(account?.name)) {
        throw configurationError(`"name" of an account must be unique: there are two called "${account.name}"`, {
          account: account.name,
        });
      }
      this.#registry.add(account);
    }
    checkOptions(this.#registry.all(), settings);
    const store = settings.store ?? memoryStore({ clock: this.#clock });
    const grantStore = settings.grantStore ?? store;
    const link = (of: typeof store, keeps: (kind: SourceKind) => boolean) =>
      new StoreLink(of, {
        clock: this.#clock,
        timeoutMs: settings.storeTimeoutMs,
        onOpen: () => {
          const unwatch = of.watch?.((key, generation) => this.#memory.changed(key, generation));
          if (unwatch) this.#unwatch.push(unwatch);
        },
        check: (traits, accounts = this.#registry.all()) =>
          checkTraits(accounts, settings, { store: of, traits, keeps }),
      });
    const shared = grantStore === store;
    this.#store = link(store, ({ keep }) => shared || keep === 'obtainable');
    this.#grantStore = shared ? this.#store : link(grantStore, ({ keep }) => keep === 'grant');
    this.#engine = this.#makeEngine();
    this.#memory = this.#engine.memory;
    this.#serving = new Serving(this.#engine);
  }

  get(source: TokenSource, options?: GetOptions): Promise<Token> {
    const ready = this.#memory.answer(source.key);
    if (ready !== undefined) {
      const now = this.#clock.now();
      // Nine calls in ten end here: one look-up, one comparison, no allocation.
      if (now < ready.quietUntil && (options === undefined || suffices(options, ready.endsAt - now)))
        return ready.promise;
    }
    if (options !== undefined) return this.#slow(source, options);
    // Callers without wishes of their own share one answer, and its promise: a thousand of them cost little more than one.
    const joined = this.#gets.get(source.key);
    if (joined) return joined;
    const getting = this.#slow(source).finally(() => this.#gets.delete(source.key));
    this.#gets.set(source.key, getting);
    return getting;
  }

  peek(source: TokenSource): Token | undefined {
    const ready = this.#memory.answer(source.key);
    const now = this.#clock.now();
    if (ready !== undefined && now < ready.endsAt) return ready.token;
    return this.#serving.peek(source, now);
  }

  reject(source: TokenSource, refused: Token | string): Promise<Token> {
    const value = typeof refused === 'string' ? refused : refused?.value;
    if (typeof value !== 'string' || value === '') {
      return Promise.reject(
        configurationError('"refused" must be the token or the value that the platform refused', {
          account: source.account,
        }),
      );
    }
    const id = `${source.key}\n${value}`;
    const pending = this.#rejections.get(id);
    if (pending) return pending;
    const rejecting = this.#rejecting(source, value).finally(() => this.#rejections.delete(id));
    this.#rejections.set(id, rejecting);
    return rejecting;
  }

  async adopt(source: TokenSource, issued: IssuedToken, basis: AdoptBasis): Promise<void> {
    this.#checkUse(source);
    const { adopt } = await import('./adopt.js');
    await this.#work.track(adopt(this.#engine, source, issued, basis), source);
  }

  async authorize(source: TokenSource, exchange: (request: IssueRequest) => Promise<IssuedToken>): Promise<Token> {
    this.#checkUse(source);
    const { authorize } = await import('./authorize.js');
    return this.#work.track(authorize(this.#engine, source, exchange), source);
  }

  async revoke(source: TokenSource, { order }: { readonly order: number }): Promise<void> {
    this.#checkUse(source);
    const { entomb } = await import('./entomb.js');
    await this.#work.track(entomb(this.#engine, source, order), source);
  }

  /**
   * Takes over a token or pair that another system holds, comparing first: it is stored where nothing is, and over what ends
   * earlier (by the refresh token's end where there is one) or was refused by the platform. With `dryRun` nothing is stored.
   *
   * Rejects with `ERR_TOKEN_STORE` where the store does not acknowledge it, and as `adopt` does for a wrong value.
   */
  async takeOver(
    source: TokenSource,
    issued: IssuedToken,
    options?: { readonly dryRun?: boolean },
  ): Promise<TakeOverOutcome> {
    this.#checkUse(source);
    const { takeOver } = await import('./take-over.js');
    return this.#work.track(takeOver(this.#engine, source, issued, options), source);
  }

  async forget(source: TokenSource, options: { readonly grant?: boolean } = {}): Promise<void> {
    this.#checkUse(source);
    if (source.keep === 'grant' && options.grant !== true) {
      throw configurationError(
        `${labelOf(source)}: forgetting a grant costs a person a new sign-in; confirm it with { grant: true }`,
        idsOf(source),
      );
    }
    const { entomb } = await import('./entomb.js');
    await this.#work.track(entomb(this.#engine, source, undefined), source);
  }

  async refresh(source: TokenSource, options: { readonly signal?: AbortSignal } = {}): Promise<RefreshResult> {
    this.#checkUse(source);
    const { refreshOne } = await import('./sweep.js');
    return untilAborted(refreshOne(this.#engine, source, { mode: 'ask' }), source, options.signal);
  }

  async refreshAll(filter?: KeyFilter, options?: SweepOptions): Promise<RefreshReport> {
    this.#engine.checkOpen();
    const { refreshAll } = await import('./sweep.js');
    return refreshAll(this.#engine, filter, options);
  }

  /**
   * Refreshes what is due, once. Call it periodically; after `drain` it does nothing.
   *
   * Rejects with `ERR_TOKEN_STORE` where the store cannot say what is due, and with `ERR_TOKEN_CONFIGURATION` where the gate refuses it.
   */
  async refreshDue(options: SweepOptions = {}): Promise<RefreshReport> {
    const { nothingDone, refreshDue } = await import('./sweep.js');
    return this.#phase === 'open' ? refreshDue(this.#engine, this.#known, options) : nothingDone();
  }

  async *inspect(filter?: KeyFilter): AsyncGenerator<TokenStatus> {
    const { inspect } = await import('./inspect.js');
    yield* inspect(this.#engine, filter);
  }

  /**
   * Adds an account at run time; a known name with the same id gets the new options.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION`: a problem of its options, a name that is another account's.
   */
  add(account: Account, options: { readonly refresh?: RefreshOptions } = {}): void {
    const refresh = options.refresh && readRefresh('refresh', options.refresh);
    const before = this.#registry.get(account?.name);
    const added = this.#registry.add(account, refresh);
    try {
      // Of this one alone: the others have passed, and there may be thousands.
      checkOptions([added], this.#settings);
      for (const link of this.#links()) link.recheck(added);
    } catch (error) {
      if (before) this.#registry.add(before.account, before.refresh);
      else this.#registry.remove(account.name);
      throw error;
    }
  }

  /** Stops refreshing an account's tokens; deletes nothing stored. Whether there was one of that name. */
  remove(name: string): boolean {
    return this.#registry.remove(name);
  }

  /** The accounts, in the order they were added. */
  accounts(): readonly Account[] {
    return [...this.#registry.all()].map(({ account }) => account);
  }

  /** How an account's tokens are kept fresh: its own options over the manager's. */
  optionsOf(name: string): RefreshOptions | undefined {
    const registered = this.#registry.get(name);
    return registered && { ...this.#settings.refresh, ...registered.refresh };
  }

  /** Subscribes to an event; the returned function ends that. A listener must not throw: what it throws becomes a process warning. */
  on<Name extends keyof TokenEvents>(event: Name, listener: (event: TokenEvents[Name]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Opens the stores, commits what the journal holds, and loads what is known. `get` works without it; it moves errors of the set-up to the start.
   *
   * Rejects with `ERR_TOKEN_CONFIGURATION` where the gate refuses a store, and with `ERR_TOKEN_STORE` where one does not open.
   */
  async start(): Promise<void> {
    this.#engine.checkOpen();
    const opened = await Promise.allSettled(this.#links().map((link) => link.open()));
    const errors = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason as TokenError] : []));
    // A set-up that is wrong is said first: a store that is down may be up in a minute.
    const worst = errors.find(({ code }) => code === 'ERR_TOKEN_CONFIGURATION') ?? errors[0];
    if (worst) throw worst;
    if (this.#settings.journal) {
      const { replay } = await import('./spool.js');
      await replay(this.#engine);
    } else this.#tellRisk();
    const sources = this.accounts().flatMap((account) => [...account.sources()]);
    await Promise.all(sources.map((source) => this.#memory.read(source)));
  }

  /** Calls `refreshDue` every `ms`, each time jittered by a tenth, until the returned function or `drain` ends it. Does not keep the process alive. */
  refreshEvery(
    ms: number,
    onError: (error: unknown) => void = (error) => process.emitWarning(error as Error),
  ): () => void {
    if (!(ms > 0)) throw configurationError(`"ms" must be a positive number, got ${ms}`);
    const beat = everySoOften(this.#clock, ms, () => this.refreshDue({ jitterMs: ms / 10 }).catch(onError));
    this.#beats.add(beat);
    return () => {
      beat.stop();
      this.#beats.delete(beat);
    };
  }

  /** Starts nothing new and waits, `closeTimeoutMs` at most, for what is in flight to be stored; afterwards `get` answers from memory. */
  async drain(): Promise<void> {
    if (this.#phase === 'open') this.#phase = 'drained';
    for (const beat of this.#beats) beat.stop();
    await this.#work.settled(this.#clock, this.#settings.closeTimeoutMs);
  }

  /** Drains, then closes the stores. Names what is still unanswered; it goes on, and its answer is still stored. */
  async close(): Promise<CloseReport> {
    if (this.#phase === 'closed') return { unanswered: [] };
    await this.drain();
    this.#phase = 'closed';
    for (const unwatch of this.#unwatch) unwatch();
    const unanswered = this.#work.unanswered().map((source) => ({ ...idsOf(source), kind: source.kind }));
    const closing = this.#work
      .ended()
      .then(() => Promise.all([...this.#links().map(({ store }) => store.close()), this.#settings.journal?.close()]));
    // A rotating answer that is still on its way needs the store to be put into: that is closed after it.
    if (unanswered.length === 0) await closing;
    else closing.catch(() => {});
    return { unanswered };
  }

  async #slow(source: TokenSource, options?: GetOptions): Promise<Token> {
    if (this.#phase !== 'open') return this.#serving.fromMemory(source);
    this.#checkUse(source);
    return this.#serving.get(source, options);
  }

  async #rejecting(source: TokenSource, value: string): Promise<Token> {
    this.#checkUse(source);
    return this.#serving.reject(source, value);
  }

  #checkUse(source: TokenSource): void {
    this.#engine.checkOpen();
    const registered = this.#registry.get(source?.account);
    if (!registered) {
      throw configurationError(
        `account "${source?.account}" is not one of this manager's: add it to "accounts", or with add()`,
        { account: source?.account },
      );
    }
  }

  /** Without a journal: said once, and only where there is something to lose. */
  #tellRisk(): void {
    const risk = riskWithoutJournal(this.#registry.all(), this.#settings, this.#grantStore.store);
    if (this.#riskTold || risk === undefined) return;
    this.#riskTold = true;
    process.emitWarning(risk, { type: 'TokenJournal' });
  }

  #loadFlights(): Promise<Flights> {
    this.#flights ??= import('./flights.js').then(({ Flights }) => new Flights(this.#engine));
    return this.#flights;
  }

  #links(): readonly StoreLink[] {
    return this.#grantStore === this.#store ? [this.#store] : [this.#store, this.#grantStore];
  }

  #makeEngine(): Engine {
    const engine = {
      settings: this.#settings,
      clock: this.#clock,
      registry: this.#registry,
      events: this.#events,
      tokens: this,
      linkOf: ({ keep }: Pick<TokenSource, 'keep'>) => (keep === 'grant' ? this.#grantStore : this.#store),
      flights: () => this.#loadFlights(),
      links: () => this.#links(),
      isOpen: () => this.#phase === 'open',
      checkOpen: () => {
        if (this.#phase !== 'open') throw closed();
      },
      own: (work: Promise<unknown>, source?: TokenSource) => void this.#work.track(work, source).catch(() => {}),
    } as Omit<Engine, 'memory'> as Engine & { memory: Memory };
    return Object.assign(engine, { memory: new Memory(engine) });
  }
}

function accountsOf({ accounts = [] }: TokenManagerOptions): Iterable<Account> {
  if (typeof (accounts as Partial<Iterable<Account>>)?.[Symbol.iterator] === 'function') return accounts;
  throw configurationError(
    `"accounts" must be a list of accounts, got ${accounts === null ? 'null' : typeof accounts}`,
  );
}

function suffices({ minValidityMs = 0, signal }: GetOptions, livesMs: number): boolean {
  return livesMs >= minValidityMs && !signal?.aborted;
}
