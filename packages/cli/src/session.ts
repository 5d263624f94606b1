import {
  type Account,
  type CloseReport,
  DEFAULTS,
  type EpochMs,
  type Keep,
  systemClock,
  type TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';
import { type Config, loadConfig } from './config.js';
import type { Interruption } from './interruption.js';
import type { ProgramIO } from './program-io.js';
import { isTokenError } from './project-core.js';
import { scopeProblem, storeProblem } from './shared-stores.js';
import { watched } from './store-watch.js';
import { UsageError } from './usage-error.js';

/** So many pairs may be on their way from the platform to the disk for each request: the platform must not wait for the disk. */
const KEYS_PER_REQUEST = 1.5;

/** What every command works with. */
export interface CommandContext {
  readonly io: ProgramIO;
  readonly interruption: Interruption;
  /** `--config`. */
  readonly configFile: string | undefined;
}

/** How a session is opened. */
export interface SessionOptions {
  /** Platform requests at a time. Default: the configuration's `concurrencyPerAccount`, else the manager's. */
  readonly concurrency?: number | undefined;
  /** Told of records as they are listed. */
  readonly onRecords?: (records: readonly TokenRecord[]) => void;
}

/** A manager on the application's stores, for one command. */
export interface Session {
  readonly manager: TokenManager;
  readonly accounts: readonly Account[];
  /** Platform requests at a time: as asked for, else as configured, else the manager's default. */
  readonly concurrency: number;
  /** The manager's time, Unix ms. */
  now(): EpochMs;
  /** Milliseconds since the configuration was loaded. */
  elapsedMs(): number;
  /** Finishes what is under way; names what is still unanswered then. */
  close(): Promise<CloseReport['unanswered']>;
}

/**
 * Loads the configuration, makes its manager, and closes it after the work. Nothing is opened before the first call.
 *
 * Rejects with `UsageError` where the configuration is wrong, and with what the work rejects with.
 */
export async function withSession<Result>(
  { io, configFile }: CommandContext,
  options: SessionOptions,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const config = await loadConfig(io.cwd(), configFile);
  let session: Session | undefined;
  try {
    session = open(config, options);
    const result = await work(session);
    await session.close();
    return result;
  } catch (error) {
    // What went wrong first is what is told.
    await session?.close().catch(() => {});
    if (isTokenError(error) && error.code === 'ERR_TOKEN_CONFIGURATION')
      throw new UsageError(`${config.file}: ${error.message}`);
    throw error;
  }
}

function open({ options, core }: Config, { concurrency, onRecords }: SessionOptions): Session {
  const { clock = systemClock } = options;
  const requests = concurrency ?? options.concurrencyPerAccount ?? DEFAULTS.concurrencyPerAccount;
  // What was configured bounds what one kill can cost; who asks for more on the command line means it.
  const concurrencyPerAccount = concurrency === undefined ? options.concurrencyPerAccount : undefined;
  const startedAt = performance.now();
  let accounts: readonly Account[] = [];
  const refuse = (problem: string | undefined) => {
    if (problem !== undefined) throw new core.TokenError('ERR_TOKEN_CONFIGURATION', problem);
  };
  const watch = (store: TokenStore, keeps: readonly Keep[]) =>
    watched(store, {
      onOpen: (traits) => refuse(scopeProblem(traits, { name: store.name, accounts, keeps })),
      onList: ({ records }) => onRecords?.(records),
    });
  const manager = new core.TokenManager({
    ...options,
    ...watchedStores(options, watch),
    concurrencyPerAccount: concurrencyPerAccount ?? Math.floor(requests * KEYS_PER_REQUEST),
    // Two processes of one name could not be told apart in leases and lineages.
    name: `evertoken-${process.pid}-${crypto.randomUUID().slice(0, 8)}`,
    // The application may say so of itself; what that means for a second process is looked at here.
    singleInstance: true,
  });
  accounts = manager.accounts();
  refuse(storeProblem(options, accounts));
  return {
    manager,
    accounts,
    concurrency: requests,
    now: () => clock.now(),
    elapsedMs: () => performance.now() - startedAt,
    close: async () => (await manager.close()).unanswered,
  };
}

/** One store for both stays one: the manager opens and lists it once. */
function watchedStores(
  { store, grantStore }: TokenManagerOptions,
  watch: (store: TokenStore, keeps: readonly Keep[]) => TokenStore,
): Pick<TokenManagerOptions, 'store' | 'grantStore'> {
  const shared = isObject(store) && (grantStore === undefined || grantStore === store);
  if (shared) {
    const both = watch(store, ['grant', 'obtainable']);
    return { store: both, grantStore: both };
  }
  return {
    ...(isObject(store) && { store: watch(store, ['obtainable']) }),
    ...(isObject(grantStore) && { grantStore: watch(grantStore, ['grant']) }),
  };
}

/** What is no store is left for the manager to refuse. */
function isObject(store: TokenStore | undefined): store is TokenStore {
  return typeof store === 'object' && store !== null;
}
