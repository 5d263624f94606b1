import type { TokenKey } from '../key.js';
import type { TokenStore } from '../store/store.js';
import {
  claimed,
  comesTrue,
  KEY,
  key,
  mustHave,
  recordOf,
  type StoreCases,
  seed,
  token,
} from './store-contract-support.js';

/** A store may miss to tell of a change; what is done again and again has to be heard in the end. */
const AGAIN_MS = 250;

/** What a store tells of by itself. */
export function watchCases({ test, expect, options, patienceMs }: StoreCases): void {
  const listener = (store: TokenStore) => {
    const heard = new Set<TokenKey>();
    const generations: (number | undefined)[] = [];
    const stop = mustHave(
      store,
      'watch',
    )((of, generation) => {
      heard.add(of);
      generations.push(generation);
    });
    return { heard, generations, stop };
  };
  /** Whether doing it, again and again, is heard within the suite's patience. */
  const heardOf = (heard: Set<TokenKey>, of: TokenKey, act: () => Promise<unknown>) =>
    comesTrue(async () => {
      await act();
      return comesTrue(() => heard.has(of), Math.min(AGAIN_MS, patienceMs));
    }, patienceMs);
  const committed = async (store: TokenStore, of: TokenKey, clock: { now(): number }) => {
    const { record } = await store.read(of);
    const predecessor = record?.generation ?? 0;
    await store.commit(of, token(`after ${predecessor}`, clock), { predecessor, revive: true });
  };

  test('tells a watcher of commits by another connection', async (store, clock, other) => {
    const { heard, stop } = listener(store);
    expect(await heardOf(heard, KEY, () => committed(other, KEY, clock))).toBe(true);
    expect([...heard]).toEqual([KEY]);
    stop();
  });

  test('tells a watcher of a release by another connection, so that nobody waits for the lease’s end', async (store, clock, other) => {
    await seed(store, clock, 'a');
    const { heard, stop } = listener(store);
    await heardOf(heard, KEY, () => committed(other, KEY, clock));
    const release = async () => {
      const lease = await claimed(other, 'p1');
      // Of the claim itself a store may tell or not.
      await comesTrue(() => heard.has(KEY), 20);
      heard.clear();
      await other.note(lease, { state: 'retrying', failures: 1 }, { release: true });
    };
    expect(await heardOf(heard, KEY, release)).toBe(true);
    stop();
  });

  test('tells a watcher of a removal by another connection', async (store, clock, other) => {
    const { heard, stop } = listener(store);
    const of = key('removed');
    const remove = async () => {
      await committed(other, of, clock);
      await comesTrue(() => heard.has(of), AGAIN_MS);
      heard.clear();
      await other.remove(of, (await recordOf(other, of)).generation);
    };
    expect(await heardOf(heard, of, remove)).toBe(true);
    stop();
  });

  test('names the generation of a new token to its watchers, and of nothing else', async (store, clock, other) => {
    const { heard, generations, stop } = listener(store);
    await heardOf(heard, KEY, () => committed(other, KEY, clock));
    const named = generations.filter((generation) => generation !== undefined);
    const { generation, attempt } = await recordOf(store);
    expect(named.filter((one) => one > generation || attempt.epoch > 0)).toEqual([]);
    heard.clear();
    generations.length = 0;
    const release = async () => other.note(await claimed(other, 'p1'), {}, { release: true });
    expect(await heardOf(heard, KEY, release)).toBe(true);
    // What tells of the last commit may come late.
    expect(generations.filter((one) => one !== undefined && one !== generation)).toEqual([]);
    expect(generations.includes(undefined)).toBe(true);
    stop();
  });

  test('tells every watcher, and none that has stopped', async (store, clock, other) => {
    const [first, second, witness] = [listener(store), listener(store), listener(store)];
    for (const { heard } of [first, second, witness])
      expect(await heardOf(heard, KEY, () => committed(other, KEY, clock))).toBe(true);
    first.stop();
    first.stop();
    first.heard.clear();
    second.heard.clear();
    const later = key('later');
    expect(await heardOf(witness.heard, later, () => committed(other, later, clock))).toBe(true);
    expect(await heardOf(second.heard, later, () => committed(other, later, clock))).toBe(true);
    expect([...first.heard]).toEqual([]);
    second.stop();
    witness.stop();
  });

  const { sever } = options;
  if (sever) {
    test('tells a watcher again after its connection was lost', async (store, clock, other) => {
      const { heard, stop } = listener(store);
      expect(await heardOf(heard, KEY, () => committed(other, KEY, clock))).toBe(true);
      await sever(store);
      const later = key('later');
      const act = () => committed(other, later, clock).catch(() => undefined);
      expect(await heardOf(heard, later, act)).toBe(true);
      stop();
    });
  }
}
