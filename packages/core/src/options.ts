import type { Account, RefreshOptions } from './account.js';
import { type Clock, systemClock } from './clock.js';
import { DEFAULTS } from './defaults.js';
import { TokenError } from './errors.js';
import type { Journal } from './journal.js';
import { type Random, systemRandom } from './random.js';
import type { TokenStore } from './store/store.js';

/** Times and bounds of a manager; all have a default in `DEFAULTS`, with its reason. Milliseconds but for the last. */
export interface ManagerTimes {
  /** What clocks may differ before a token counts as expired. Default 60 s. */
  readonly skewMs?: number;
  /** Limit of every store call. Default 2 s. */
  readonly storeTimeoutMs?: number;
  /** An answer whose commit is not acknowledged by then is written to the journal and served. Default 500 ms. */
  readonly journalAfterMs?: number;
  /** A copy older than this is re-read behind the caller. Default 5 s. */
  readonly checkAfterMs?: number;
  /** A copy older than this is re-read before it is served. Default 30 s. */
  readonly maxUncheckedMs?: number;
  /** How long an unchanged value just handed out is trusted. Default 5 min. */
  readonly repeatGraceMs?: number;
  /** Length of a lease; longer than `requestTimeoutMs` and `settleMs` together. Default 30 s. */
  readonly leaseTtlMs?: number;
  /** When a request is given up, unless it is rotating. Default 10 s. */
  readonly requestTimeoutMs?: number;
  /** How long a platform may go on working on a request that was given up. Default 10 s. */
  readonly settleMs?: number;
  /** How long a rotating request is waited for. Default 10 min. */
  readonly rotatingTimeoutMs?: number;
  /** How long `close` waits. Default 10 s. */
  readonly closeTimeoutMs?: number;
  /** A token refused within this of its issue counts as fresh. Default 10 min. */
  readonly rejectMemoryMs?: number;
  /** Platform requests of one account at a time. Default 10. */
  readonly concurrencyPerAccount?: number;
}

/** Options of `TokenManager`. */
export interface TokenManagerOptions extends ManagerTimes {
  /** The accounts whose tokens are kept. Default none; `add` takes more. */
  readonly accounts?: Iterable<Account>;
  /** Keeps tokens; shared by all processes that use the accounts. Default: the memory of this process. */
  readonly store?: TokenStore;
  /** Keeps grants. Default: `store`. */
  readonly grantStore?: TokenStore;
  /** Keeps answers that the grant store has not acknowledged, so that a crash in that moment loses none. Default: none. */
  readonly journal?: Journal;
  /** How tokens are kept fresh, unless an account says otherwise. */
  readonly refresh?: RefreshOptions;
  /** What this process is called in leases and lineages. Default: a random name. */
  readonly name?: string;
  /** Confirms that no other process uses these accounts: needed for superseding tokens on a store of process scope. Default false. */
  readonly singleInstance?: boolean;
  /** Allows grants on a store that forgets them: for tests. Default false. */
  readonly allowVolatileGrants?: boolean;
  /** Where time and timers come from. Default: the system's. */
  readonly clock?: Clock;
  /** Where jitter comes from. Default: the system's. */
  readonly random?: Random;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
}

/** Options, read once, with every default filled in. */
export interface Settings extends Required<ManagerTimes> {
  readonly store: TokenStore | undefined;
  readonly grantStore: TokenStore | undefined;
  readonly journal: Journal | undefined;
  readonly refresh: RefreshOptions;
  readonly name: string;
  readonly singleInstance: boolean;
  readonly allowVolatileGrants: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: typeof fetch;
}

const TIMES = [
  'skewMs',
  'storeTimeoutMs',
  'journalAfterMs',
  'checkAfterMs',
  'maxUncheckedMs',
  'repeatGraceMs',
  'leaseTtlMs',
  'requestTimeoutMs',
  'settleMs',
  'rotatingTimeoutMs',
  'closeTimeoutMs',
  'rejectMemoryMs',
  'concurrencyPerAccount',
] as const;

const OTHERS = [
  'accounts',
  'store',
  'grantStore',
  'journal',
  'refresh',
  'name',
  'singleInstance',
  'allowVolatileGrants',
  'clock',
  'random',
  'fetch',
] as const;

const STORE_METHODS = [
  'open',
  'read',
  'claim',
  'renew',
  'commit',
  'note',
  'due',
  'list',
  'remove',
  'park',
  'close',
] as const;

/** The names of all options of `TokenManager`: for wrappers that take them and more. */
export const MANAGER_OPTIONS: readonly string[] = Object.freeze([...OTHERS, ...TIMES]);

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function readOptions(options: TokenManagerOptions): Settings {
  const given = object('options', options);
  unknownOptions(given, MANAGER_OPTIONS, 'TokenManager');
  const times = Object.fromEntries(TIMES.map((name) => [name, positive(name, given[name] ?? DEFAULTS[name])]));
  const settings: Settings = {
    ...(times as unknown as Required<ManagerTimes>),
    store: store('store', options.store),
    grantStore: store('grantStore', options.grantStore),
    journal: journal(options.journal),
    refresh: readRefresh('refresh', options.refresh),
    name:
      options.name === undefined ? `p${process.pid}-${crypto.randomUUID().slice(0, 8)}` : text('name', options.name),
    singleInstance: flag('singleInstance', options.singleInstance),
    allowVolatileGrants: flag('allowVolatileGrants', options.allowVolatileGrants),
    clock: clock(options.clock ?? systemClock),
    random: callable('random', options.random ?? systemRandom),
    fetch: callable('fetch', options.fetch ?? globalThis.fetch),
  };
  if (settings.leaseTtlMs < settings.requestTimeoutMs + settings.settleMs) {
    fail(
      'leaseTtlMs',
      `at least "requestTimeoutMs" + "settleMs" (${settings.requestTimeoutMs + settings.settleMs})`,
      settings.leaseTtlMs,
    );
  }
  if (settings.checkAfterMs > settings.maxUncheckedMs)
    fail('checkAfterMs', `at most "maxUncheckedMs" (${settings.maxUncheckedMs})`, settings.checkAfterMs);
  return settings;
}

/** Checks refresh options, of the manager or of an account. */
export function readRefresh(path: string, options: RefreshOptions = {}): RefreshOptions {
  const given = object(path, options);
  unknownOptions(given, ['refreshBeforeExpiryMs', 'retryIntervalMs', 'kinds'], path, `${path}.`);
  for (const name of ['refreshBeforeExpiryMs', 'retryIntervalMs'] as const) {
    if (given[name] !== undefined) positive(`${path}.${name}`, given[name]);
  }
  const { kinds } = given;
  if (kinds !== undefined && !(Array.isArray(kinds) && kinds.every((kind) => typeof kind === 'string'))) {
    fail(`${path}.kinds`, 'a list of kinds', kinds);
  }
  return Object.freeze({ ...options, ...(options.kinds && { kinds: Object.freeze([...options.kinds]) }) });
}

/** The error of a wrong option: names it and says what was expected; shows only what cannot be a secret. */
export function configurationError(message: string, details: { readonly account?: string } = {}): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', message, details);
}

function fail(path: string, expected: string, got: unknown): never {
  const shown = typeof got === 'number' || typeof got === 'boolean' ? String(got) : got === null ? 'null' : typeof got;
  throw configurationError(`"${path}" must be ${expected}, got ${shown}`);
}

function unknownOptions(
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
  owner: string,
  prefix = '',
): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw configurationError(
      `"${prefix}${name}" is no option of ${owner}; expected ${known.map((o) => `"${o}"`).join(', ')}`,
    );
  }
}

function object(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'an object', value);
  return value as Readonly<Record<string, unknown>>;
}

function positive(path: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) fail(path, 'a positive number', value);
  return value as number;
}

function flag(path: string, value: unknown = false): boolean {
  if (typeof value !== 'boolean') fail(path, 'true or false', value);
  return value as boolean;
}

function text(path: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') fail(path, 'a non-empty string', value);
  return value as string;
}

function callable<T>(path: string, value: T): T {
  if (typeof value !== 'function') fail(path, 'a function', value);
  return value;
}

function clock(value: Clock): Clock {
  const given = object('clock', value);
  for (const method of ['now', 'monotonic', 'after']) callable(`clock.${method}`, given[method]);
  return value;
}

function journal(value: Journal | undefined): Journal | undefined {
  if (value === undefined) return undefined;
  const given = object('journal', value);
  for (const method of ['open', 'append', 'entries', 'remove', 'close']) {
    if (typeof given[method] !== 'function')
      fail('journal', `a Journal, such as fileJournal({ directory }); its "${method}" is missing`, value);
  }
  refuseProblems(value);
  return value;
}

function store(path: string, value: TokenStore | undefined): TokenStore | undefined {
  if (value === undefined) return undefined;
  const given = object(path, value);
  for (const method of STORE_METHODS) {
    if (typeof given[method] !== 'function')
      fail(path, `a TokenStore, such as fileStore({ directory }); its "${method}" is missing`, value);
  }
  refuseProblems(value);
  return value;
}

/**
 * Refuses a store or journal whose own options are wrong: building one throws for nothing, using it does.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function refuseProblems(of: { readonly name: string; problems?(): readonly string[] }): void {
  const problems = of.problems?.() ?? [];
  if (problems.length > 0) throw configurationError(`${problems.join('; ')} (${of.name})`);
}
