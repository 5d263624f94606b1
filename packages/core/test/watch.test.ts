import { expect, it } from 'vitest';
import { memoryStore, type TokenKey, TokenManager, type TokenStore } from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

it('looks at the store again for a change it does not know of, and for no other', async () => {
  const clock = new ManualClock();
  const account = modelAccount(new ModelPlatform(clock));
  let tell: (key: TokenKey, generation?: number) => void = () => {};
  let reads = 0;
  const store = new Proxy(memoryStore({ clock }), {
    get: (target, name) => {
      if (name === 'peek') return undefined;
      if (name === 'watch')
        return (listener: typeof tell) => {
          tell = listener;
          return () => {};
        };
      const own = Reflect.get(target, name);
      if (name === 'read') reads++;
      return typeof own === 'function' ? own.bind(target) : own;
    },
  }) as TokenStore;
  const manager = new TokenManager({ accounts: [account], clock, store, fetch: network });
  const { key } = account.token;
  await manager.get(account.token);
  const generation = (await store.read(key)).record?.generation as number;
  const readsAfter = async (...told: [] | [number]) => {
    reads = 0;
    tell(key, ...told);
    await manager.get(account.token);
    return reads;
  };
  expect(await readsAfter(generation)).toBe(0);
  expect(await readsAfter(generation + 1)).toBe(1);
  expect(await readsAfter()).toBe(1);
  await manager.close();
});
