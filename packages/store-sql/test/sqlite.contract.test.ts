import { ManualClock, storeContract } from '@evertoken/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { encryptedKit, sqliteKit } from './stores.js';

const kit = await sqliteKit();
afterAll(() => kit.end());
const runner = { describe, it, expect };

storeContract(runner, () => new ManualClock(), { name: 'sqliteStore', rounds: 1000, ...kit });
storeContract(runner, () => new ManualClock(), { name: 'sqliteStore, encrypted,', rounds: 200, ...encryptedKit(kit) });
