import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encrypted, type StoreTraits, type TokenStore } from '@evertoken/core';
import { ROW_COLUMNS, type Row, rowOf, type TokenRecord } from '@evertoken/core/store';
import type { ManualClock, OptionalOperation } from '@evertoken/core/testing';
import { Wire } from '@evertoken/test-servers';
import { mysqlStore } from '../src/mysql/index.js';
import { postgresStore } from '../src/postgres/index.js';
import { sqliteStore } from '../src/sqlite/index.js';

/** What the contract suite needs of a kind of store; a wrapper around the stores passes on what it does not change. */
export interface StoreKit {
  /** What `open` says. */
  readonly traits: StoreTraits;
  readonly lacks?: readonly OptionalOperation[];
  /** A new, empty store. */
  create(clock: ManualClock | undefined): Promise<TokenStore>;
  /** Another connection to the same data. */
  reconnect(store: TokenStore, clock: ManualClock | undefined): Promise<TokenStore>;
  /** Writes a record as another version would. */
  plant(store: TokenStore, record: TokenRecord): Promise<void>;
  /** Writes many records into an empty store. */
  fill(store: TokenStore, records: readonly TokenRecord[]): Promise<void>;
  /** Cuts this store's connections; absent for a file. */
  sever?(store: TokenStore): Promise<void>;
  /** Ends what the kit itself opened. */
  end(): Promise<void>;
}

/** Runs one statement past the stores, with `?` for each value. */
type Run = (text: string, values: readonly unknown[]) => Promise<unknown>;

const COLUMNS = ['key', ...ROW_COLUMNS] as const;
/** Rows put in with one statement: no driver takes more than some ten thousand values at once. */
const CHUNK = 500;

/** Puts records into a table with the fewest statements. */
async function insertAll(run: Run, table: string, quote: string, records: readonly TokenRecord[]): Promise<void> {
  const names = COLUMNS.map((column) => quote + column + quote).join(', ');
  for (let at = 0; at < records.length; at += CHUNK) {
    const rows: Row[] = records.slice(at, at + CHUNK).map((record) => ({ ...rowOf(record), revision: 1 }));
    const tuples = rows.map(() => `(${COLUMNS.map(() => '?').join(', ')})`).join(', ');
    await run(
      `insert into ${table} (${names}) values ${tuples}`,
      rows.flatMap((row) => COLUMNS.map((column) => row[column])),
    );
  }
}

/** Stores in one PostgreSQL database, each in a table of its own. */
export async function postgresKit(url: string): Promise<StoreKit> {
  const { default: pg } = await import('pg');
  const admin = new pg.Pool({ connectionString: url, max: 2, allowExitOnIdle: true });
  const numbered: Run = (text, values) => {
    let n = 0;
    return admin.query(
      text.replace(/\?/g, () => `$${++n}`),
      [...values],
    );
  };
  return serverKit(url, (options) => postgresStore(options), { run: numbered, quote: '"', end: () => admin.end() });
}

/** Stores in one MySQL or MariaDB database, each in a table of its own. */
export async function mysqlKit(url: string): Promise<StoreKit> {
  const { createPool } = await import('mysql2/promise');
  const admin = createPool({ uri: url, connectionLimit: 2 });
  return serverKit(url, (options) => mysqlStore(options), {
    run: (text, values) => admin.query(text, [...values]),
    quote: '`',
    end: () => admin.end(),
    lacks: ['watch'],
  });
}

function serverKit(
  url: string,
  create: (options: { url: string; table: string; clock: ManualClock | undefined }) => TokenStore,
  {
    run,
    quote,
    end,
    lacks = [],
  }: { run: Run; quote: string; end: () => Promise<void>; lacks?: readonly OptionalOperation[] },
): StoreKit {
  const places = new WeakMap<TokenStore, { table: string; wire: Wire }>();
  const placeOf = (store: TokenStore) => places.get(store) as { table: string; wire: Wire };
  const make = async (table: string, clock: ManualClock | undefined) => {
    const wire = await Wire.before(url);
    const store = create({ url: wire.url, table, clock });
    places.set(store, { table, wire });
    return store;
  };
  const fill = (store: TokenStore, records: readonly TokenRecord[]) =>
    insertAll(run, placeOf(store).table, quote, records);
  return {
    traits: { durable: 'synced', scope: 'fleet' },
    lacks,
    create: (clock) => make(`t_${randomUUID().replaceAll('-', '')}`, clock),
    reconnect: (store, clock) => make(placeOf(store).table, clock),
    plant: (store, record) => fill(store, [record]),
    fill,
    sever: async (store) => placeOf(store).wire.sever(),
    end,
  };
}

/** Stores in SQLite files, each in one of its own. */
export async function sqliteKit(): Promise<StoreKit> {
  const { openSqlite } = await import('../src/sqlite/driver.js');
  const root = await mkdtemp(join(tmpdir(), 'evertoken-sqlite-'));
  const files = new WeakMap<TokenStore, string>();
  const make = (filename: string, clock: ManualClock | undefined) => {
    const store = sqliteStore({ filename, clock });
    files.set(store, filename);
    return store;
  };
  const fill = async (store: TokenStore, records: readonly TokenRecord[]) => {
    const database = await openSqlite(files.get(store) as string);
    const run: Run = async (text, values) => database.prepare(text).run(values);
    try {
      await insertAll(run, 'evertoken_tokens', '"', records);
    } finally {
      database.close();
    }
  };
  return {
    traits: { durable: 'synced', scope: 'host' },
    lacks: ['watch'],
    create: async (clock) => make(join(root, `${randomUUID()}.db`), clock),
    reconnect: async (store, clock) => make(files.get(store) as string, clock),
    plant: (store, record) => fill(store, [record]),
    fill,
    end: () => rm(root, { recursive: true, force: true }),
  };
}

/** The same stores, encrypted; what is planted is planted in clear, as before there was encryption. */
export function encryptedKit(kit: StoreKit): StoreKit {
  const inner = new WeakMap<TokenStore, TokenStore>();
  const innerOf = (store: TokenStore) => inner.get(store) as TokenStore;
  const sealed = (store: TokenStore) => {
    const outer = encrypted(store, { keys: { test: Buffer.alloc(32, 'sql').toString('base64') }, activeKeyId: 'test' });
    inner.set(outer, store);
    return outer;
  };
  const { sever } = kit;
  return {
    ...kit,
    lacks: [...(kit.lacks ?? []), 'reseal'],
    create: async (clock) => sealed(await kit.create(clock)),
    reconnect: async (store, clock) => sealed(await kit.reconnect(innerOf(store), clock)),
    plant: (store, record) => kit.plant(innerOf(store), record),
    fill: (store, records) => kit.fill(innerOf(store), records),
    ...(sever && { sever: (store) => sever(innerOf(store)) }),
  };
}
