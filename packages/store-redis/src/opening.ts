import { type StoreTraits, TokenError } from '@evertoken/core';
import { atMost, type Durability, factsOf, lesser, proven, rank, SETTINGS, type ServerFacts } from './durability.js';
import { refusalCode, storeError, withoutArguments } from './failure.js';
import { fieldsIn } from './hash.js';
import { type Layout, SHARDS } from './layout.js';
import type { Line } from './line.js';
import type { Way } from './options.js';
import { TRIAL } from './scripts.js';

/** ZMSCORE came with it. */
const OLDEST_VERSION = '6.2';

/** What is looked at on opening. */
export interface Opening {
  readonly line: Line;
  readonly layout: Layout;
  /** The option that led to the server, for messages. */
  readonly way: Way;
  /** Whether the line leads to all nodes of a cluster. */
  readonly clustered: boolean;
  /** What the user says of the server. */
  readonly durable: 'relaxed' | 'synced' | undefined;
}

/**
 * Connects, refuses a server that cannot keep the promises of a store, and says what this one promises.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` where settings or permissions have to change, `ERR_TOKEN_STORE` where the server is away.
 */
export async function openServer(opening: Opening): Promise<StoreTraits> {
  const { line, clustered, durable } = opening;
  try {
    await line.open();
    const servers = await factsOfAll(line);
    for (const facts of servers) refuseServer(facts, opening);
    await tryScripts(opening);
    return { ...judge(clustered ? servers.map(inCluster) : servers, durable), scope: 'fleet' };
  } catch (error) {
    throw openingError(error, opening.way);
  }
}

async function factsOfAll(line: Line): Promise<ServerFacts[]> {
  const [infos, ...settings] = await Promise.all([
    line.ask(['INFO']),
    ...SETTINGS.map((setting) => line.ask(['CONFIG', 'GET', setting])),
  ]);
  return infos.map((info, server) => {
    const told = SETTINGS.flatMap((setting, i): [string, string][] => {
      const reply = said(settings[i]?.[server]);
      const value = Array.isArray(reply) ? reply[1] : (reply as Record<string, unknown> | undefined)?.[setting];
      return typeof value === 'string' ? [[setting, value]] : [];
    });
    const text = said(info);
    return factsOf(text === undefined ? undefined : String(text), new Map(told));
  });
}

/** The answer; nothing where the server refuses to say. */
function said(outcome: PromiseSettledResult<unknown> | undefined): unknown {
  if (outcome?.status === 'fulfilled') return outcome.value;
  const code = refusalCode(outcome?.reason);
  // Forbidden, renamed away, or a fork that lacks the command.
  if (code === 'NOPERM' || code === 'ERR') return undefined;
  throw outcome?.reason;
}

function refuseServer({ version, replica, cluster }: ServerFacts, { way, clustered }: Opening): void {
  if (version !== undefined && older(version, OLDEST_VERSION))
    throw refused(`"${way}" must lead to Redis ${OLDEST_VERSION} or newer, this one is ${version}`);
  if (replica) throw replicaRefused(way);
  if (cluster && !clustered)
    throw refused(
      `"${way}" must lead to a single server, this one is part of a cluster: pass "cluster": { rootNodes: [...] }`,
    );
}

async function tryScripts({ line, layout, way, clustered }: Opening): Promise<void> {
  // A cluster's nodes may differ: in every shard.
  const trials = await Promise.all(
    [...Array(clustered ? SHARDS : 1).keys()].map(
      (shard) => line.run(TRIAL, layout.ofTrial(shard), [layout.changes]) as Promise<string[]>,
    ),
  );
  const refusals = new Map<string, string>();
  for (const trial of trials) for (const [command, why] of fieldsIn(trial)) refusals.set(command, why);
  if (refusals.size === 0) return;
  const [why = ''] = refusals.values();
  const code = /^-?([A-Z]{2,}) /.exec(why)?.[1];
  if (code === 'READONLY') throw replicaRefused(way);
  // Full, loading, failing over: what passes by itself.
  if (code !== undefined && code !== 'ERR' && code !== 'NOPERM') throw new Error(why);
  throw permissionRefused(way, [...refusals.keys()].join(', '), why);
}

function judge(servers: readonly ServerFacts[], durable: 'relaxed' | 'synced' | undefined): Durability {
  const most = servers.map(atMost).reduce(lesser, { durable: 'synced' });
  if (durable === undefined) return servers.map(proven).reduce(lesser, { durable: 'synced' });
  if (rank(durable) > rank(most.durable))
    throw refused(
      `"durable" must not be "${durable}": the server itself promises ${most.durable === false ? 'nothing' : `"${most.durable}"`} (${most.because})`,
    );
  return { durable };
}

function openingError(error: unknown, way: Way): TokenError {
  if (error instanceof TokenError) return error;
  const code = refusalCode(error);
  if (code === 'NOPERM') return permissionRefused(way, 'EVALSHA or EVAL', withoutArguments(error).message);
  if (code === 'WRONGPASS' || code === 'NOAUTH')
    return new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"${way}" must hold the user and password of the server: it answered ${code}`,
    );
  return storeError('open', error);
}

function refused(message: string): TokenError {
  return new TokenError('ERR_TOKEN_CONFIGURATION', message);
}

function replicaRefused(way: Way): TokenError {
  return refused(`"${way}" must lead to a primary, this server is a replica of another and takes no writes`);
}

function permissionRefused(way: Way, commands: string, why: string): TokenError {
  return refused(
    `"${way}" must lead to a server whose user may run ${commands} on the store's keys and channel: ${why}`,
  );
}

function inCluster(facts: ServerFacts): ServerFacts {
  return { ...facts, cluster: true };
}

function older(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = than.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
