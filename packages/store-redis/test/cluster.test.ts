import { ManualClock, storeContract } from '@evertoken/core/testing';
import { startRedisCluster } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { clusterKit } from './stores.js';

const cluster = await startRedisCluster();
const kit = clusterKit(cluster.urls, {
  durable: 'relaxed',
  scope: 'fleet',
  because: 'a failover of the cluster may lose the last writes',
});
afterAll(async () => {
  await kit.end();
  await cluster.stop();
});

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'redisStore on a cluster',
  ownClock: true,
  rounds: 1000,
  ...kit,
});
