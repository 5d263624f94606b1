import { ManualClock, storeContract } from '@evertoken/core/testing';
import { sharedDatabase } from '@evertoken/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { mysqlKit } from './stores.js';

const kit = await mysqlKit(await sharedDatabase('mariadb'));
afterAll(() => kit.end());

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'mysqlStore on MariaDB',
  ownClock: true,
  rounds: 1000,
  lacks: ['watch'],
  ...kit,
});
