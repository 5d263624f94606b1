import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { encryptedKit, postgresKit } from './stores.js';

const missing = whyMissing('postgres');

describe.skipIf(missing)('on a server', async () => {
  if (missing) return;
  const kit = await postgresKit(await sharedDatabase('postgres'));
  afterAll(() => kit.end());
  const runner = { describe, it, expect };
  storeContract(runner, () => new ManualClock(), { name: 'postgresStore', ownClock: true, rounds: 1000, ...kit });
  storeContract(runner, () => new ManualClock(), {
    name: 'postgresStore, encrypted,',
    ownClock: true,
    rounds: 100,
    keys: 2000,
    ...encryptedKit(kit),
  });
});
