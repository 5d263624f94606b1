import { createHash } from 'node:crypto';
import type { TokenKey } from '@evertoken/core';
import { accountKeyIn } from '@evertoken/core/store';

/** Number of hash tags. Fixed for ever: records would not be found under another. */
export const SHARDS = 64;

/**
 * Where things stand in Redis, for ever:
 *
 * | key                              | type       | holds                                                                    |
 * | -------------------------------- | ---------- | ------------------------------------------------------------------------ |
 * | `<prefix>{<shard>}:r:<key>`      | hash       | the record: a field per column of `Row`, absent where the column is null |
 * | `<prefix>{<shard>}:due:<account>` | sorted set | keys of that account by `refresh_at`                                     |
 * | `<prefix>{<shard>}:leases`       | sorted set | keys by `lease_until`, ended ones included                               |
 * | `<prefix>{<shard>}:keys`         | sorted set | all keys, score 0: byte order                                            |
 * | `<prefix>changes`                | channel    | keys whose record changed                                                |
 *
 * The shard is the first byte of the key's SHA-1, modulo 64, as two decimal digits. It is the hash tag: everything that
 * changes together with a record is in the record's slot, so one script can change it, on a cluster too.
 */
export class Layout {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Channel of changes. */
  get changes(): string {
    return `${this.#prefix}changes`;
  }

  /** The keys a script of one record touches, in the order its KEYS have. */
  ofRecord(key: TokenKey): string[] {
    const shard = this.#shard(shardOf(key));
    return [`${shard}r:${key}`, `${shard}due:${accountKeyIn(key)}`, `${shard}leases`, `${shard}keys`];
  }

  /** Leases of a shard, then the due sets of these accounts. */
  ofDue(shard: number, accounts: readonly string[]): string[] {
    const start = this.#shard(shard);
    return [`${start}leases`, ...accounts.map((account) => `${start}due:${account}`)];
  }

  /** All keys of a shard. */
  ofList(shard: number): string[] {
    return [`${this.#shard(shard)}keys`];
  }

  /** A hash and a sorted set to try permissions on. */
  ofTrial(shard: number): string[] {
    const start = this.#shard(shard);
    return [`${start}trial:hash`, `${start}trial:set`];
  }

  #shard(shard: number): string {
    return `${this.#prefix}{${String(shard).padStart(2, '0')}}:`;
  }
}

/** The shard of a key. */
export function shardOf(key: TokenKey): number {
  return (createHash('sha1').update(key).digest()[0] as number) % SHARDS;
}
