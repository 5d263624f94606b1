import { describe, expect, it, vi } from 'vitest';
import {
  type EncryptedOptions,
  encrypted,
  fingerprint,
  memoryStore,
  TokenError,
  type TokenKey,
  type TokenStore,
} from '../../src/index.js';
import { cursorOf, emptyRecord, type Lease, RECORD_VERSION, type TokenPart } from '../../src/store/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { MapRowStore } from '../store/map-row-store.js';
import { damage, KEY, KEYS, keyOf, plant, put, recordOf, sealing, storedOf, token } from './support.js';

const NOT_OPENED = { code: 'ERR_TOKEN_STORE', retryable: false, reason: 'sealed' };

async function errorOf(work: Promise<unknown>): Promise<TokenError> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof TokenError)) throw new Error('no TokenError');
  return error;
}

describe('an encrypted store', () => {
  it('seals value, refresh token and extra, and leaves in clear what the store decides and indexes by', async () => {
    const inner = memoryStore();
    await sealing(inner, 'new').commit(KEY, token('a'), { predecessor: 0, refreshAt: 5 });
    const record = await recordOf(inner);
    const { value, refreshToken, extra, mark, ...clear } = record.token as TokenPart;
    for (const text of [value, refreshToken, extra?.['sealed']]) expect(text).toMatch(/^.sealed1\.new\.[\w-]+$/);
    expect(Object.keys(extra ?? {})).toEqual(['sealed']);
    expect(mark).toMatch(/^[\w-]{43}$/);
    const { value: _v, refreshToken: _r, extra: _e, ...given } = token('a');
    expect(clear).toEqual(given);
    expect(record).toMatchObject({ v: RECORD_VERSION, key: KEY, refreshAt: 5, attempt: { epoch: 0 } });
  });

  it('shows nothing that is secret to the store below, in no form', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    // Every way in: first tokens, equal ones, others, over records in clear.
    await put(inner, token('CANARY'), keyOf('plain'));
    await store.read(keyOf('plain'));
    for (const key of [KEY, keyOf('plain'), keyOf('other')]) {
      await put(store, token('CANARY'), key);
      await put(store, token('CANARY', { expiresAt: 10_000 }), key);
    }
    await put(store, token('CANARY-2'), keyOf('other'));
    const dump = JSON.stringify((await inner.list({}, { limit: 100 })).records);
    expect(dump.match(/et1\/platform/g)?.length).toBe(3);
    for (const secret of ['value of CANARY', 'refresh token of CANARY', 'extra of CANARY']) {
      const bytes = Buffer.from(secret);
      // In base64 a text looks in three ways, depending on what stands before it; its edges depend on its neighbours.
      const inBase64 = [0, 1, 2].map((before) =>
        Buffer.concat([Buffer.alloc(before), bytes])
          .toString('base64')
          .slice(before === 0 ? 0 : before + 1, -4),
      );
      for (const form of [
        secret,
        ...inBase64,
        ...inBase64.map((text) => text.replaceAll('/', '_').replaceAll('+', '-')),
      ])
        expect(dump).not.toContain(form);
      expect(dump.toLowerCase()).not.toContain(bytes.toString('hex'));
    }
    expect(dump).not.toContain('CANARY');
  });

  it('opens what it gives back, and tells nobody of marks: read, refused claim, refused commit, due, list, peek', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await store.commit(KEY, token('a'), { predecessor: 0, refreshAt: 1 });
    const expected = { ...(await recordOf(inner)), token: token('a') };
    const { generation } = expected;
    expect((await store.read(KEY)).record).toEqual(expected);
    expect(await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p', 1_000)).toEqual(expected);
    expect(await store.commit(KEY, token('b'), { predecessor: generation - 1 })).toEqual(expected);
    expect((await store.due({ limit: 9, accounts: ['platform/app'] })).keys).toEqual([
      { key: KEY, generation, epoch: 0, refreshAt: 1, record: expected },
    ]);
    expect((await store.list({}, { limit: 9 })).records).toEqual([expected]);
    expect(store.peek?.(KEY)).toEqual(expected);
  });

  it('hands out one and the same record until another one is stored, to who peeks at a store in this process', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(store, token('a'));
    const first = store.peek?.(KEY);
    expect(store.peek?.(KEY)).toBe(first);
    await put(store, token('b'));
    expect(store.peek?.(KEY)?.token).toEqual(token('b'));
    expect(store.peek?.(keyOf('nobody'))).toBeUndefined();
  });

  it('costs the store below no call more', async () => {
    const inner = new MapRowStore(new ManualClock());
    const store = sealing(inner, 'new');
    await put(store, token('a'));
    inner.calls.length = 0;
    const { generation } = await recordOf(store);
    const lease = (await store.claim({ key: KEY, generation, epoch: 0 }, 'p', 1_000)) as Lease;
    await store.commit(KEY, token('b'), { predecessor: generation, lease, release: true });
    expect(inner.calls).toEqual(['load', 'update', 'update']);
  });

  it('passes on what holds no token: leases, notes, tombstones, parking, what is absent', async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    const store = sealing(inner, 'new');
    expect(await store.open()).toEqual({ durable: false, scope: 'process' });
    expect(await store.read(KEY)).toEqual({ now: clock.now() });
    const lease = (await store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p', 1_000)) as Lease;
    expect(await store.renew(lease, 2_000)).toEqual({ ...lease, until: clock.now() + 2_000 });
    expect(await store.note(lease, { failures: 3, refreshAt: 4 }, { release: true })).toBe(true);
    expect((await store.due({ limit: 1, accounts: ['platform/app'] })).keys[0]?.record).toMatchObject({
      attempt: { failures: 3 },
    });
    expect(await store.park({ key: KEY, generation: 0, epoch: 1 }, 'unknownSource')).toBe(true);
    await put(store, token('a'));
    expect(await store.remove(KEY, (await recordOf(store)).generation)).toBe(true);
    expect((await recordOf(store)).attempt.state).toBe('gone');
    expect((await store.list({ states: ['gone'] }, { limit: 9 })).records.length).toBe(1);
  });

  it('has no optional operation but those of the store below, and says what it is', () => {
    const store = sealing(memoryStore(), 'new');
    expect(store).toMatchObject({ name: 'encrypted(memoryStore)', sealed: true });
    expect(typeof store.watch).toBe('function');
    expect(typeof store.peek).toBe('function');
    const rows = sealing(new MapRowStore(new ManualClock()), 'new');
    expect(['watch' in rows, 'peek' in rows]).toEqual([false, false]);
  });

  it('passes on watchers, and the end', async () => {
    const inner = memoryStore();
    const close = vi.spyOn(inner, 'close');
    const store = sealing(inner, 'new');
    const heard: TokenKey[] = [];
    const stop = store.watch?.((key) => heard.push(key));
    await put(store, token('a'));
    stop?.();
    await put(store, token('b'));
    expect(heard).toEqual([KEY]);
    await store.close();
    expect(close).toHaveBeenCalledOnce();
  });

  it('lets go of no secret in what a store refuses', async () => {
    const inner = memoryStore();
    const commit = vi.spyOn(inner, 'commit').mockRejectedValue(new Error('the store is away'));
    await expect(sealing(inner, 'new').commit(KEY, token('a'), { predecessor: 0 })).rejects.toThrow(
      'the store is away',
    );
    expect(JSON.stringify(commit.mock.calls)).not.toMatch(/value of|token of|extra of/);
  });
});

describe('what cannot be opened', () => {
  type Change = (stored: TokenPart, others: { otherKey: TokenPart; changed: (text: string) => string }) => TokenPart;
  const changes: [string, Change][] = [
    ['a value moved from another key', (stored, { otherKey }) => ({ ...stored, value: otherKey.value })],
    [
      'a refresh token moved from another key',
      (stored, { otherKey }) => ({ ...stored, refreshToken: otherKey.refreshToken as string }),
    ],
    ['an extra moved from another key', (stored, { otherKey }) => ({ ...stored, extra: otherKey.extra ?? {} })],
    ['a token moved from another key, as a whole', (_stored, { otherKey }) => otherKey],
    ['a refresh token in the place of the value', (stored) => ({ ...stored, value: stored.refreshToken as string })],
    ['a value in the place of the refresh token', (stored) => ({ ...stored, refreshToken: stored.value })],
    ['a value in the place of the extra', (stored) => ({ ...stored, extra: { sealed: stored.value } })],
    ['a damaged value', (stored, { changed }) => ({ ...stored, value: changed(stored.value) })],
    [
      'a damaged refresh token',
      (stored, { changed }) => ({ ...stored, refreshToken: changed(stored.refreshToken as string) }),
    ],
    [
      'a damaged extra',
      (stored, { changed }) => ({ ...stored, extra: { sealed: changed(String(stored.extra?.['sealed'])) } }),
    ],
    ['a value in clear beside a mark', (stored) => ({ ...stored, value: 'in clear' })],
    ['a refresh token in clear beside a mark', (stored) => ({ ...stored, refreshToken: 'in clear' })],
    ['an extra in clear beside a mark', (stored) => ({ ...stored, extra: { in: 'clear' } })],
    ['a sealed extra with something beside it', (stored) => ({ ...stored, extra: { ...stored.extra, more: 1 } })],
    [
      'a value without its mark, damaged',
      ({ mark: _mark, ...stored }, { changed }) => ({ ...stored, value: changed(stored.value) }),
    ],
    ['a value that is no text', (stored) => ({ ...stored, value: 7 as unknown as string })],
  ];

  it.each(changes)('is an error, never a miss: %s', async (_name, change) => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(store, token('a'));
    await put(store, token('a'), keyOf('other'));
    const otherKey = await storedOf(inner, keyOf('other'));
    const changed = (text: string) => text.slice(0, -1) + (text.endsWith('A') ? 'B' : 'A');
    await damage(inner, (stored) => change(stored, { otherKey, changed }));
    const { generation } = await recordOf(inner);

    for (const refused of [
      () => store.read(KEY),
      () => store.claim({ key: KEY, generation: 0, epoch: 0 }, 'p', 1_000),
      () => store.commit(KEY, token('b'), { predecessor: generation - 1 }),
    ]) {
      const error = await errorOf(refused());
      expect(error).toMatchObject({ ...NOT_OPENED, kind: 'access_token', subject: 'subject' });
      expect(error.message).toMatch(
        /^encrypted\(memoryStore\): access_token of "platform\/app": (a sealed text cannot be opened: |it holds no token)/,
      );
      expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/of a\b|in clear\b|sealed1/);
    }
    expect(await recordOf(inner)).toMatchObject({ generation });
    expect((await store.read(keyOf('other'))).record?.token).toEqual(token('a'));
  });

  it('is an error whatever character of it was changed', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(store, token('a'));
    const stored = await storedOf(inner);
    const replaced = (text: string, at: number) =>
      text.slice(0, at) + (text[at] === 'B' ? 'C' : 'B') + text.slice(at + 1);
    const extra = String(stored.extra?.['sealed']);
    for (let at = 0; at < Math.max(stored.value.length, stored.refreshToken?.length ?? 0, extra.length); at++) {
      for (const changed of [
        at < stored.value.length && { value: replaced(stored.value, at) },
        at < (stored.refreshToken?.length ?? 0) && { refreshToken: replaced(stored.refreshToken as string, at) },
        at < extra.length && { extra: { sealed: replaced(extra, at) } },
      ]) {
        if (!changed) continue;
        await damage(inner, () => ({ ...stored, ...changed }));
        await expect(store.read(KEY), JSON.stringify(changed)).rejects.toMatchObject(NOT_OPENED);
      }
    }
    await damage(inner, () => stored);
    expect((await store.read(KEY)).record?.token).toEqual(token('a'));
  });

  it('is not what has lost its mark alone: sealed parts say so by themselves, and get a mark again', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'new'), token('a'));
    const { mark } = await storedOf(inner);
    await damage(inner, ({ mark: _mark, ...stored }) => stored);
    const store = sealing(inner, 'new');
    expect((await recordOf(store)).token).toEqual(token('a'));
    await store.rotateKeys();
    expect(await storedOf(inner)).toMatchObject({ mark });
  });

  it('is named by the key that is missing', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'old'), token('a'));
    const error = await errorOf(sealing(inner, 'new', { new: KEYS.new }).read(KEY));
    expect(error).toMatchObject(NOT_OPENED);
    expect(error.message).toContain('key "old" is not among "keys"');
    expect(await errorOf(sealing(inner, 'old', { old: KEYS.new }).read(KEY))).toMatchObject(NOT_OPENED);
  });

  it('stops no other: due names it without its record, list gives it without its token, peek knows nothing of it', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    const [first, second, third] = [keyOf('1'), keyOf('2'), keyOf('3')];
    for (const key of [first, second, third])
      await store.commit(key, token(key), { predecessor: 0, refreshAt: 1, attempt: { cause: 'why' } });
    await damage(inner, (stored) => ({ ...stored, value: 'in clear' }), second);
    const { generation } = await recordOf(inner, second);

    const { keys } = await store.due({ limit: 9, accounts: ['platform/app'] });
    expect(keys.map(({ key, record }) => [key, record?.token])).toEqual([
      [first, token(first)],
      [second, undefined],
      [third, token(third)],
    ]);
    expect(keys[1]).toEqual({ key: second, generation, epoch: 0, refreshAt: 1 });
    const { records } = await store.list({}, { limit: 9 });
    expect(records.map(({ key, token: opened, attempt }) => [key, opened, attempt.cause])).toEqual([
      [first, token(first), 'why'],
      [second, undefined, 'sealed'],
      [third, token(third), 'why'],
    ]);
    expect(records[1]).toMatchObject({ generation, refreshAt: 1 });
    expect(store.peek?.(second)).toBeUndefined();
    expect(store.peek?.(third)?.token).toEqual(token(third));
  });

  it('keeps its place in the pages of what is due', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    const keys = [1, 2, 3].map((n) => keyOf(String(n)));
    for (const key of keys) await store.commit(key, token(key), { predecessor: 0, refreshAt: 1 });
    await damage(inner, (stored) => ({ ...stored, value: '' }), keys[0]);
    const page = await store.due({ limit: 1, accounts: ['platform/app'] });
    expect(page.keys.map(({ key }) => key)).toEqual([keys[0]]);
    expect(page.cursor).toBe(cursorOf({ key: keys[0] as TokenKey, refreshAt: 1 }));
  });
});

describe('records in clear', () => {
  it('are read as they are, and sealed by the next token stored over them', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(inner, token('a'));
    expect(await recordOf(store)).toEqual(await recordOf(inner));
    await put(store, token('b'));
    expect(JSON.stringify(await recordOf(inner))).not.toMatch(/ of (a|b)\b/);
    expect((await recordOf(store)).token).toEqual(token('b'));
  });

  it.each(['memoryStore', 'a store over rows'])(
    'are sealed by an equal value too, and keep their generation: %s',
    async (kind) => {
      const inner = kind === 'memoryStore' ? memoryStore() : new MapRowStore(new ManualClock());
      const store = sealing(inner, 'new');
      await put(inner, token('a'));
      const { generation } = await recordOf(store);
      await put(store, token('a', { expiresAt: 12_000 }));
      expect(await recordOf(store)).toMatchObject({ generation, token: token('a', { expiresAt: 12_000 }) });
      expect(JSON.stringify(await recordOf(inner))).not.toMatch(/ of a\b/);
    },
  );

  it('are opened part by part where an equal value was merged into one that nobody had read', async () => {
    const inner = memoryStore();
    await put(inner, token('a'));
    const { refreshToken: _r, extra: _e, ...bare } = token('a');
    // As a journal is replayed: a commit without a look before it.
    await sealing(inner, 'old').commit(KEY, { ...bare, refreshToken: 'another' }, { predecessor: 7 });
    const stored = await storedOf(inner);
    expect(stored).toMatchObject({ value: 'value of a', extra: token('a').extra });
    expect(stored.refreshToken).toMatch(/^.sealed1\.old\./);
    const store = sealing(inner, 'new');
    expect((await recordOf(store)).token).toEqual({ ...token('a'), refreshToken: 'another' });
    await expect(sealing(inner, 'new', { new: KEYS.new }).read(KEY)).rejects.toMatchObject(NOT_OPENED);
  });

  it('are taken for what they are where a platform hands out texts that look sealed', async () => {
    const inner = memoryStore();
    await put(sealing(inner, 'new'), token('a'));
    const { value, refreshToken, extra } = await storedOf(inner);
    const looksSealed: TokenPart = {
      ...token('b'),
      // Real ciphertexts, but for the sign that no platform can send.
      value: value.slice(1),
      refreshToken: (refreshToken as string).slice(1),
      extra: { sealed: String(extra?.['sealed']).slice(1) },
    };
    const store = sealing(inner, 'new');
    for (const part of [looksSealed, { ...looksSealed, value: 'sealed1.', refreshToken: 'sealed1.none.AAAA' }]) {
      await damage(inner, () => part);
      expect((await recordOf(store)).token).toEqual(part);
      await put(store, part);
      expect((await recordOf(store)).token).toEqual(part);
      expect(await storedOf(inner)).not.toMatchObject({ value: part.value });
    }
  });

  it('cost an equal value no error where they cannot be sealed at once', async () => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(inner, token('a'));
    await store.read(KEY);
    const reseal = vi.spyOn(inner as Required<TokenStore>, 'reseal').mockRejectedValueOnce(new Error('away'));
    await put(store, token('a'));
    expect(reseal).toHaveBeenCalledOnce();
    expect((await storedOf(inner)).value).toBe('value of a');
    await put(store, token('a'));
    expect((await storedOf(inner)).value).not.toBe('value of a');
  });

  it('are not written again and again where the store below cannot reseal', async () => {
    const inner = memoryStore();
    const store = sealing(Object.assign(inner, { reseal: undefined }) as unknown as TokenStore, 'new');
    await put(inner, token('a'));
    await store.read(KEY);
    const read = vi.spyOn(inner, 'read');
    await store.commit(KEY, token('a'), { predecessor: 0 });
    expect(read).not.toHaveBeenCalled();
    expect((await recordOf(store)).token).toEqual(token('a'));
  });
});

describe('a record of a higher format', () => {
  it.each(['in clear', 'sealed'])('is served where it can be opened, and never changed: %s', async (how) => {
    const inner = memoryStore();
    const store = sealing(inner, 'new');
    await put(how === 'sealed' ? store : inner, token('a'));
    const later = { ...(await recordOf(inner)), v: RECORD_VERSION + 1, later: { x: 1 } };
    await plant(inner, later);
    const opened = { ...later, token: token('a') };
    const { generation } = later;
    expect((await store.read(KEY)).record).toEqual(opened);
    expect(await store.claim({ key: KEY, generation, epoch: 0 }, 'p', 1_000)).toEqual(opened);
    for (const name of ['a', 'b'])
      expect(await store.commit(KEY, token(name), { predecessor: generation })).toEqual(opened);
    expect(await store.remove(KEY, generation)).toBe(false);
    expect(await recordOf(inner)).toEqual(later);
  });

  it('is an error where it is sealed in a way of its own', async () => {
    const inner = memoryStore();
    await put(inner, token('a', { mark: 'another kind', value: '\u0001sealed2.new.AAAA' }));
    await plant(inner, { ...(await recordOf(inner)), v: RECORD_VERSION + 1 });
    await expect(sealing(inner, 'new').read(KEY)).rejects.toMatchObject(NOT_OPENED);
  });
});

describe('wrong options', () => {
  it.each<[string, () => TokenStore, unknown, string]>([
    ['no options', memoryStore, undefined, '"keys" must be an object of key ids and keys'],
    ['null for keys', memoryStore, { keys: null, activeKeyId: 'a' }, '"keys" must be an object of key ids and keys'],
    ['no active key', memoryStore, { keys: KEYS }, '"activeKeyId" must be one of the ids in "keys", it is missing'],
    [
      'a missing key',
      memoryStore,
      { keys: { a: undefined }, activeKeyId: 'a' },
      '"keys.a" must be 32 bytes in base64, it is missing',
    ],
    [
      'an unknown one',
      memoryStore,
      { keys: KEYS, activeKeyId: 'new', algorithm: 'x' },
      '"algorithm" is no option of encrypted; expected "keys", "activeKeyId"',
    ],
    [
      'no store',
      () => undefined as never,
      { keys: KEYS, activeKeyId: 'new' },
      '"store" of encrypted must be a TokenStore',
    ],
    [
      'an encrypted store',
      () => sealing(memoryStore(), 'old'),
      { keys: KEYS, activeKeyId: 'new' },
      '"store" of encrypted is encrypted already: encrypted(memoryStore)',
    ],
    [
      'those of the store below',
      () => Object.assign(memoryStore(), { problems: () => ['"url" must be a URL'] }),
      { keys: KEYS, activeKeyId: 'new' },
      '"url" must be a URL',
    ],
  ])('are told by name, and throw nothing before the store is used: %s', async (_name, inner, options, problem) => {
    const below = inner();
    const open = below && vi.spyOn(below, 'open');
    const store = encrypted(below, options as EncryptedOptions);
    expect(store.problems?.()).toEqual([problem]);
    expect(store.peek?.(KEY)).toBeUndefined();
    const refused = { code: 'ERR_TOKEN_CONFIGURATION', message: `${problem} (${store.name})` };
    await expect(store.open()).rejects.toMatchObject(refused);
    await expect(store.commit(KEY, token('a'), { predecessor: 0 })).rejects.toMatchObject(refused);
    await expect(store.rotateKeys()).rejects.toMatchObject(refused);
    expect(open?.mock.calls ?? []).toEqual([]);
  });

  it('are read once: keys that are changed later have no effect', async () => {
    const keys: Record<string, string | undefined> = { ...KEYS };
    const store = encrypted(memoryStore(), { keys, activeKeyId: 'new' });
    keys['new'] = undefined;
    expect(store.problems?.()).toEqual([]);
    await put(store, token('a'));
    expect((await recordOf(store)).token).toEqual(token('a'));
  });

  it('touches nothing before it is used', () => {
    const getBuiltinModule = vi.spyOn(process, 'getBuiltinModule');
    encrypted(memoryStore(), { keys: KEYS, activeKeyId: 'new' }).problems?.();
    expect(getBuiltinModule).not.toHaveBeenCalled();
    getBuiltinModule.mockRestore();
  });
});

it('leaves what is in clear as it is: fingerprints of values, and all that is absent', async () => {
  const inner = memoryStore();
  const store = sealing(inner, 'new');
  const { refreshToken: _r, extra: _e, expiresAt: _x, ...bare } = token('a', { seen: [fingerprint('value of a')] });
  await put(store, bare);
  expect(Object.keys(await storedOf(inner)).sort()).toEqual([...Object.keys(bare), 'mark'].sort());
  expect((await recordOf(store)).token).toEqual(bare);
  await put(store, { ...bare, value: '', refreshToken: '', extra: {} });
  expect((await recordOf(store)).token).toEqual({ ...bare, value: '', refreshToken: '', extra: {} });
  expect(emptyRecord(KEY).token).toBeUndefined();
});
