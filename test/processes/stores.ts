import { join } from 'node:path';
import type { TokenStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { sqliteStore } from '@evertoken/store-sql/sqlite';
import { type ServerKind, sharedDatabase } from '@evertoken/test-servers';

/** A store that several processes can share, as its name and the options each of them passes. */
export interface SharedStore {
  readonly store: 'fileStore' | 'sqliteStore' | 'postgresStore' | 'mysqlStore' | 'redisStore';
  /** The server it needs. */
  readonly server?: ServerKind;
  /** Options of a new, empty store; `directory` is the test's own. */
  options(directory: string): Promise<object>;
}

const url = (kind: ServerKind) => async () => ({ url: await sharedDatabase(kind) });

/** Every store of scope `host` or wider. */
export const SHARED_STORES: readonly SharedStore[] = [
  { store: 'fileStore', options: async (directory) => ({ directory: join(directory, 'tokens') }) },
  { store: 'sqliteStore', options: async (directory) => ({ filename: join(directory, 'tokens.db') }) },
  { store: 'postgresStore', server: 'postgres', options: url('postgres') },
  { store: 'mysqlStore', server: 'mariadb', options: url('mariadb') },
  { store: 'redisStore', server: 'redis', options: url('redis') },
];

const CREATE = { fileStore, sqliteStore, postgresStore, mysqlStore, redisStore };

/** One more connection to it, in this process. */
export function connect({ store }: SharedStore, options: object): TokenStore {
  return (CREATE[store] as (options: object) => TokenStore)(options);
}
