import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { type KeyRotationReport, memoryStore, type TokenKey, type TokenStore } from '../../src/index.js';
import { type Lease, RECORD_VERSION, type TokenRecord } from '../../src/store/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { MapRowStore } from '../store/map-row-store.js';
import { damage, KEY, KEYS, keyOf, plant, put, recordOf, sealing, storedOf, token } from './support.js';

const ONLY_NEW = { new: KEYS.new };

async function all(store: TokenStore): Promise<readonly TokenRecord[]> {
  return (await store.list({}, { limit: 10_000 })).records;
}

/** Records without what sealing changes. */
function others(records: readonly TokenRecord[]) {
  return records.map(({ token: part, ...record }) => {
    if (!part) return record;
    const { value: _v, mark: _m, refreshToken: _r, extra: _e, ...clear } = part;
    return { ...record, token: clear };
  });
}

describe('rotating keys', () => {
  it('seals what another key sealed, and what stands in clear: an old key may go', async () => {
    const inner = memoryStore();
    const keys = [...Array(25).keys()].map((n) => keyOf(String(n).padStart(2, '0')));
    for (const [at, key] of keys.entries()) {
      const store = at % 3 === 0 ? inner : sealing(inner, at % 3 === 1 ? 'old' : 'new');
      await put(store, token(key, at % 2 === 0 ? {} : { refreshToken: '' }), key);
    }
    await sealing(inner, 'old').remove(keys[24] as TokenKey, (await recordOf(inner, keys[24])).generation);
    const before = await all(sealing(inner, 'new'));

    const store = sealing(inner, 'new');
    const progress: KeyRotationReport[] = [];
    const report = await store.rotateKeys({ limit: 10, onProgress: (so) => progress.push(so) });
    expect(report).toEqual({ examined: 24, resealed: 16, plain: 8, failed: [], complete: true });
    expect(progress.map(({ examined, complete }) => [examined, complete])).toEqual([
      [10, false],
      [20, false],
      [24, true],
    ]);

    const after = sealing(inner, 'new', ONLY_NEW);
    expect(await all(after)).toEqual(before);
    expect(JSON.stringify(await all(inner))).not.toMatch(/sealed1\.old|value of|token of|extra of/);
    for (const key of keys.slice(0, 24)) {
      const { generation } = await recordOf(after, key);
      expect(await after.commit(key, token(key), { predecessor: 0 })).toBe('accepted');
      expect((await recordOf(after, key)).generation).toBe(generation);
    }
  });

  it('was needed for that: without it, what the old key sealed cannot be opened', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    await expect(sealing(inner, 'new', ONLY_NEW).read(KEY)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
  });

  it('seals each part that needs it, be the others as they may', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'new'), token('a'));
    const [byNew, byOld] = [await storedOf(inner), {} as Record<string, unknown>];
    await put(sealing(inner, 'old'), token('b'));
    await put(sealing(inner, 'old'), token('a'));
    Object.assign(byOld, await storedOf(inner));
    for (const field of ['value', 'refreshToken', 'extra'] as const) {
      for (const part of [{ [field]: byOld[field] }, { [field]: token('a')[field], mark: undefined }]) {
        await damage(inner, () => JSON.parse(JSON.stringify({ ...byNew, ...part })));
        expect(await sealing(inner, 'new').rotateKeys()).toMatchObject({ resealed: 1, complete: true });
        expect((await recordOf(sealing(inner, 'new', ONLY_NEW))).token).toEqual(token('a'));
        expect(JSON.stringify(await storedOf(inner))).not.toMatch(/ of a\b/);
      }
    }
  });

  it('changes nothing else: generations, times, leases, states, what it does not know', async () => {
    const clock = new ManualClock();
    const inner = new MapRowStore(clock);
    const old = sealing(inner, 'old');
    for (const key of [KEY, keyOf('leased')]) await old.commit(key, token(key), { predecessor: 0, refreshAt: 7 });
    const { generation } = await recordOf(inner, keyOf('leased'));
    const seen = { key: keyOf('leased'), generation, epoch: 0 };
    const lease = (await old.claim(seen, 'p', 1_000, { generation })) as Lease;
    const before = others(await all(inner));

    expect(await sealing(inner, 'new').rotateKeys()).toMatchObject({ resealed: 2, complete: true });
    expect(others(await all(inner))).toEqual(before);
    // The holder notices nothing.
    expect(await old.renew(lease, 2_000)).toMatchObject({ epoch: 1 });
    expect(await old.commit(seen.key, token('next'), { predecessor: generation, lease, release: true })).toBe(
      'accepted',
    );
  });

  it('has nothing to do when it is run again', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    const store = sealing(inner, 'new');
    await store.rotateKeys();
    const stored = await storedOf(inner);
    expect(await store.rotateKeys()).toEqual({ examined: 1, resealed: 0, plain: 0, failed: [], complete: true });
    expect(await storedOf(inner)).toBe(stored);
  });

  it('does each record once where it is run twice at once', async () => {
    const inner = new MapRowStore(new ManualClock());
    const keys = [...Array(60).keys()].map((n) => keyOf(String(n)));
    for (const key of keys) await put(sealing(inner, 'old'), token(key), key);
    const runs = await Promise.all([1, 2].map(() => sealing(inner, 'new').rotateKeys({ limit: 20 })));
    expect(runs.map(({ complete }) => complete)).toEqual([true, true]);
    expect(runs.reduce((sum, { resealed }) => sum + resealed, 0)).toBe(60);
    for (const key of keys) expect((await recordOf(sealing(inner, 'new', ONLY_NEW), key)).token).toEqual(token(key));
  });

  it('may be interrupted, says so, and goes on when it is run again', async () => {
    const inner = memoryStore();
    const keys = [...Array(30).keys()].map((n) => keyOf(String(n)));
    for (const key of keys) await put(sealing(inner, 'old'), token(key), key);
    const store = sealing(inner, 'new');
    const stop = new AbortController();
    const first = await store.rotateKeys({ limit: 10, signal: stop.signal, onProgress: () => stop.abort() });
    expect(first).toMatchObject({ examined: 10, resealed: 10, complete: false });
    expect(await store.rotateKeys({ signal: AbortSignal.abort() })).toMatchObject({ examined: 0, complete: false });
    expect(await store.rotateKeys()).toMatchObject({ examined: 30, resealed: 20, complete: true });
  });

  it('ends in the middle of a page when it is told to', async () => {
    const inner = memoryStore();
    for (let n = 0; n < 30; n++) await put(sealing(inner, 'old'), token('a'), keyOf(String(n)));
    const stop = new AbortController();
    const reseal = inner.reseal?.bind(inner);
    inner.reseal = async (...args) => {
      stop.abort();
      return (await reseal?.(...args)) ?? false;
    };
    const report = await sealing(inner, 'new').rotateKeys({ signal: stop.signal });
    expect(report.complete).toBe(false);
    expect(report.resealed).toBeLessThan(30);
  });

  it('looks again where somebody writes meanwhile, and never puts an older token over a newer one', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    const reseal = inner.reseal?.bind(inner);
    const between = [
      // A process that still seals with the old key, a claim, an equal value; in the end a process of the new key.
      () => put(sealing(inner, 'old'), token('b')),
      async () => {
        const { generation, attempt } = await recordOf(inner);
        await inner.claim({ key: KEY, generation, epoch: attempt.epoch }, 'p', 1_000);
      },
      () => put(sealing(inner, 'old'), token('b', { refreshToken: 'later' })),
      () => put(sealing(inner, 'new'), token('c')),
    ];
    inner.reseal = async (...args) => {
      await between.shift()?.();
      return (await reseal?.(...args)) ?? false;
    };
    expect(await sealing(inner, 'new').rotateKeys()).toMatchObject({ examined: 1, resealed: 0, complete: true });
    expect(between).toEqual([]);
    expect((await recordOf(sealing(inner, 'new', ONLY_NEW))).token).toEqual(token('c'));
  });

  it('leaves a record alone that is forgotten meanwhile', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    const { generation } = await recordOf(inner);
    const reseal = inner.reseal?.bind(inner);
    inner.reseal = async (...args) => {
      await inner.remove(KEY, generation);
      return (await reseal?.(...args)) ?? false;
    };
    expect(await sealing(inner, 'new').rotateKeys()).toMatchObject({ resealed: 0, complete: true });
    expect(await recordOf(inner)).toMatchObject({ generation, attempt: { state: 'gone' } });
  });

  it('names the records that it cannot do, and does the others', async () => {
    const inner = memoryStore();
    const names = ['damaged', 'fine', 'later', 'other-key', 'unwritable'];
    for (const name of names) await put(sealing(inner, 'old'), token(name), keyOf(name));
    await damage(inner, (stored) => ({ ...stored, refreshToken: 'SECRET in clear' }), keyOf('damaged'));
    await damage(
      inner,
      (stored) => ({ ...stored, value: stored.value.replace('.old.', '.lost.') }),
      keyOf('other-key'),
    );
    await plant(inner, { ...(await recordOf(inner, keyOf('later'))), v: RECORD_VERSION + 1 });
    const reseal = inner.reseal?.bind(inner);
    inner.reseal = async (seen, part) => {
      if (seen.key === keyOf('unwritable')) throw Object.assign(new Error('SECRET'), { code: 'EIO' });
      return (await reseal?.(seen, part)) ?? false;
    };

    const report = await sealing(inner, 'new').rotateKeys();
    expect(report).toMatchObject({ examined: 1, resealed: 1, complete: false });
    expect(Object.fromEntries(report.failed.map(({ key, reason }) => [key, reason]))).toEqual({
      [keyOf('damaged')]: 'a sealed text cannot be opened: a part of it is not sealed',
      [keyOf('later')]: `its format ${RECORD_VERSION + 1} is newer than this version knows`,
      [keyOf('other-key')]: 'a sealed text cannot be opened: key "lost" is not among "keys"',
      [keyOf('unwritable')]: 'the store failed (EIO)',
    });
    expect(JSON.stringify(report)).not.toMatch(/SECRET|of (damaged|later|other|unwritable)|sealed1/);
  });

  it('gives up a record that others keep writing, and says so', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    inner.reseal = async () => false;
    const { failed } = await sealing(inner, 'new').rotateKeys();
    expect(failed).toEqual([{ key: KEY, reason: 'other processes kept being faster' }]);
  });

  it('needs a store that can reseal, and one that can list', async () => {
    const inner = Object.assign(memoryStore(), { reseal: undefined }) as unknown as TokenStore;
    await expect(sealing(inner, 'new').rotateKeys()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: '"store" of encrypted must have "reseal" for its keys to be rotated (memoryStore)',
    });
    const away = memoryStore();
    vi.spyOn(away, 'list').mockRejectedValue(new Error('away'));
    await expect(sealing(away, 'new').rotateKeys()).rejects.toThrow('away');
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a page of %s records', async (limit) => {
    await expect(sealing(memoryStore(), 'new').rotateKeys({ limit })).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: '"limit" must be a whole number of at least 1',
    });
  });
});

describe.each([
  ['memoryStore', (clock: ManualClock): TokenStore => memoryStore({ clock })],
  ['a store over rows', (clock: ManualClock): TokenStore => new MapRowStore(clock)],
])('rotating keys under load, on %s', (_name, create) => {
  it('loses nothing: every record opens with the new key alone and holds the last token that was accepted', async () => {
    const clock = new ManualClock();
    const inner = create(clock);
    const keys = [...Array(40).keys()].map((n) => keyOf(`k${n}`));
    for (const key of keys) await put(sealing(inner, 'old'), token(`${key} first`), key);
    const last = new Map(keys.map((key) => [key, { generation: 0, name: `${key} first` }]));
    const counts = { accepted: 0, refused: 0 };
    let running = true;

    // Two processes with the new key refresh under leases, sign in over whatever stands, and note failures.
    const processes = [sealing(inner, 'new'), sealing(inner, 'new')];
    const accepted = async (key: TokenKey, name: string, generation: number) => {
      counts.accepted++;
      if (generation > (last.get(key)?.generation ?? 0)) last.set(key, { generation, name });
    };
    const worker = async (store: TokenStore, at: number) => {
      for (let n = 0; running || n % keys.length !== 0; n++) {
        const key = keys[(n * (at + 1)) % keys.length] as TokenKey;
        const { generation, attempt } = await recordOf(store, key);
        const name = `${key} by ${at} as ${n}`;
        const lease =
          n % 2 === 0 ? await store.claim({ key, generation, epoch: attempt.epoch }, `p${at}`, 1_000) : undefined;
        if (lease && !('kind' in lease)) continue;
        if (n % 10 === 4) {
          await store.note(lease as Lease, { failures: 1, state: 'retrying' }, { release: true });
          continue;
        }
        const options = { predecessor: generation, ...(lease && { lease: lease as Lease, release: true }) };
        if ((await store.commit(key, token(name), options)) === 'accepted') await accepted(key, name, generation + 1);
        else counts.refused++;
        await turn();
      }
    };
    const load = processes.flatMap((store, at) => [worker(store, at), worker(store, at + 2)]);
    await turn();
    const runs = await Promise.all([1, 2].map(() => sealing(inner, 'new').rotateKeys({ limit: 7 })));
    running = false;
    await Promise.all(load);

    for (const run of runs) expect(run).toMatchObject({ examined: 40, failed: [], complete: true });
    expect(runs.reduce((sum, { resealed }) => sum + resealed, 0)).toBeGreaterThan(0);
    expect(counts.accepted).toBeGreaterThan(40);
    const after = sealing(inner, 'new', ONLY_NEW);
    for (const key of keys) {
      const { generation, name } = last.get(key) as { generation: number; name: string };
      const record = await recordOf(after, key);
      expect(record.token).toEqual(token(name));
      if (generation > 0) expect(record.generation).toBe(generation);
    }
  });
});
