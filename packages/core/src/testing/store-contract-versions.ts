import { RECORD_VERSION, type TokenPart, type TokenRecord } from '../store/record.js';
import type { TokenStore } from '../store/store.js';
import { ACCOUNT, claimed, KEY, recordOf, type StoreCases, TTL, token } from './store-contract-support.js';

/** Fields of a later version, wherever one may stand. */
const LATER = { later: { x: [1, { y: null }] } };

/** Records that another version of this library wrote. */
export function versionsCases({ test, expect, options: { plant } }: StoreCases): void {
  if (!plant) return;

  const planted = async (store: TokenStore, clock: { now(): number }): Promise<TokenRecord> => {
    const record = {
      v: RECORD_VERSION,
      key: KEY,
      generation: 7,
      token: { ...token('a', clock), ...LATER },
      refreshAt: 5,
      attempt: { epoch: 3, state: 'active', failures: 0, ...LATER },
      ...LATER,
    } as TokenRecord;
    await plant(store, record);
    return record;
  };
  const expectKept = async (store: TokenStore, what: object, inToken = true) => {
    const record = await recordOf(store);
    expect(record).toMatchObject({ ...LATER, attempt: LATER, ...(inToken && { token: LATER }) });
    expect(record).toMatchObject(what);
  };

  test('reads fields it does not know as they were written', async (store, clock, other) => {
    const record = await planted(store, clock);
    expect(await recordOf(other)).toEqual(record);
    expect((await other.list({ accounts: [ACCOUNT] }, { limit: 5 })).records).toEqual([record]);
  });

  test('keeps fields it does not know through claim, renewal, note and release', async (store, clock) => {
    await planted(store, clock);
    const lease = await claimed(store, 'p1', { intent: { generation: 7 } });
    await expectKept(store, { attempt: { epoch: 4, lease: { holder: 'p1' } } });
    expect(await store.renew(lease, 2 * TTL)).toMatchObject({ until: clock.now() + 2 * TTL });
    await expectKept(store, { attempt: { lease: { until: clock.now() + 2 * TTL } } });
    expect(await store.note(lease, { failures: 2, intent: null, refreshAt: 9 }, { release: true })).toBe(true);
    await expectKept(store, { refreshAt: 9, attempt: { failures: 2 } });
  });

  test('keeps fields it does not know through a commit, those of the replaced token excepted', async (store, clock) => {
    await planted(store, clock);
    const lease = await claimed(store, 'p1');
    expect(await store.commit(KEY, token('b', clock), { predecessor: 7, lease, release: true })).toBe('accepted');
    await expectKept(store, { generation: 8, token: { value: 'token of b' } }, false);
    expect(await store.commit(KEY, token('c', clock), { predecessor: 8 })).toBe('accepted');
    await expectKept(store, { generation: 9, token: { value: 'token of c' } }, false);
  });

  test('keeps fields it does not know through a commit of an equal value, those of the token too', async (store, clock) => {
    await planted(store, clock);
    const again: TokenPart = { ...token('a', clock), expiresAt: clock.now() + 9_000_000 };
    expect(await store.commit(KEY, again, { predecessor: 7 })).toBe('accepted');
    await expectKept(store, { generation: 7, token: { expiresAt: clock.now() + 9_000_000 } });
  });

  test('keeps fields it does not know when it parks a key', async (store, clock) => {
    await planted(store, clock);
    expect(await store.park({ key: KEY, generation: 7, epoch: 3 }, 'unknownSource')).toBe(true);
    await expectKept(store, { attempt: { cause: 'unknownSource' } });
  });

  test('keeps the fields of a first token that it does not know', async (store, clock, other) => {
    const part = { ...token('a', clock), ...LATER } as TokenPart;
    expect(await store.commit(KEY, part, { predecessor: 0 })).toBe('accepted');
    expect((await recordOf(other)).token).toEqual(part);
  });

  test('serves a record of a higher format and changes nothing in it', async (store, clock, other) => {
    const record: TokenRecord = {
      v: RECORD_VERSION + 1,
      key: KEY,
      generation: 7,
      token: token('a', clock),
      refreshAt: clock.now(),
      attempt: { epoch: 3, lease: { holder: 'p2', until: clock.now() + TTL }, state: 'active', failures: 0 },
    };
    const held = { kind: 'lease', key: KEY, epoch: 3, holder: 'p2', until: clock.now() + TTL } as const;
    await plant(store, record);
    expect(await recordOf(other)).toEqual(record);
    expect(await store.renew(held, 2 * TTL)).toBeUndefined();
    expect(await store.note(held, { state: 'retrying' }, { release: true })).toBe(false);
    expect(await store.park({ key: KEY, generation: 7, epoch: 3 }, 'unknownSource')).toBe(false);
    await clock.advance(TTL);
    expect(await store.claim({ key: KEY, generation: 7, epoch: 3 }, 'p1', TTL, { generation: 7 })).toEqual(record);
    for (const value of ['a', 'b']) {
      const part = { ...token(value, clock), expiresAt: clock.now() + 9_000_000 };
      for (const revive of [false, true])
        expect(await store.commit(KEY, part, { predecessor: 7, revive })).toEqual(record);
    }
    expect(await store.remove(KEY, 7)).toBe(false);
    if (store.reseal) expect(await store.reseal(record, token('b', clock))).toBe(false);
    expect(await recordOf(other)).toEqual(record);
  });
}
