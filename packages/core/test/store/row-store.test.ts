import { describe, expect, it } from 'vitest';
import { tokenKeyOf } from '../../src/index.js';
import { type Lease, rowOf } from '../../src/store/index.js';
import { ManualClock, storeContract } from '../../src/testing/index.js';
import { MapRowStore } from './map-row-store.js';

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'a store over rows',
  create: (clock) => new MapRowStore(clock),
  traits: { durable: false, scope: 'process' },
  lacks: ['watch'],
  plant: async (store, record) => {
    (store as MapRowStore).rows.set(record.key, { ...rowOf(record), revision: 1 });
  },
});

describe('a store over rows', () => {
  const key = tokenKeyOf({ platform: 'p', id: 'i', kind: 'k' });
  const token = (value: string) => ({
    value,
    issuedAt: 1,
    firstSeenAt: 1,
    seen: [],
    lineage: { cause: 'issue', actor: 'a', at: 1, durationMs: 1 } as const,
  });

  it('refreshes in three calls: a read, a claim, a commit', async () => {
    const clock = new ManualClock();
    const store = new MapRowStore(clock);
    await store.commit(key, token('T1'), { predecessor: 0 });
    store.calls.length = 0;
    const { record } = await store.read(key);
    const seen = { key, generation: record?.generation ?? 0, epoch: 0 };
    const lease = (await store.claim(seen, 'p', 1_000, seen)) as Lease;
    expect(await store.commit(key, token('T2'), { predecessor: seen.generation, lease, release: true })).toBe(
      'accepted',
    );
    expect(store.calls).toEqual(['load', 'update', 'update']);
  });

  it('takes a row that holds no record for an error, never for a miss', async () => {
    const store = new MapRowStore(new ManualClock());
    await store.commit(key, token('secret-value'), { predecessor: 0 });
    const row = store.rows.get(key);
    if (row) store.rows.set(key, { ...row, token: '{"value":"secret-v' });
    await expect(store.read(key)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    await expect(store.read(key)).rejects.not.toThrow(/secret/);
  });
});
