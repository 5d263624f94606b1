import type { TokenKey } from '../key.js';
import {
  ACCOUNT,
  allDue,
  allListed,
  claimed,
  KEY,
  key,
  pagesOf,
  recordOf,
  type StoreCases,
  seed,
  TTL,
  token,
} from './store-contract-support.js';

/** What is found: keys, due keys, lists. */
export function indexCases({ test, expect }: StoreCases): void {
  test('answers a key it does not have with nothing but its time', async (store, clock) => {
    expect(await store.read(KEY)).toEqual({ now: clock.now() });
  });

  test('names due keys of the asked accounts, most urgent first, page by page, none under a live lease', async (store, clock, other) => {
    const now = clock.now();
    for (let i = 0; i < 25; i++)
      await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0, refreshAt: now - 25 + i });
    await store.commit(key('later'), token('l', clock), { predecessor: 0, refreshAt: now + 1 });
    await store.commit(key('x', 'foreign'), token('f', clock), { predecessor: 0, refreshAt: now - 99 });
    const { record } = await store.read(key('k3'));
    await store.claim({ key: key('k3'), generation: record?.generation ?? 0, epoch: 0 }, 'p1', TTL);
    const found: TokenKey[] = [];
    for await (const page of pagesOf((cursor) => other.due({ limit: 10, accounts: [ACCOUNT], ...cursor }))) {
      expect(page.now).toBe(now);
      found.push(...page.keys.map((due) => due.key));
    }
    expect(found).toEqual([...Array(25).keys()].filter((i) => i !== 3).map((i) => key(`k${i}`)));
  });

  test('says generation and epoch of a due key, so that a claim needs no other read', async (store, clock) => {
    await seed(store, clock, 'a', clock.now());
    const [due] = (await store.due({ limit: 1, accounts: [ACCOUNT] })).keys;
    expect(await store.claim(due ?? { key: KEY, generation: -1, epoch: -1 }, 'p1', TTL)).toMatchObject({
      kind: 'lease',
      epoch: 1,
    });
  });

  test('parks a key: out of the index, its token untouched', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 1);
    expect(await store.park({ key: KEY, generation, epoch: 5 }, 'unknownSource')).toBe(false);
    expect(await store.park({ key: KEY, generation, epoch: 0 }, 'unknownSource')).toBe(true);
    expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
    expect((await store.read(KEY)).record).toMatchObject({
      generation,
      token: { value: 'token of a' },
      attempt: { cause: 'unknownSource' },
    });
  });

  test('lists records in key order, by account and state, page by page', async (store, clock, other) => {
    for (let i = 0; i < 12; i++) await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0 });
    await store.commit(key('x', 'foreign'), token('f', clock), { predecessor: 0 });
    for (const i of [3, 9]) {
      const { generation } = await recordOf(store, key(`k${i}`));
      await store.remove(key(`k${i}`), generation);
    }
    const keys = [...Array(12).keys()].map((i) => key(`k${i}`)).sort();
    const listed = await allListed(other, { accounts: [ACCOUNT] });
    expect(listed.map((record) => record.key)).toEqual(keys);
    expect(listed[0]).toEqual(await recordOf(store, keys[0] as TokenKey));
    for (const [states, expected] of [
      [['gone'], [key('k3'), key('k9')]],
      [['gone', 'active'], keys],
      [['waiting'], []],
    ] as const)
      expect((await allListed(other, { accounts: [ACCOUNT], states }, 1)).map((record) => record.key)).toEqual(
        expected,
      );
    expect((await allListed(other, {})).length).toBe(13);
  });

  test('names and lists nothing of no account', async (store, clock) => {
    await seed(store, clock, 'a', 1);
    expect((await store.due({ limit: 10, accounts: [] })).keys).toEqual([]);
    expect((await store.list({ accounts: [] }, { limit: 10 })).records).toEqual([]);
    expect((await store.list({ states: [] }, { limit: 10 })).records).toEqual([]);
  });

  test('moves a key in the index with the commit that says so, and takes it out with one that does not', async (store, clock, other) => {
    const now = clock.now();
    let generation = await seed(store, clock, 'a', now + 1);
    expect(await allDue(other)).toEqual([]);
    for (const [refreshAt, expected] of [
      [now, [KEY]],
      [now + 1, []],
      [now - 1, [KEY]],
      [undefined, []],
    ] as const) {
      const when = refreshAt === undefined ? {} : { refreshAt };
      await store.commit(KEY, token(`at ${refreshAt}`, clock), { predecessor: generation++, ...when });
      expect((await recordOf(store)).refreshAt).toBe(refreshAt);
      expect(await allDue(other)).toEqual(expected);
    }
  });

  test('moves a key in the index with a note, a release and the end of a lease', async (store, clock, other) => {
    const now = clock.now();
    await seed(store, clock, 'a', now);
    const lease = await claimed(store, 'p1');
    expect(await allDue(other)).toEqual([]);
    await clock.advance(TTL - 1);
    expect(await allDue(other)).toEqual([]);
    await clock.advance(1);
    expect(await allDue(other)).toEqual([KEY]);
    for (const [refreshAt, expected] of [
      [clock.now() + 1, []],
      [clock.now(), [KEY]],
      [null, []],
      [now, [KEY]],
    ] as const) {
      expect(await store.note(lease, { refreshAt }, { release: true })).toBe(true);
      expect((await recordOf(store)).refreshAt).toBe(refreshAt ?? undefined);
      expect(await allDue(other)).toEqual(expected);
    }
  });

  test('names a key by its urgency as it is now, not as it was', async (store, clock, other) => {
    const now = clock.now();
    for (const i of [1, 2, 3])
      await store.commit(key(`k${i}`), token('t', clock), { predecessor: 0, refreshAt: now - i });
    expect(await allDue(other)).toEqual([key('k3'), key('k2'), key('k1')]);
    const { generation } = await recordOf(store, key('k1'));
    await store.commit(key('k1'), token('u', clock), { predecessor: generation, refreshAt: now - 9 });
    expect(await allDue(other)).toEqual([key('k1'), key('k3'), key('k2')]);
    const [due] = (await other.due({ limit: 1, accounts: [ACCOUNT] })).keys;
    expect(due).toMatchObject({ key: key('k1'), generation: generation + 1, epoch: 0, refreshAt: now - 9 });
  });
}
