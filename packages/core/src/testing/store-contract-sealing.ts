import { fingerprint } from '../key.js';
import type { TokenPart } from '../store/record.js';
import { claimed, KEY, key, mustHave, recordOf, type StoreCases, seed, token } from './store-contract-support.js';

/** What encryption needs of a store: marks, by which sealed values are recognised, and other ciphertexts for the same token. */
export function sealingCases(cases: StoreCases): void {
  marksCases(cases);
  if (cases.has('reseal')) resealCases(cases);
}

function marksCases({ test, expect }: StoreCases): void {
  // A store that seals by itself makes its own marks and shows none; it owes the same answers for the values in clear.
  test('counts an equal mark as an equal value: generation and value stay, times merge', async (store, clock) => {
    const [first, again] = store.sealed
      ? [token('a', clock), token('a', clock)]
      : [sealed('1', 'mark a', clock), sealed('2', 'mark a', clock)];
    await store.commit(KEY, first, { predecessor: 0 });
    const { generation } = await recordOf(store);
    const later = { ...again, expiresAt: clock.now() + 9_000_000 };
    for (const predecessor of [0, generation, generation + 1]) {
      const options = { predecessor, ...(again.mark !== undefined && { same: [again.mark] }) };
      expect(await store.commit(KEY, later, options)).toBe('accepted');
    }
    expect(await recordOf(store)).toMatchObject({ generation, token: { ...first, expiresAt: later.expiresAt } });
  });

  test('counts the mark of an older key as an equal value, and so the plain mark of a value in clear', async (store, clock) => {
    const lease = await claimed(store, 'p1');
    const clear = token('a', clock);
    const older = sealed('1', 'mark a, old key', clock);
    for (const [stands, mark] of [
      [older, 'mark a, old key'],
      [clear, fingerprint(clear.value)],
    ] as const) {
      const again = store.sealed ? stands : sealed('2', 'mark a, new key', clock);
      const { generation: before } = await recordOf(store);
      await store.commit(KEY, stands, { predecessor: before });
      const { generation } = await recordOf(store);
      const options = { predecessor: generation, lease, release: true, same: ['mark a, new key', mark] };
      expect(await store.commit(KEY, again, options)).toBe('accepted');
      const record = await recordOf(store);
      expect([record.generation, record.token?.value]).toEqual([generation, stands.value]);
      expect(record.attempt.lease).toBeUndefined();
    }
  });

  test('takes the mark of another value for another value', async (store, clock, other) => {
    const [first, second] = store.sealed
      ? [token('a', clock), token('b', clock)]
      : [sealed('1', 'mark a', clock), sealed('2', 'mark b', clock)];
    await store.commit(KEY, first, { predecessor: 0 });
    const { generation } = await recordOf(store);
    const same = second.mark === undefined ? {} : { same: [second.mark, 'mark b, old key'] };
    expect(await store.commit(KEY, second, { predecessor: generation + 1, ...same })).toMatchObject({
      generation,
      token: first,
    });
    expect(await store.commit(KEY, second, { predecessor: generation, ...same })).toBe('accepted');
    expect(await recordOf(other)).toMatchObject({ generation: generation + 1, token: second });
  });
}

function resealCases({ test, expect }: StoreCases): void {
  test('puts another ciphertext in the place of a token, and changes nothing else', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 5);
    await claimed(store, 'p1', { intent: { generation } });
    const before = await recordOf(store);
    const resealed = { ...token('a', clock), value: 'ciphertext 2' };
    expect(await mustHave(store, 'reseal')(before, resealed)).toBe(true);
    expect(await recordOf(other)).toEqual({ ...before, token: resealed });
    // The mark is part of the ciphertext: by it an equal value is recognised from now on.
    if (!store.sealed) {
      const marked = sealed('3', 'mark a', clock);
      expect(await mustHave(store, 'reseal')(await recordOf(store), marked)).toBe(true);
      const again = sealed('4', 'mark a', clock);
      expect(await store.commit(KEY, again, { predecessor: generation, same: ['mark a'] })).toBe('accepted');
      expect(await recordOf(store)).toMatchObject({ generation, token: marked });
    }
  });

  test('reseals nothing that has changed since: token, times, epoch, tombstone', async (store, clock, other) => {
    const generation = await seed(store, clock, 'a', 5);
    const resealed = { ...token('a', clock), value: 'ciphertext 2' };
    const longer = { ...token('a', clock), expiresAt: clock.now() + 9_000_000 };
    const changes: readonly (() => Promise<unknown>)[] = [
      () => other.commit(KEY, longer, { predecessor: generation }),
      () => claimed(other, 'p1'),
      () => other.commit(KEY, token('b', clock), { predecessor: generation }),
      () => other.remove(KEY, generation + 1),
      () => other.commit(KEY, token('a', clock), { predecessor: generation + 1, revive: true }),
    ];
    for (const change of changes) {
      const seen = await recordOf(store);
      await change();
      const before = await recordOf(store);
      expect(await mustHave(store, 'reseal')(seen, resealed)).toBe(false);
      expect(await recordOf(store)).toEqual(before);
    }
    const unknown = { ...(await recordOf(store)), key: key('unknown') };
    expect(await mustHave(store, 'reseal')(unknown, resealed)).toBe(false);
    expect((await store.read(key('unknown'))).record).toBeUndefined();
  });
}

function sealed(text: string, mark: string, clock: { now(): number }): TokenPart {
  return { ...token('', clock), value: `ciphertext ${text}`, mark };
}
