import type { RedisClientType, RedisClusterType } from '@redis/client';
import { within } from './limit.js';
import type { Dial, Dialled } from './line.js';

/** Makes a client, not yet connected, with these options on top of its own. */
export type MakeClient = (overrides: ClientOverrides) => Promise<RedisClientType>;
/** Makes a cluster client, not yet connected, with these options for each node on top of its own. */
export type MakeCluster = (overrides: ClientOverrides) => Promise<RedisClusterType>;

/** How every client of ours behaves. */
export interface ClientOverrides {
  readonly disableOfflineQueue: true;
  /** Ours to mend: a client that is lost stays lost. */
  readonly socket: { readonly connectTimeout: number; readonly reconnectStrategy: false };
}

/** What to listen to. */
export interface Subscription {
  readonly channel: string;
  readonly listener: (message: string) => void;
}

/** Connects to one server; with a subscription, for that alone. */
export function dialServer(make: MakeClient, subscription?: Subscription): Dial {
  let idle: Attempt | undefined;
  return async (limitMs, lost) => {
    const attempt = idle ?? new Attempt(await make(overrides(limitMs)));
    idle = undefined;
    const { client } = attempt;
    const turn = attempt.begin(() => {
      idle = attempt;
      lost();
    });
    try {
      await within(limitMs, async () => {
        await client.connect();
        await (subscription && client.subscribe(subscription.channel, subscription.listener));
      });
    } catch (error) {
      if (idle !== attempt) attempt.end(turn);
      throw error;
    }
    const send = (args: readonly string[], abortSignal: AbortSignal) => client.sendCommand([...args], { abortSignal });
    return {
      send: (_key, args, signal) => send(args, signal),
      primaries: [send],
      stalled: () => attempt.end(turn),
      end: () => attempt.end(turn),
    };
  };
}

/** A client and how far it has come; a client that failed by itself may be connected again, so that an outage makes but one. */
class Attempt {
  readonly client: RedisClientType;
  #onLost: () => void = () => {};
  #connected = false;
  #over = false;
  #turn = 0;

  constructor(client: RedisClientType) {
    this.client = client;
    client.on('connect', () => {
      this.#connected = true;
      // Not at once: the client is about to greet the server on that socket.
      if (this.#over) setImmediate(() => this.#end());
    });
    client.on('error', () => {
      if (client.isOpen) return;
      this.#connected = false;
      if (!this.#over) this.#onLost();
    });
    client.unref();
  }

  /** The number of the turn that begins. */
  begin(onLost: () => void): number {
    this.#onLost = onLost;
    this.#over = false;
    return ++this.#turn;
  }

  /** Ends this turn's connection; one that was lost before must not take its successor with it. */
  end(turn: number): void {
    if (turn === this.#turn) this.#end();
  }

  /** Ends it as soon as it can be ended: a client told so while its socket connects would come up all the same. */
  #end(): void {
    this.#over = true;
    if (this.#connected && this.client.isOpen) this.client.destroy();
  }
}

/**
 * Connects to a cluster; with a subscription, for that alone. A node that is lost is found again, or its successor is, by a new
 * look at the cluster: the client itself would knock at the old address for ever.
 */
export function dialCluster(make: MakeCluster, subscription?: Subscription): Dial {
  return async (limitMs, lost) => {
    const cluster = await make(overrides(limitMs));
    const end = endOf(cluster);
    cluster.on('error', () => {});
    cluster.on('node-error', () => {
      if (cluster.isOpen) lost();
    });
    try {
      await within(limitMs, async () => {
        await cluster.connect();
        await (subscription && cluster.subscribe(subscription.channel, subscription.listener));
      });
    } catch (error) {
      end();
      throw error;
    }
    return {
      send: (key, args, abortSignal) => cluster.sendCommand(key, false, [...args], { abortSignal }),
      get primaries(): Dialled['primaries'] {
        return cluster.masters.map((node) => async (args, abortSignal) => {
          const client = await cluster.nodeClient(node);
          return client.sendCommand([...args], { abortSignal });
        });
      },
      // The other nodes may answer all the same.
      stalled() {},
      end,
    };
  };
}

/** Ends the clients of all nodes, each as soon as it can be ended. */
function endOf(cluster: RedisClusterType): () => void {
  const connected = new Set<string>();
  let over = false;
  const clients = () => [...cluster.nodeByAddress.values(), cluster.pubSubNode].flatMap((node) => node?.client ?? []);
  const end = () => {
    over = true;
    for (const client of clients()) {
      const { host, port } = (client.options?.socket ?? {}) as { host?: string; port?: number };
      if (client.isOpen && connected.has(`${host}:${port}`)) client.destroy();
    }
  };
  cluster.on('node-connect', ({ host, port }: { host: string; port: number }) => {
    connected.add(`${host}:${port}`);
    for (const client of clients()) client.unref();
    if (over) setImmediate(end);
  });
  return end;
}

function overrides(limitMs: number): ClientOverrides {
  return { disableOfflineQueue: true, socket: { connectTimeout: limitMs, reconnectStrategy: false } };
}
