import { TokenError, type TokenStore } from '@evertoken/core';
import type { StoreTraits } from '@evertoken/core/store';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { ClientConfig, Pool, PoolClient, PoolConfig } from 'pg';
import { loadDriver } from '../shared/driver.js';
import { schemaText } from '../shared/migrate.js';
import { type GivenKysely, plain, problemsOf, type SqlStoreOptions, urlProblems } from '../shared/options.js';
import { type SqlConnection, SqlStore } from '../shared/sql-store.js';
import { TABLE, type TokenKysely } from '../shared/table.js';
import { channelOf, postgresDialect } from './dialect.js';
import { Listener } from './listener.js';

/** Options of `postgresStore`. Exactly one of `url`, `pool` and `db` says where the database is. */
export interface PostgresStoreOptions extends SqlStoreOptions {
  /** `postgres://user:password@host:5432/database`. */
  readonly url?: string | undefined;
  /** Settings of the store's own pool, in the words of `pg`. Default: 10 connections, no call longer than 2 s. */
  readonly poolOptions?: Omit<PoolConfig, 'connectionString'>;
  /** A pool of `pg`. The store never ends it, and listens for changes on a connection of its own made with the same settings. */
  readonly pool?: Pool | undefined;
  /** A Kysely instance for PostgreSQL. The store never destroys it, and has no `watch`: who waits looks again now and then. */
  readonly db?: GivenKysely | undefined;
}

const NAME = 'postgresStore';
/** Limit of connecting and of a statement, ms: the manager waits no longer for a store. */
const LIMIT_MS = 2_000;

/**
 * Keeps records in a table of PostgreSQL, for any number of processes on any number of hosts. A claim, a renewal, a note and
 * a commit are one statement each, judged by the server's clock; who waits for another process is told by `NOTIFY`.
 */
export function postgresStore(options: PostgresStoreOptions = {}): TokenStore {
  return new PostgresStore(options);
}

/** The SQL that `open` would run, for those who run their own migrations: pass `migrate: false` then. */
export function postgresSchema({ table = TABLE }: { readonly table?: string } = {}): string {
  return schemaText(postgresDialect(''), table);
}

class PostgresStore extends SqlStore {
  declare readonly watch?: NonNullable<TokenStore['watch']>;
  readonly #listener: Listener | undefined;

  constructor(options: PostgresStoreOptions) {
    const { table = TABLE, migrate = true, clock } = options;
    const channel = channelOf(String(table));
    super({
      name: NAME,
      dialect: postgresDialect(channel),
      table,
      migrate,
      clock,
      problems: () => [
        ...problemsOf(options, {
          ways: ['url', 'pool', 'db'],
          others: ['poolOptions'],
          missing: '"url" must be a postgres: URL, it is missing (or pass "pool" or "db")',
        }),
        ...urlProblems(options.url, ['postgres:', 'postgresql:'], 'postgres://127.0.0.1:5432/tokens'),
      ],
      connect: () => connect(options),
    });
    if (options.db) return;
    const listener = new Listener(channel, () => listeningConfig(options));
    this.#listener = listener;
    this.watch = (heard) => listener.listen(heard);
  }

  override async close(): Promise<void> {
    await Promise.all([this.#listener?.close(), super.close()]);
  }
}

async function connect({ url, poolOptions, pool: given, db: instance }: PostgresStoreOptions): Promise<SqlConnection> {
  if (instance) {
    const db = plain(instance);
    return { db, traits: () => traitsOf(db), end: async () => {} };
  }
  const { default: pg } = await loadDriver(() => import('pg'), 'pg', NAME);
  const pool = given ?? new pg.Pool({ ...ownConfig(url as string), allowExitOnIdle: true, ...poolOptions });
  const unguard = guard(pool);
  const db: TokenKysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    traits: () => traitsOf(db),
    async end() {
      // Destroying the Kysely instance would end the pool.
      if (given) unguard();
      else await db.destroy();
    },
  };
}

/**
 * A connection that is lost is an `error` event, on the pool while nobody uses it and on the client itself otherwise, and one
 * that nobody listens to ends the process. The call it belonged to is rejected, and the next one opens another connection.
 */
function guard(pool: Pool): () => void {
  const ignore = () => {};
  const guarded = new Set<PoolClient>();
  const take = (client: PoolClient) => {
    if (guarded.has(client)) return;
    guarded.add(client);
    client.on('error', ignore);
    client.once('end', () => guarded.delete(client));
  };
  pool.on('error', ignore);
  pool.on('acquire', take);
  return () => {
    pool.off('error', ignore);
    pool.off('acquire', take);
    for (const client of guarded) client.off('error', ignore);
  };
}

function ownConfig(url: string): PoolConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
    statement_timeout: LIMIT_MS,
    keepAlive: true,
    application_name: 'evertoken',
  };
}

function listeningConfig({ url, poolOptions, pool }: PostgresStoreOptions): ClientConfig {
  if (!pool) return { ...ownConfig(url as string), ...poolOptions };
  const { options } = pool;
  // A pool hides its password from those who print its options, and so from a copy.
  return { ...options, ...(options.password !== undefined && { password: options.password }) };
}

async function traitsOf(db: TokenKysely): Promise<StoreTraits> {
  const { rows } = await sql<{ fsync: string; commit: string; full: string; replica: boolean; readonly: string }>`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
      current_setting('full_page_writes') as full, pg_is_in_recovery() as replica,
      current_setting('transaction_read_only') as readonly`.execute(db);
  const [said] = rows;
  if (said?.replica) {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"url" of ${NAME} leads to a replica, which takes no writes: use the primary`,
    );
  }
  if (said?.readonly === 'on') {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"url" of ${NAME} leads to a database whose default_transaction_read_only is on: switch it off for this user`,
    );
  }
  const scope = 'fleet';
  if (said?.fsync !== 'on') return { durable: false, scope, because: 'fsync is off' };
  if (said.full !== 'on') return { durable: 'relaxed', scope, because: 'full_page_writes is off' };
  if (said.commit === 'off') return { durable: 'relaxed', scope, because: 'synchronous_commit is off' };
  return { durable: 'synced', scope };
}
