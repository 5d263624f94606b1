import { ManualClock, storeContract } from '@evertoken/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { sqliteKit } from './stores.js';

const { sever: _none, ...kit } = await sqliteKit();
afterAll(() => kit.end());

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'sqliteStore',
  rounds: 1000,
  lacks: ['watch'],
  ...kit,
});
