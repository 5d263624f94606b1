import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { postgresKit } from './stores.js';

const kit = await postgresKit(await sharedDatabase('postgres'));
afterAll(() => kit.end());

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'postgresStore',
  ownClock: true,
  rounds: 1000,
  ...kit,
});
