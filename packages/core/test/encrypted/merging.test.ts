import { describe, expect, it } from 'vitest';
import { memoryStore, type TokenStore } from '../../src/index.js';
import type { Lease, TokenPart } from '../../src/store/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { MapRowStore } from '../store/map-row-store.js';
import { KEY, put, recordOf, sealing, storedOf, token } from './support.js';

const STORES = [
  ['memoryStore', (clock: ManualClock): TokenStore => memoryStore({ clock })],
  ['a store over rows', (clock: ManualClock): TokenStore => new MapRowStore(clock)],
] as const;

/** The same value with and without the parts that may be absent. */
function variants(name: string, more: Partial<TokenPart>): TokenPart[] {
  const whole = token(name, more);
  const { refreshToken, extra, ...bare } = whole;
  return [
    bare,
    { ...bare, refreshToken: refreshToken as string },
    { ...bare, extra: extra ?? {} },
    whole,
    { ...whole, refreshToken: '' },
    { ...whole, extra: {} },
  ];
}

describe.each(STORES)('an equal value over an encrypted %s', (_name, create) => {
  const first = variants('a', { expiresAt: 5_000, order: 3 });
  const second = variants('a', {
    refreshToken: 'another refresh token',
    extra: { another: ['extra'] },
    expiresAt: 4_000,
    refreshTokenExpiresAt: 7_000,
    issuedAt: 2_000,
  });
  const hows = ['in clear', 'old', 'new'] as const;
  const mixes = hows.flatMap((how) => (['old', 'new'] as const).map((active) => [how, active] as const));

  it.each(mixes)(
    'is merged as a store in clear merges it: stored %s, committed with the %s key',
    async (how, active) => {
      for (const stored of first) {
        for (const committed of second) {
          for (const known of [true, false]) {
            const clock = new ManualClock();
            const [plain, inner] = [memoryStore({ clock }), create(clock)];
            await put(how === 'in clear' ? inner : sealing(inner, how), stored);
            await put(plain, stored);
            const before = await recordOf(inner);
            const store = sealing(inner, active);
            // With a look at it before, as a manager does, and without, as a journal is replayed.
            if (known) await store.read(KEY);
            const { generation } = before;
            for (const each of [plain, store]) {
              const lease = (await each.claim({ key: KEY, generation, epoch: 0 }, 'p', 1_000)) as Lease;
              const options = { predecessor: generation + 5, lease, release: true, refreshAt: 6_000 };
              expect(await each.commit(KEY, committed, options)).toBe('accepted');
            }

            for (const reader of [store, sealing(inner, active === 'old' ? 'new' : 'old')])
              expect(await recordOf(reader)).toEqual(await recordOf(plain));
            expect((await recordOf(inner)).generation).toBe(generation);
            // The mark stays with the value it belongs to, so that the next equal one is recognised as well.
            expect(await sealing(inner, 'new').commit(KEY, token('a'), { predecessor: 0 })).toBe('accepted');
            expect(await storedOf(inner)).toMatchObject(
              known && how === 'in clear' ? { mark: expect.any(String) } : { value: before.token?.value },
            );
          }
        }
      }
    },
  );

  it.each(mixes)(
    'is one value however it is stored, and another is another: stored %s, committed with the %s key',
    async (how, active) => {
      const inner = create(new ManualClock());
      await put(how === 'in clear' ? inner : sealing(inner, how), token('a'));
      const { generation } = await recordOf(inner);
      const store = sealing(inner, active);
      expect(await store.commit(KEY, token('a'), { predecessor: generation })).toBe('accepted');
      expect((await recordOf(store)).generation).toBe(generation);
      expect(await store.commit(KEY, token('b'), { predecessor: generation })).toBe('accepted');
      expect(await recordOf(store)).toMatchObject({ generation: generation + 1, token: token('b') });
    },
  );

  it('is another value to who does not have the key it is sealed with: it follows its predecessor, or not at all', async () => {
    const inner = create(new ManualClock());
    await put(sealing(inner, 'old'), token('a'));
    const { generation } = await recordOf(inner);
    const store = sealing(inner, 'new', { new: 'bmV3IGtleSBvZiB0ZXN0cywgMzIgYnl0ZXMgbG9uZy4=' });
    await expect(store.commit(KEY, token('a'), { predecessor: 0 })).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(await store.commit(KEY, token('a'), { predecessor: generation })).toBe('accepted');
    expect((await recordOf(store)).generation).toBe(generation + 1);
  });

  it('is stored once by two processes with different active keys, and of two others exactly one, every time', async () => {
    const inner = create(new ManualClock());
    const processes = [sealing(inner, 'old'), sealing(inner, 'new')];
    await put(inner, token('seed'));
    let { generation } = await recordOf(inner);
    for (let round = 0; round < 300; round++) {
      const equal = round % 3 === 0;
      const parts = processes.map((_, at) => token(equal ? `r${round}` : `r${round} of ${at}`));
      const answers = await Promise.all(
        processes.map((store, at) => store.commit(KEY, parts[at] as TokenPart, { predecessor: generation })),
      );
      const [won] = answers.flatMap((answer, at) => (answer === 'accepted' ? [at] : []));
      expect(answers.filter((answer) => answer === 'accepted').length).toBe(equal ? 2 : 1);
      for (const store of processes)
        expect(await recordOf(store)).toMatchObject({ generation: generation + 1, token: parts[won as number] });
      for (const answer of answers) if (answer !== 'accepted') expect(answer.token).toEqual(parts[won as number]);
      generation++;
    }
  });
});
