import type { Clock } from '@evertoken/core';
import type { RedisClusterOptions } from '@redis/client';

/** Options of `redisStore`. Exactly one of `url`, `client` and `cluster` says where Redis is. */
export interface RedisStoreOptions {
  /** `redis://user:password@host:6379/0`, or `rediss:` for TLS. */
  readonly url?: string | undefined;
  /**
   * A client or cluster client of node-redis 5 (`redis`, `@redis/client`, or the one inside `@keyv/redis`). The store connects
   * with a duplicate of it: it sends nothing through the given one and never closes it.
   */
  readonly client?: RedisClientLike | undefined;
  /** A Redis cluster: nodes to ask for all others, and credentials and TLS of every node under `defaults`. */
  readonly cluster?: Pick<RedisClusterOptions, 'rootNodes' | 'defaults' | 'nodeAddressMap'> | undefined;
  /** What every key and the channel begin with; no braces. Default `evertoken:`. */
  readonly keyPrefix?: string;
  /**
   * What you know of a server that hides its settings. Where the server itself says less, `open` rejects.
   * Default: what the server says, nothing where it says nothing.
   */
  readonly durable?: 'relaxed' | 'synced';
  /** Limit of connecting and of every command, ms. Default 1500: below the manager's `storeTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Replaces the server's clock, for tests. Default: the server's. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** A client or cluster client of node-redis, whichever package it comes from. What it is, `problems` looks at. */
export interface RedisClientLike {
  /** Whether it was connected and not closed. */
  readonly isOpen: boolean;
  /** A client of its own with the same settings. */
  duplicate?(overrides?: never): unknown;
}

/** Which option says where Redis is. */
export type Way = 'url' | 'client' | 'cluster';

/** Default of `keyPrefix`. */
export const KEY_PREFIX = 'evertoken:';
/** Default of `timeoutMs`. */
export const TIMEOUT_MS = 1500;

const WAYS = ['url', 'client', 'cluster'] as const satisfies readonly Way[];
const OTHERS = ['keyPrefix', 'durable', 'timeoutMs', 'clock'] as const satisfies readonly (keyof RedisStoreOptions)[];

/** What is wrong with the options; each text begins with the quoted option, none shows a URL. */
export function problemsOf(options: RedisStoreOptions): string[] {
  const { keyPrefix, durable, timeoutMs, clock } = options;
  const problems = [...unknownOptions(options), ...wayProblems(options)];
  if (keyPrefix !== undefined && !(typeof keyPrefix === 'string' && /^[^{}]+$/.test(keyPrefix)))
    problems.push('"keyPrefix" must be a non-empty string without braces: the hash tag comes after it');
  if (durable !== undefined && durable !== 'relaxed' && durable !== 'synced')
    problems.push('"durable" must be "relaxed" or "synced"');
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < 2 ** 31))
    problems.push('"timeoutMs" must be a positive number of milliseconds');
  if (clock !== undefined && typeof clock?.now !== 'function') problems.push('"clock" must have a method "now"');
  return problems;
}

/** The way that is given; call it once there are no problems. */
export function wayOf(options: RedisStoreOptions): Way {
  return WAYS.find((way) => options[way] !== undefined) ?? 'url';
}

/** Whether a given client speaks to a cluster. */
export function isCluster(client: unknown): boolean {
  return typeof client === 'object' && client !== null && 'nodeByAddress' in client;
}

function unknownOptions(options: RedisStoreOptions): string[] {
  const known: readonly string[] = [...WAYS, ...OTHERS];
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => `"${name}" is no option; expected ${known.map((option) => `"${option}"`).join(', ')}`);
}

function wayProblems(options: RedisStoreOptions): string[] {
  const given = WAYS.filter((way) => options[way] !== undefined);
  if (given.length === 0)
    return ['"url" must be a redis:// or rediss:// URL, it is missing (or pass "client" or "cluster")'];
  if (given.length > 1)
    return [
      `${given.map((way) => `"${way}"`).join(' and ')} must not be given together: pass the one that leads to Redis`,
    ];
  const { url, client, cluster } = options;
  if (url !== undefined) return urlProblems(url);
  if (client !== undefined) {
    // A sentinel's client and a pool have neither; their commands take other arguments.
    const known = isCluster(client) || (typeof client === 'object' && client !== null && 'socketEpoch' in client);
    return known && typeof client.duplicate === 'function'
      ? []
      : ['"client" must be a client or cluster client of node-redis 5'];
  }
  return Array.isArray(cluster?.rootNodes) && cluster.rootNodes.length > 0
    ? []
    : ['"cluster" must be { rootNodes: [...] } with at least one node'];
}

function urlProblems(url: unknown): string[] {
  const problem = ['"url" must be a redis:// or rediss:// URL, such as redis://127.0.0.1:6379/0'];
  if (typeof url !== 'string') return problem;
  try {
    const { protocol, hostname, pathname, username, password } = new URL(url);
    // A broken escape would throw later, in the client.
    decodeURIComponent(username + password);
    const fits = /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?\d*$/.test(pathname);
    return fits ? [] : problem;
  } catch {
    // The error shows the URL, and the URL holds the password.
    return problem;
  }
}
