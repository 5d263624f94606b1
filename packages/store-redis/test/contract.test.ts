import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { serverKit } from './stores.js';

const kit = serverKit(await sharedDatabase('redis'), { durable: 'synced', scope: 'fleet' });
afterAll(() => kit.end());

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'redisStore',
  ownClock: true,
  rounds: 1000,
  ...kit,
});
