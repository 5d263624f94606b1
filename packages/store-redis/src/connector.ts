import type { RedisClientType, RedisClusterType } from '@redis/client';
import { type ClientOverrides, dialCluster, dialServer, type Subscription } from './dial.js';
import type { Dial } from './line.js';
import { isCluster, type RedisStoreOptions, wayOf } from './options.js';

/** How to connect: for commands, or for a subscription. Touches nothing until it dials. */
export type Connector = (subscription?: Subscription) => Dial;

type RootNode = NonNullable<RedisStoreOptions['cluster']>['rootNodes'][number];
type Settings = Readonly<Record<string, unknown>>;

/** Options of a given client that would change what answers look like, keep the process alive, or queue. */
const OWN_SETTINGS = Object.freeze({
  commandOptions: {},
  clientSideCache: undefined,
  emitInvalidate: undefined,
  maintNotifications: 'disabled',
  pingInterval: undefined,
  readonly: undefined,
  commandsQueueMaxLength: undefined,
});

/** The connector the options ask for. */
export function connectorOf(options: RedisStoreOptions): Connector {
  const { url, client, cluster } = options;
  return (subscription) => {
    if (wayOf(options) === 'url') return dialServer((overrides) => clientOf({ url }, overrides), subscription);
    if (cluster) return dialCluster((overrides) => clusterOf(cluster, overrides), subscription);
    if (isCluster(client))
      return dialCluster(async (overrides) => duplicateOfCluster(client as RedisClusterType, overrides), subscription);
    return dialServer(async (overrides) => duplicateOf(client as RedisClientType, overrides), subscription);
  };
}

/** Whether they lead to all nodes of a cluster. */
export function isClustered({ cluster, client }: RedisStoreOptions): boolean {
  return cluster !== undefined || isCluster(client);
}

async function clientOf(settings: Settings, overrides: ClientOverrides): Promise<RedisClientType> {
  // Some hundred files: loaded when somebody connects, not when a configuration is imported.
  const { createClient } = await import('@redis/client');
  return createClient({ ...settings, ...OWN_SETTINGS, ...overrides } as object) as RedisClientType;
}

async function clusterOf(
  { rootNodes, defaults, nodeAddressMap }: NonNullable<RedisStoreOptions['cluster']>,
  overrides: ClientOverrides,
): Promise<RedisClusterType> {
  const { createCluster } = await import('@redis/client');
  return createCluster({
    ...(nodeAddressMap && { nodeAddressMap }),
    ...forCluster(rootNodes, { ...sharedBy(rootNodes), ...defaults }, overrides),
  } as Parameters<typeof createCluster>[0]) as unknown as RedisClusterType;
}

function duplicateOf(given: RedisClientType, overrides: ClientOverrides): RedisClientType {
  const socket = { ...given.options?.socket, ...overrides.socket };
  return given.duplicate({ ...OWN_SETTINGS, ...overrides, socket } as object) as RedisClientType;
}

function duplicateOfCluster(given: RedisClusterType, overrides: ClientOverrides): RedisClusterType {
  const { rootNodes, defaults } = given._options;
  const settings = { ...sharedBy(rootNodes), ...(defaults as Settings | undefined) };
  return given.duplicate({
    commandOptions: {},
    clientSideCache: undefined,
    useReplicas: false,
    ...forCluster(rootNodes, settings, overrides),
  } as object) as RedisClusterType;
}

/**
 * Nodes are connected to when they are needed: one that is away must not keep the others from being found. The client asks a
 * root node on a connection of its own, to which the socket's limit is the only one.
 */
function forCluster(rootNodes: readonly RootNode[], defaults: Settings, overrides: ClientOverrides): Settings {
  const socketTimeout = overrides.socket.connectTimeout;
  const socket = { ...(defaults['socket'] as object | undefined), ...overrides.socket };
  return {
    minimizeConnections: true,
    rootNodes: rootNodes.map((node) => ({ ...node, socket: { ...node.socket, socketTimeout } })),
    defaults: { ...defaults, ...OWN_SETTINGS, ...overrides, socket },
  };
}

/** Credentials and TLS in a root node's URL hold for the nodes found through it. */
function sharedBy(rootNodes: readonly RootNode[]): Settings {
  const url = rootNodes.find((node) => node.url !== undefined && URL.canParse(node.url))?.url;
  if (url === undefined) return {};
  const { username, password, protocol } = new URL(url);
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { socket: { tls: true } }),
  };
}
