import { describe, expect, it } from 'vitest';
import { memoryStore } from '../src/index.js';
import { ManualClock, storeContract } from '../src/testing/index.js';

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'memoryStore',
  create: (clock) => memoryStore({ clock }),
  traits: { durable: false, scope: 'process' },
  rounds: 1_000,
});

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
