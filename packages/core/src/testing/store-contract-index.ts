import type { TokenKey } from '../key.js';
import type { Lease } from '../store/store.js';
import { ACCOUNT, KEY, key, type StoreCases, seed, TTL, token } from './store-contract-support.js';

/** What is found: keys, due keys, lists. */
export function indexCases({ test, expect }: StoreCases): void {
  test('answers a key it does not have with nothing but its time', async (store, clock) => {
    expect(await store.read(KEY)).toEqual({ now: clock.now() });
  });

  test('takes fields away that are noted as null, and the key out of the index', async (store, clock) => {
    const generation = await seed(store, clock, 'a', 1);
    const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p1', TTL, { generation })) as Lease;
    expect(await store.note(lease, { intent: null, refreshAt: null }, { release: true })).toBe(true);
    const { record } = await store.read(KEY);
    expect(record?.attempt.intent).toBeUndefined();
    expect(record?.refreshAt).toBeUndefined();
    expect((await store.due({ limit: 10, accounts: [ACCOUNT] })).keys).toEqual([]);
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
    for (let cursor: string | undefined; ; ) {
      const page = await other.due({ limit: 10, accounts: [ACCOUNT], ...(cursor !== undefined && { cursor }) });
      expect(page.now).toBe(now);
      found.push(...page.keys.map((due) => due.key));
      cursor = page.cursor;
      if (cursor === undefined) break;
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

  test('lists records in key order, by account and state, page by page', async (store, clock) => {
    for (let i = 0; i < 12; i++) await store.commit(key(`k${i}`), token(`t${i}`, clock), { predecessor: 0 });
    await store.commit(key('x', 'foreign'), token('f', clock), { predecessor: 0 });
    const found: TokenKey[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.list({ accounts: [ACCOUNT] }, { limit: 5, ...(cursor !== undefined && { cursor }) });
      found.push(...page.records.map((record) => record.key));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(found).toEqual([...found].sort());
    expect(found.length).toBe(12);
    expect((await store.list({ states: ['gone'] }, { limit: 5 })).records).toEqual([]);
  });

  test('tells odd keys apart: Unicode, separators, case', async (store, clock) => {
    const subjects = [
      'a',
      'A',
      'ä',
      'a\u0308',
      'a/b',
      'a%2Fb',
      '..',
      ' a',
      '名前',
      '🔑',
      'a\u0000b',
      "a'b",
      '*',
      'a:b',
      'x'.repeat(300),
    ];
    for (const subject of subjects)
      expect(await store.commit(key(subject), token(subject, clock), { predecessor: 0 })).toBe('accepted');
    for (const subject of subjects)
      expect((await store.read(key(subject))).record?.token?.value).toBe(`token of ${subject}`);
  });
}
