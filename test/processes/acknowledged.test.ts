import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenKeyOf } from '@evertoken/core';
import { whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Members } from './members.js';
import { connect, SHARED_STORES } from './stores.js';

const PROCESSES = 8;
const WRITES = 25;
const key = tokenKeyOf({ platform: 'counted', id: 'app', kind: 'access_token' });

let members: Members;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'evertoken-acknowledged-'));
});

afterEach(async () => {
  members?.kill();
  await rm(directory, { recursive: true, force: true });
});

describe(`${PROCESSES} processes that write over each other`, () => {
  it.for(SHARED_STORES)(
    '$store: has each write that it acknowledged, once',
    { timeout: 120_000 },
    async (shared, { skip }) => {
      const missing = shared.server && whyMissing(shared.server);
      if (missing) skip(missing);
      const options = await shared.options(directory);
      const store = connect(shared, options);
      await store.open();
      const at = Date.now();
      const lineage = { cause: 'issue', actor: 'test', at, durationMs: 1 } as const;
      await store.commit(key, { value: 'first', issuedAt: at, firstSeenAt: at, seen: [], lineage }, { predecessor: 0 });
      const first = (await store.read(key)).record?.generation as number;
      members = new Members(PROCESSES);
      const refused = await members.all<number>('count', { store: shared.store, options, key, writes: WRITES });
      const { record } = await store.read(key);
      expect((record?.generation as number) - first).toBe(PROCESSES * WRITES);
      // They did meet.
      expect(refused.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0);
      await store.close();
    },
  );
});
