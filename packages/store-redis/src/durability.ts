import type { StoreTraits } from '@evertoken/core';

type Durable = StoreTraits['durable'];

/** What a server says of itself; absent where it does not say. */
export interface ServerFacts {
  readonly version?: string;
  readonly replica?: boolean;
  readonly replicas?: number;
  readonly cluster?: boolean;
  readonly appendonly?: boolean;
  readonly appendfsync?: string;
  /** `no-appendfsync-on-rewrite`: whether it stops syncing while it rewrites its file. */
  readonly pausesSync?: boolean;
  readonly maxmemoryPolicy?: string;
}

/** A judgement with its reason. */
export interface Durability {
  readonly durable: Durable;
  /** Why it is no more than that. */
  readonly because?: string;
}

/** The settings `open` asks for by CONFIG GET. */
export const SETTINGS = ['appendonly', 'appendfsync', 'no-appendfsync-on-rewrite', 'maxmemory-policy'] as const;

/** Facts out of INFO and out of the settings, where the server tells them. */
export function factsOf(info: string | undefined, settings: ReadonlyMap<string, string>): ServerFacts {
  const said = new Map(info?.split(/\r?\n/).flatMap((line) => (line.includes(':') ? [halves(line)] : [])));
  const appendonly = settings.get('appendonly') ?? yesNo(said.get('aof_enabled'));
  const pauses = settings.get('no-appendfsync-on-rewrite');
  return defined({
    version: said.get('redis_version'),
    replica: said.has('role') ? said.get('role') !== 'master' : undefined,
    replicas: said.has('connected_slaves') ? Number(said.get('connected_slaves')) : undefined,
    cluster: said.has('cluster_enabled') ? said.get('cluster_enabled') === '1' : undefined,
    appendonly: appendonly === undefined ? undefined : appendonly === 'yes',
    appendfsync: settings.get('appendfsync'),
    pausesSync: pauses === undefined ? undefined : pauses === 'yes',
    maxmemoryPolicy: settings.get('maxmemory-policy') ?? said.get('maxmemory_policy'),
  });
}

/** What is proven by what the server says: anything it hides counts as the worst. */
export function proven(facts: ServerFacts): Durability {
  const { appendonly, appendfsync, pausesSync, maxmemoryPolicy, replicas, cluster } = facts;
  const limit = atMost(facts);
  if (limit.durable === false) return limit;
  if (appendonly === undefined) return { durable: false, because: 'the server hides "appendonly"' };
  if (maxmemoryPolicy === undefined) return { durable: false, because: 'the server hides "maxmemory-policy"' };
  if (limit.durable === 'relaxed') return limit;
  if (appendfsync === undefined || pausesSync === undefined)
    return { durable: 'relaxed', because: 'the server hides "appendfsync"' };
  if (replicas === undefined || cluster === undefined)
    return { durable: 'relaxed', because: 'the server hides its replicas' };
  return limit;
}

/** The most that nothing the server says contradicts. */
export function atMost(facts: ServerFacts): Durability {
  const { appendonly, appendfsync, pausesSync, maxmemoryPolicy, replicas, cluster } = facts;
  if (appendonly === false) return { durable: false, because: 'appendonly is no' };
  if (maxmemoryPolicy?.startsWith('allkeys-'))
    return { durable: false, because: `maxmemory-policy is ${maxmemoryPolicy}` };
  if (appendfsync !== undefined && appendfsync !== 'always')
    return { durable: 'relaxed', because: `appendfsync is ${appendfsync}` };
  if (pausesSync) return { durable: 'relaxed', because: 'no-appendfsync-on-rewrite is yes' };
  if (cluster) return { durable: 'relaxed', because: 'a failover of the cluster may lose the last writes' };
  if (replicas !== undefined && replicas > 0)
    return { durable: 'relaxed', because: 'it has a replica, and a failover may lose the last writes' };
  return { durable: 'synced' };
}

/** The lesser of two; equal ones keep the first's reason. */
export function lesser(a: Durability, b: Durability): Durability {
  return rank(b.durable) < rank(a.durable) ? b : a;
}

/** Orders what can be promised. */
export function rank(durable: Durable): number {
  return durable === 'synced' ? 2 : durable === 'relaxed' ? 1 : 0;
}

function halves(line: string): [string, string] {
  const at = line.indexOf(':');
  return [line.slice(0, at), line.slice(at + 1).trim()];
}

function yesNo(flag: string | undefined): string | undefined {
  return flag === undefined ? undefined : flag === '1' ? 'yes' : 'no';
}

function defined(facts: { readonly [Fact in keyof ServerFacts]: ServerFacts[Fact] | undefined }): ServerFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as ServerFacts;
}
