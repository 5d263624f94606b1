import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { encryptedKit, mysqlKit } from './stores.js';

// MySQL is on no machine of ours: EVERTOKEN_TEST_MYSQL_URL points to one that exists.
const missing = whyMissing('mysql');

describe.skipIf(missing)('on a server', async () => {
  if (missing) return;
  const kit = await mysqlKit((await sharedDatabase('mysql')) as string);
  afterAll(() => kit.end());
  const runner = { describe, it, expect };
  storeContract(runner, () => new ManualClock(), { name: 'mysqlStore on MySQL', ownClock: true, rounds: 1000, ...kit });
  storeContract(runner, () => new ManualClock(), {
    name: 'mysqlStore on MySQL, encrypted,',
    ownClock: true,
    rounds: 100,
    keys: 2000,
    ...encryptedKit(kit),
  });
});
