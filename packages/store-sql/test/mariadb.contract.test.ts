import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { encryptedKit, mysqlKit } from './stores.js';

const missing = whyMissing('mariadb');

describe.skipIf(missing)('on a server', async () => {
  if (missing) return;
  const kit = await mysqlKit(await sharedDatabase('mariadb'));
  afterAll(() => kit.end());
  const runner = { describe, it, expect };
  storeContract(runner, () => new ManualClock(), {
    name: 'mysqlStore on MariaDB',
    ownClock: true,
    rounds: 1000,
    ...kit,
  });
  storeContract(runner, () => new ManualClock(), {
    name: 'mysqlStore on MariaDB, encrypted,',
    ownClock: true,
    rounds: 100,
    keys: 2000,
    ...encryptedKit(kit),
  });
});
