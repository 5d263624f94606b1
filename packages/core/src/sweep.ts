import { sleep } from './clock.js';
import { DEFAULTS } from './defaults.js';
import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { parseTokenKey, type TokenKey } from './key.js';
import { configurationError } from './options.js';
import type { Registered } from './registry.js';
import type { TokenSource } from './source.js';
import { replay } from './spool.js';
import { isAbsent, type TokenRecord } from './store/record.js';
import type { DueKey } from './store/store.js';
import type { StoreLink } from './store-link.js';
import type { KeyFilter, RefreshOutcome, RefreshReport, RefreshResult, SweepOptions } from './tokens.js';
import type { Want } from './want.js';

/** Due keys asked for at a time. */
const PAGE = 100;

/** A key to be refreshed, with what is known of it. */
interface Task {
  readonly source: TokenSource;
  readonly seen?: TokenRecord;
}

/** `TokenManager.refreshDue`: due keys of configured accounts, most urgent first, parents before children, and configured sources without a record. */
export async function refreshDue(
  engine: Engine,
  known: Set<TokenKey>,
  options: SweepOptions = {},
): Promise<RefreshReport> {
  const report = new Report(options.onProgress);
  if (options.jitterMs && !options.signal?.aborted)
    await sleep(engine.clock, options.jitterMs * engine.settings.random(), options).catch(() => {});
  if (options.signal?.aborted || !engine.isOpen()) return report.finish();
  const done = new Set<TokenKey>();
  const once = (tasks: Task[]) => tasks.filter(({ source }) => !done.has(source.key) && done.add(source.key));
  const failures: unknown[] = [];
  // Any process of the host may bring home what another one has left behind.
  await replay(engine).catch((error) => failures.push(error));
  for (const link of engine.links()) {
    try {
      for await (const keys of duePages(engine, link)) {
        if (options.signal?.aborted) return report.finish();
        const tasks = await tasksOf(engine, link, keys, report);
        await run(engine, once(shuffled(tasks, engine.settings.random)), { mode: 'soon', report, options });
      }
    } catch (error) {
      // A store that is down must not keep the keys of the other one from being refreshed.
      failures.push(error);
    }
  }
  await run(engine, once(await missing(engine, { known, done })), { mode: 'soon', report, options });
  if (failures.length > 0) throw failures[0];
  return report.finish();
}

/** `Tokens.refreshAll`: every stored or configured key of the filter, asked now. */
export async function refreshAll(
  engine: Engine,
  filter: KeyFilter = {},
  options: SweepOptions = {},
): Promise<RefreshReport> {
  const report = new Report(options.onProgress);
  const sources = new Map<TokenKey, TokenSource>();
  for (const { account } of engine.registry.all()) {
    for (const source of account.sources()) if (matches(source, filter)) sources.set(source.key, source);
  }
  for (const link of engine.links()) {
    for await (const record of records(engine, link)) {
      const source = record.token && engine.registry.sourceOf(record.key);
      if (source && matches(source, filter) && (filter.states?.includes(record.attempt.state) ?? true))
        sources.set(source.key, source);
    }
  }
  await run(
    engine,
    [...sources.values()].map((source) => ({ source })),
    { mode: 'ask', report, options },
  );
  return report.finish();
}

/** What a sweep of a drained manager did. */
export function nothingDone(): RefreshReport {
  return new Report(undefined).finish();
}

/** One key as a result: never rejects for what a platform or a store answers. */
export async function refreshOne(engine: Engine, source: TokenSource, want: Want): Promise<RefreshResult> {
  const ids = {
    account: source.account,
    kind: source.kind,
    ...(source.subject !== undefined && { subject: source.subject }),
  };
  try {
    return { ...ids, outcome: (await (await engine.flights()).join(source, want)).outcome };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { ...ids, outcome: outcomeOf(error), error };
  }
}

/** All records of configured accounts, page by page. */
export async function* records(engine: Engine, link: StoreLink): AsyncGenerator<TokenRecord> {
  const accounts = engine.registry.accountKeys();
  for (let cursor: string | undefined; ; ) {
    const page = await link.timed('list', (store) =>
      store.list({ accounts }, { limit: PAGE, ...(cursor !== undefined && { cursor }) }),
    );
    yield* page.records;
    cursor = page.cursor;
    if (cursor === undefined) return;
  }
}

/** Whether a source is meant by a filter, its state apart. */
export function matches(
  source: Pick<TokenSource, 'account' | 'kind' | 'subject'>,
  { accounts, kinds, subjects }: KeyFilter,
): boolean {
  return (
    (accounts?.includes(source.account) ?? true) &&
    (kinds?.includes(source.kind) ?? true) &&
    (subjects === undefined || (source.subject !== undefined && subjects.includes(source.subject)))
  );
}

async function* duePages(engine: Engine, link: StoreLink): AsyncGenerator<readonly DueKey[]> {
  const accounts = engine.registry.accountKeys();
  if (accounts.length === 0) return;
  for (let cursor: string | undefined; ; ) {
    const page = await link.timed('due', (store) =>
      store.due({ limit: PAGE, accounts, ...(cursor !== undefined && { cursor }) }),
    );
    if (page.keys.length > 0) yield page.keys;
    cursor = page.cursor;
    if (cursor === undefined) return;
  }
}

/** Configured sources that the due index cannot name, because nothing is stored of them. */
async function missing(
  engine: Engine,
  { known, done }: { known: Set<TokenKey>; done: ReadonlySet<TokenKey> },
): Promise<Task[]> {
  const tasks: Task[] = [];
  const now = engine.clock.now();
  for (const registered of engine.registry.all()) {
    for (const source of registered.account.sources()) {
      if (done.has(source.key) || source.issuance === 'pushed' || !isKept(engine, registered, source)) continue;
      const copy = engine.memory.copy(source);
      // A copy that is overdue although the index did not say so: the store may have been emptied.
      if (copy ? now < copy.soonAt : known.has(source.key)) continue;
      const seen = await engine.memory.read(source).catch(() => undefined);
      if (!seen) continue;
      // What died between its claim and its first word left a record that no index names.
      if (isAbsent(seen) && seen.refreshAt === undefined) tasks.push({ source, seen });
      else known.add(source.key);
    }
  }
  return tasks;
}

function isKept(engine: Engine, { refresh }: Registered, source: TokenSource): boolean {
  return (refresh.kinds ?? engine.settings.refresh.kinds)?.includes(source.kind) ?? true;
}

async function tasksOf(engine: Engine, link: StoreLink, keys: readonly DueKey[], report: Report): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const due of keys) {
    const source = engine.registry.sourceOf(due.key);
    if (source) tasks.push({ source, ...(due.record && { seen: due.record }) });
    else if (engine.registry.ownerOf(due.key)) await park(engine, link, due, report);
  }
  return tasks;
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

async function run(
  engine: Engine,
  tasks: readonly Task[],
  { mode, report, options }: { mode: 'soon' | 'ask'; report: Report; options: SweepOptions },
): Promise<void> {
  const accounts = Math.max(1, engine.registry.accountKeys().length);
  const workers = options.concurrency ?? engine.settings.concurrencyPerAccount * accounts;
  for (const level of byDepth(tasks)) {
    let next = 0;
    const work = async () => {
      for (let task = level[next++]; task && !options.signal?.aborted; task = level[next++]) {
        const result = await refreshOne(engine, task.source, { mode, ...(task.seen && { seen: task.seen }) });
        report.add(result);
        if (result.outcome !== 'reauthorize') warnOfEnd(engine, task);
      }
    };
    await Promise.all(Array.from({ length: Math.min(workers, level.length) }, work));
  }
}

/** Parents before their children, so that a child finds its parent's new token. */
function byDepth(tasks: readonly Task[]): Task[][] {
  const levels: Task[][] = [];
  for (const task of tasks) {
    const depth = depthOf(task.source);
    levels[depth] ??= [];
    levels[depth].push(task);
  }
  return levels.filter((level) => level !== undefined);
}

function depthOf({ dependsOn = [] }: TokenSource): number {
  return dependsOn.length === 0 ? 0 : 1 + Math.max(...dependsOn.map(depthOf));
}

function warnOfEnd(engine: Engine, { source, seen }: Task): void {
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

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = items.map((item) => ({ item, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/** Results as they come. */
class Report {
  readonly #results: RefreshResult[] = [];
  readonly #onProgress: ((result: RefreshResult) => void) | undefined;

  constructor(onProgress: ((result: RefreshResult) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  add(result: RefreshResult): void {
    this.#results.push(result);
    this.#onProgress?.(result);
  }

  finish(): RefreshReport {
    const counts: Record<RefreshOutcome, number> = {
      renewed: 0,
      unchanged: 0,
      notYetRenewable: 0,
      held: 0,
      resting: 0,
      waiting: 0,
      reauthorize: 0,
      failed: 0,
    };
    for (const { outcome } of this.#results) counts[outcome]++;
    return { results: this.#results, counts };
  }
}
