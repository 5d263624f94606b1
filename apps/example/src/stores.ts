import { join } from 'node:path';
import { type Clock, encrypted, fingerprint, type Journal, systemClock, type TokenStore } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import type { Settings } from './settings.js';

/** Where tokens are kept: options of `TokenModule`. */
export interface Stores {
  /** For all tokens. Left out: what can be asked for again is in the application's cache-manager. */
  readonly store?: TokenStore;
  /** For what costs a person a sign-in, where it is not kept with the rest. */
  readonly grantStore?: TokenStore;
  /** What a store does not take at once is written here first: no crash in between costs a sign-in. */
  readonly journal: Journal;
  /** Without a store that processes share there is one process, and no other that could end its tokens. */
  readonly singleInstance?: boolean;
}

/** What `storesOf` looks at; `dataDirectory` is the one of the mode the example runs in. */
export type StoreSettings = Pick<Settings, 'storeUrl' | 'tokenKeys' | 'dataDirectory'>;

/**
 * The stores that `STORE_URL` asks for. A database judges leases by its own clock, which all hosts share; only in sandbox mode
 * it has to follow the sandbox's.
 */
export async function storesOf({ storeUrl, tokenKeys, dataDirectory }: StoreSettings, clock: Clock): Promise<Stores> {
  const sealing = sealingOf(tokenKeys);
  const sealed = (store: TokenStore) => (sealing ? encrypted(store, sealing) : store);
  const journal = fileJournal({ directory: join(dataDirectory, 'journal'), ...sealing });
  if (storeUrl === undefined) {
    const grantStore = sealed(fileStore({ directory: join(dataDirectory, 'tokens'), clock }));
    return { grantStore, journal, singleInstance: true };
  }
  return { store: sealed(await databaseOf(storeUrl, clock === systemClock ? undefined : clock)), journal };
}

/** Each driver is loaded where it is chosen, and nowhere else. */
async function databaseOf(url: string, clock: Clock | undefined): Promise<TokenStore> {
  switch (url.slice(0, url.indexOf(':'))) {
    case 'file':
      return fileStore({ directory: pathOf(url), ...(clock && { clock }) });
    case 'sqlite': {
      const { sqliteStore } = await import('@evertoken/store-sql/sqlite');
      return sqliteStore({ filename: pathOf(url), clock });
    }
    case 'postgres':
    case 'postgresql': {
      const { postgresStore } = await import('@evertoken/store-sql/postgres');
      return postgresStore({ url, clock });
    }
    case 'mysql':
    case 'mariadb': {
      const { mysqlStore } = await import('@evertoken/store-sql/mysql');
      return mysqlStore({ url: url.replace(/^mariadb:/, 'mysql:'), clock });
    }
    default: {
      const { redisStore } = await import('@evertoken/store-redis');
      return redisStore({ url, clock });
    }
  }
}

/** `sqlite:data/tokens.db`, and `sqlite:///data/tokens.db` as URLs are written. */
function pathOf(url: string): string {
  return url.slice(url.indexOf(':') + 1).replace(/^\/\/(?=\/)/, '');
}

/** A key's fingerprint is its name: one that is replaced cannot be taken for another. */
function sealingOf(keys: readonly string[]) {
  const [active] = keys;
  if (active === undefined) return undefined;
  return { keys: Object.fromEntries(keys.map((key) => [fingerprint(key), key])), activeKeyId: fingerprint(active) };
}
