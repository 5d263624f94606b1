import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { encryptedKit, serverKit } from './stores.js';

const missing = whyMissing('redis');

describe.skipIf(missing)('on a Redis server', async () => {
  const kit = serverKit(missing ? '' : await sharedDatabase('redis'), { durable: 'synced', scope: 'fleet' });
  afterAll(() => kit.end());

  for (const [name, stores] of [
    ['redisStore', kit],
    ['redisStore, encrypted,', encryptedKit(kit)],
  ] as const) {
    storeContract({ describe, it, expect }, () => new ManualClock(), { name, ownClock: true, rounds: 1000, ...stores });
  }
});
