import { describe, expect, it } from 'vitest';
import { memoryStore, type TokenKey } from '../src/index.js';
import type { Step } from '../src/store/index.js';
import { ManualClock, storeContract } from '../src/testing/index.js';

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'memoryStore',
  create: (clock) => memoryStore({ clock }),
  traits: { durable: false, scope: 'process' },
  // Its one primitive writes whatever it is told.
  plant: (store, record) =>
    (store as unknown as Primitive).swap(record.key, () => ({ next: record, answer: undefined })),
});

interface Primitive {
  swap(key: TokenKey, decide: () => Step<undefined>): Promise<undefined>;
}

describe('memoryStore', () => {
  it('tells watchers of every change, until they stop', async () => {
    const store = memoryStore();
    const heard: string[] = [];
    const stop = store.watch?.((key) => heard.push(key));
    const seen = { key: 'et1/a/b/c' as never, generation: 0, epoch: 0 };
    await store.claim(seen, 'p', 1_000);
    stop?.();
    await store.claim({ ...seen, epoch: 1 }, 'p', 1_000);
    expect(heard).toEqual([seen.key]);
  });
});
