/** Which servers there are. */
export type ServerKind = 'redis' | 'postgres' | 'mariadb';

/** How a private server is started. */
export interface StartOptions {
  /** Further settings, in the server's own words: `{ appendfsync: 'everysec' }`, `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A server of the tests' own, on a free port of 127.0.0.1, in a temporary folder. */
export interface PrivateServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly pid: number;
  /** `redis://…`, `postgres://…` or `mysql://…`, of an empty database. */
  readonly url: string;
  /** SIGKILL: the machine's power is gone for it. The folder stays. */
  kill(): Promise<void>;
  /** An orderly end. The folder stays. */
  shutdown(): Promise<void>;
  /** SIGSTOP and SIGCONT: the server is there and answers nothing. */
  pause(): void;
  resume(): void;
  /** After `kill` or `shutdown`: the same data on the same port. Resolves once it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a private server; rejects with what to install where the machine lacks it. */
export function startServer(kind: ServerKind, options?: StartOptions): Promise<PrivateServer>;

/** A Redis cluster of three masters. */
export function startRedisCluster(): Promise<{ readonly urls: readonly string[]; stop(): Promise<void> }>;

/**
 * The URL of a new, empty database (a Redis database number, a PostgreSQL or MariaDB database) on the one server of its kind
 * that a test run shares; the server is started with its first use and stopped when the run ends. `EVERTOKEN_TEST_REDIS_URL`,
 * `EVERTOKEN_TEST_POSTGRES_URL`, `EVERTOKEN_TEST_MARIADB_URL` point to servers that exist. `mysql` is by URL only:
 * `undefined` without `EVERTOKEN_TEST_MYSQL_URL`.
 */
export function sharedDatabase(kind: ServerKind): Promise<string>;
export function sharedDatabase(kind: 'mysql'): Promise<string | undefined>;

/** Path of a Node that has `node:sqlite` without a flag: this one, or the one npm brings; `undefined` where there is none. */
export function nodeWithSqlite(): string | undefined;

/**
 * Why tests of this kind of server cannot run on this machine: one line that says what to install, for a test file to skip with
 * (`describe.skipIf(whyMissing('redis'))`); `undefined` if they can. Throws it under `CI=true`, where nothing may be skipped;
 * only `mysql`, which is by URL, is never demanded. `need`: a `database` (the default; a server given by URL will do) or a `server` of
 * the tests' own.
 */
export function whyMissing(kind: ServerKind | 'mysql', need?: 'database' | 'server'): string | undefined;

/**
 * For the test runner's set-up: from now on processes that this one starts share servers. `stop` ends all of them. Without it,
 * each process shares servers with itself only.
 */
export function startBroker(): Promise<{ stop(): Promise<void> }>;

/** A wire between a client and its server that can be cut, and that counts. */
export class Wire {
  /** Starts one before the server of a URL; it does not keep the process alive. */
  static before(serverUrl: string): Promise<Wire>;
  /** The server's URL, by way of the wire. */
  readonly url: string;
  /** How often the client sent something after the server had had its say: round trips. */
  turns: number;
  /** Connections ever made. */
  readonly accepted: number;
  /** Connections there are. */
  readonly connections: number;
  /** The server's answers are lost. */
  mute: boolean;
  /** What the client sent. */
  sent: string;
  /** Cuts all connections, as a failing network would. */
  sever(): void;
  /** Cuts all connections and takes no more. */
  close(): void;
}
