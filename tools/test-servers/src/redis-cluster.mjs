import { setTimeout as sleep } from 'node:timers/promises';
import { startPrivateServer } from './private-server.mjs';
import { redisCommand } from './redis-protocol.mjs';

const SLOTS = 16_384;
const MASTERS = 3;
const PATIENCE_MS = 60_000;

/**
 * Starts a Redis cluster of three masters without replicas; resolves once each of them says that all slots are served.
 * @returns {Promise<{ readonly urls: readonly string[], stop(): Promise<void> }>}
 */
export async function startRedisCluster() {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' };
  const starts = await Promise.allSettled(
    Array.from({ length: MASTERS }, () => startPrivateServer('redis', { settings })),
  );
  const servers = starts.flatMap(({ value }) => value ?? []);
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())));
  try {
    for (const { reason } of starts) if (reason) throw reason;
    await join(servers.map(({ port }) => port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls: servers.map(({ url }) => url), stop };
}

async function join(ports) {
  for (const [index, port] of ports.entries()) {
    const [first, next] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / MASTERS));
    await redisCommand(port, ['CLUSTER', 'ADDSLOTSRANGE', first, next - 1]);
    // Different from the start: nodes that claim the same epoch take longer to agree.
    await redisCommand(port, ['CLUSTER', 'SET-CONFIG-EPOCH', index + 1]);
  }
  for (const port of ports.slice(1)) await redisCommand(ports[0], ['CLUSTER', 'MEET', '127.0.0.1', port]);
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const states = await Promise.all(ports.map((port) => redisCommand(port, ['CLUSTER', 'INFO'])));
    if (states.every(isWhole)) return;
    if (performance.now() > end)
      throw new Error(`the cluster is not whole after ${PATIENCE_MS} ms:\n${states.join('\n')}`);
    await sleep(50);
  }
}

function isWhole(state) {
  return ['cluster_state:ok', `cluster_slots_ok:${SLOTS}`, `cluster_known_nodes:${MASTERS}`].every((line) =>
    state.includes(line),
  );
}
