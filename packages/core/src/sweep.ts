import { sleep } from './clock.js';
import { isKept, missingCompanions } from './companions.js';
import { DEFAULTS } from './defaults.js';
import { DueStream } from './due-stream.js';
import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { accountKeyIn, parseTokenKey, type TokenKey } from './key.js';
import { Lanes, type LaneTask } from './lanes.js';
import { configurationError } from './options.js';
import { matches, records } from './records.js';
import type { Registered } from './registry.js';
import { Report } from './report.js';
import { Slots } from './slots.js';
import type { TokenSource } from './source.js';
import { inTime, replay } from './spool.js';
import { isAbsent, type TokenRecord } from './store/record.js';
import type { DueKey } from './store/store.js';
import type { StoreLink } from './store-link.js';
import type { EpochMs } from './token.js';
import type { KeyFilter, RefreshOutcome, RefreshReport, RefreshResult, SweepOptions } from './tokens.js';
import type { Want } from './want.js';

/** Keys of one account whose order is shuffled: processes that sweep at one time must not all begin with the same. */
const SHUFFLED = 100;
/** Accounts whose missing keys are looked for at a time. */
const LOOKS = 10;
/** How many keys may be between claim and acknowledged commit for each request under way: the platform must not wait for a disk. */
const KEYS_PER_REQUEST = 1.5;

/** A key to be refreshed, with what is known of it; without a source it is to be parked. */
interface Task extends LaneTask {
  readonly source?: TokenSource;
  readonly seen?: TokenRecord;
  readonly park?: () => Promise<void>;
}

/**
 * `TokenManager.refreshDue`: due keys of configured accounts, and configured sources without a record; within an account the
 * most urgent first and parents before children. Accounts go on side by side, and a platform that does not answer costs the
 * sweep about a lease: what is under way then goes on without it, and the rest of that account stays due.
 */
export async function refreshDue(
  engine: Engine,
  known: Set<TokenKey>,
  options: SweepOptions = {},
): Promise<RefreshReport> {
  const sweep = new Sweep(engine, { mode: 'soon', options });
  if (options.jitterMs && !options.signal?.aborted)
    await sleep(engine.clock, options.jitterMs * engine.settings.random(), options).catch(() => {});
  if (sweep.isStopped()) return sweep.report.finish();
  // Any process of the host may bring home what another one has left behind.
  await sweep.failing(replay(engine));
  const streams = engine.links().map((link) => sweep.streamOf(link));
  // A store that is down must not keep the keys of the other one from being refreshed.
  await Promise.all(streams.map((stream) => sweep.failing(stream.common())));
  await sweep.missing(known);
  await Promise.all(streams.map((stream) => sweep.failing(stream.own())));
  return sweep.end();
}

/** `Tokens.refreshAll`: every stored or configured key of the filter, asked now, most urgent first. */
export async function refreshAll(
  engine: Engine,
  filter: KeyFilter = {},
  options: SweepOptions = {},
): Promise<RefreshReport> {
  const tasks = new Map<TokenKey, Task & { readonly endsAt: EpochMs }>();
  for (const { account } of engine.registry.all()) {
    for (const source of account.sources())
      if (matches(source, filter)) tasks.set(source.key, { ...taskOf(source), endsAt: 0 });
  }
  for (const link of engine.links()) {
    for await (const record of records(engine, link, filter)) {
      const source = record.token && engine.registry.sourceOf(record.key);
      if (source && matches(source, filter) && (filter.states?.includes(record.attempt.state) ?? true))
        tasks.set(source.key, { ...taskOf(source, record), endsAt: endOf(record) });
    }
  }
  const sweep = new Sweep(engine, { mode: 'ask', options, wants: (source) => matches(source, filter) });
  sweep.lanes.add([...tasks.values()].sort((a, b) => a.endsAt - b.endsAt));
  return sweep.end();
}

/** When it is too late: the end of a grant's refresh token, else of the token; what has none can wait. */
function endOf({ token }: TokenRecord): EpochMs {
  return token?.refreshTokenExpiresAt ?? token?.expiresAt ?? Number.MAX_SAFE_INTEGER;
}

/** What a sweep of a drained manager did. */
export function nothingDone(): RefreshReport {
  return new Report(undefined).finish();
}

/** One key as a result: never rejects for what a platform or a store answers. */
export async function refreshOne(engine: Engine, source: TokenSource, want: Want): Promise<RefreshResult> {
  try {
    return resultOf(source, (await (await engine.flights()).join(source, want)).outcome);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { ...resultOf(source, outcomeOf(error)), error };
  }
}

function resultOf({ account, kind, subject }: TokenSource, outcome: RefreshOutcome): RefreshResult {
  return { account, kind, ...(subject !== undefined && { subject }), outcome };
}

/** One sweep: the lanes its keys go through, and what became of them. */
class Sweep {
  readonly report: Report;
  readonly lanes: Lanes<Task>;
  readonly #engine: Engine;
  readonly #mode: 'soon' | 'ask';
  readonly #signal: AbortSignal | undefined;
  readonly #done = new Set<TokenKey>();
  readonly #failures: unknown[] = [];
  readonly #slots: Slots | undefined;
  readonly #wants: (source: TokenSource) => boolean;

  constructor(
    engine: Engine,
    {
      mode,
      options,
      wants = () => true,
    }: { mode: 'soon' | 'ask'; options: SweepOptions; wants?: (source: TokenSource) => boolean },
  ) {
    const { concurrencyPerAccount } = engine.settings;
    this.#engine = engine;
    this.#mode = mode;
    this.#signal = options.signal;
    this.#wants = wants;
    const { concurrency } = options;
    if (concurrency !== undefined && !(concurrency >= 1))
      throw configurationError(`"concurrency" must be a number of at least 1, got ${concurrency}`);
    this.#slots = concurrency === undefined ? undefined : new Slots(concurrency, () => this.lanes.work());
    this.report = new Report(options.onProgress);
    this.lanes = new Lanes({
      perAccount: concurrencyPerAccount,
      concurrency: concurrency && Math.floor(concurrency * KEYS_PER_REQUEST),
      isStopped: () => this.isStopped(),
      work: (task) => this.#work(task),
      onChange: () => this.#slots?.pump(),
      // As many as are asked for at a time have not been answered: the next ones would not be either, and are still due.
      ...(mode === 'soon' && { patience: concurrencyPerAccount }),
    });
  }

  isStopped(): boolean {
    return this.#signal?.aborted === true || !this.#engine.isOpen();
  }

  /** Waits for work whose failure ends nothing else; the first one is what the sweep fails with at its end. */
  async failing(work: Promise<unknown>): Promise<void> {
    await work.catch((error) => this.#failures.push(error));
  }

  /** The due keys of a store, on their way into the lanes. */
  streamOf(link: StoreLink): DueStream<Task> {
    return new DueStream(this.#engine, link, this.lanes, (keys) => {
      const tasks = keys.map((due) => this.#taskFor(link, due)).filter((task) => task !== undefined);
      this.lanes.add(this.#once(shuffled(tasks, this.#engine.settings.random)));
    });
  }

  /** Configured sources that the due index cannot name, because nothing is stored of them. */
  async missing(known: Set<TokenKey>): Promise<void> {
    const accounts = this.#engine.registry.all();
    const look = async () => {
      for (const registered of accounts) {
        if (this.isStopped()) return;
        this.lanes.add(this.#once(await this.#missingOf(registered, known)));
      }
    };
    await Promise.all(Array.from({ length: LOOKS }, look));
  }

  /** What was done, once it is. Rejects with what kept the sweep from seeing all it should have. */
  async end(): Promise<RefreshReport> {
    await this.lanes.idle();
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.report.finish();
  }

  async #missingOf(registered: Registered, known: Set<TokenKey>): Promise<Task[]> {
    const { memory, clock } = this.#engine;
    const tasks: Task[] = [];
    for (const source of registered.account.sources()) {
      if (this.#done.has(source.key) || source.issuance === 'pushed') continue;
      if (!isKept(this.#engine, registered, source)) continue;
      const copy = memory.copy(source);
      // A copy that is overdue although the index did not say so: the store may have been emptied.
      if (copy ? clock.now() < copy.soonAt : known.has(source.key)) continue;
      const seen = await memory.read(source).catch(() => undefined);
      if (!seen) continue;
      // What died between its claim and its first word left a record that no index names.
      if (isAbsent(seen) && seen.refreshAt === undefined) tasks.push(taskOf(source, seen));
      else known.add(source.key);
    }
    return tasks;
  }

  #taskFor(link: StoreLink, due: DueKey): Task | undefined {
    const { registry } = this.#engine;
    const source = registry.sourceOf(due.key);
    if (source) return taskOf(source, due.record);
    if (!registry.ownerOf(due.key)) return undefined;
    return { key: due.key, after: [], park: () => park(this.#engine, link, due, this.report) };
  }

  /** Before its task is over, so that the sweep does not end in between. */
  async #addCompanions(source: TokenSource): Promise<void> {
    if (this.isStopped()) return;
    const missing = await missingCompanions(this.#engine, source);
    const wanted = missing.filter((companion) => this.#wants(companion.source));
    this.lanes.add(this.#once(wanted.map((companion) => taskOf(companion.source, companion.seen))));
  }

  /** Read a while ago: this process may know of a later token by now, and what stands in the way of one may have gone. */
  #isOutdated(source: TokenSource, seen: TokenRecord): boolean {
    const copy = this.#engine.memory.copy(source);
    return (copy !== undefined && copy.generation > seen.generation) || seen.attempt.failure !== undefined;
  }

  #once(tasks: readonly Task[]): Task[] {
    return tasks.filter(({ key }) => !this.#done.has(key) && this.#done.add(key));
  }

  async #work({ source, seen, park }: Task): Promise<boolean> {
    const { clock, settings } = this.#engine;
    const slots = this.#slots;
    const startedAt = clock.monotonic();
    try {
      if (!source) {
        await park?.();
        return true;
      }
      const work = refreshOne(this.#engine, source, {
        mode: this.#mode,
        ...(seen && !this.#isOutdated(source, seen) && { seen }),
        ...(slots && { slot: () => slots.take(accountKeyIn(source.key)) }),
      });
      // The flight goes on without us, and the engine owns it.
      const result = (await inTime(this.#engine, work, settings.leaseTtlMs)) ?? resultOf(source, 'held');
      this.report.add(result);
      if (result.outcome === 'renewed') await this.#addCompanions(source);
      if (result.outcome !== 'reauthorize') warnOfEnd(this.#engine, source, seen);
      const slow = clock.monotonic() - startedAt >= Math.min(settings.requestTimeoutMs, settings.leaseTtlMs);
      return !(slow && (result.outcome === 'failed' || result.outcome === 'held'));
    } catch (error) {
      this.#failures.push(error);
      return true;
    }
  }
}

function taskOf(source: TokenSource, seen?: TokenRecord): Task {
  return { key: source.key, after: (source.dependsOn ?? []).map(({ key }) => key), source, ...(seen && { seen }) };
}

/** Nobody answers for the key: said once, and it leaves the index. */
async function park(engine: Engine, link: StoreLink, due: DueKey, report: Report): Promise<void> {
  if (!(await link.call('park', (store) => store.park(due, 'unknownSource')))) return;
  const { kind, subject } = parseTokenKey(due.key);
  const account = engine.registry.ownerOf(due.key)?.account.name ?? '';
  report.add({
    account,
    kind,
    ...(subject && { subject: subject.join('/') }),
    outcome: 'failed',
    error: configurationError(
      `account "${account}" knows no "${kind}": a stored key of that kind is left alone from now on`,
      { account },
    ),
  });
}

function warnOfEnd(engine: Engine, source: TokenSource, seen: TokenRecord | undefined): void {
  const end = seen?.token?.refreshTokenExpiresAt;
  if (source.keep !== 'grant' || end === undefined) return;
  const endsAt = engine.linkOf(source).toLocal(end);
  const copy = engine.memory.copy(source);
  if (copy && copy.generation !== seen?.generation) return;
  const livesMs = endsAt - engine.clock.now();
  if (livesMs > 0 && livesMs < DEFAULTS.grantEndingMs)
    engine.events.emit('grantEnding', { ...keyEvent(engine, source), endsAt });
}

function outcomeOf(error: TokenError): RefreshOutcome {
  if (error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') return 'reauthorize';
  if (error.code === 'ERR_TOKEN_WAITING') return 'waiting';
  return 'failed';
}

/** Shuffled piece by piece: what is most urgent stays ahead. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = items.map((item, i) => ({ item, at: Math.floor(i / SHUFFLED) + random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}
