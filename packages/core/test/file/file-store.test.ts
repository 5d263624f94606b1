import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/file/index.js';
import { explained } from '../../src/file/private-directory.js';
import { append, latest } from '../../src/file/versions.js';
import { tokenKeyOf } from '../../src/index.js';
import { ManualClock, storeContract } from '../../src/testing/index.js';

const root = await mkdtemp(join(tmpdir(), 'evertoken-file-'));
afterAll(() => rm(root, { recursive: true, force: true }));

let serial = 0;
const directories = new WeakMap<object, string>();
function newStore(clock: ManualClock, directory = join(root, String(++serial))) {
  const store = fileStore({ directory, clock });
  directories.set(store, directory);
  return store;
}

storeContract({ describe, it, expect }, () => new ManualClock(), {
  name: 'fileStore',
  create: (clock) => newStore(clock),
  reconnect: (store, clock) => newStore(clock, directories.get(store)),
  traits: { durable: 'synced', scope: 'host' },
  lacks: ['watch'],
  keys: 10_000,
  plant: async (store, record) => {
    // The directory's name is the store's own affair: let it make one, then put the record on top.
    await store.claim({ key: record.key, generation: 0, epoch: 0 }, 'planter', 1);
    const base = join(directories.get(store) as string, (await readdir(directories.get(store) as string))[0] as string);
    await append(base, await latest(base), record);
  },
});

describe('fileStore', () => {
  const key = tokenKeyOf({ platform: 'p', id: 'i', kind: 'k' });
  const lease = { key, generation: 0, epoch: 0 };
  const token = (value: string) => ({
    value,
    issuedAt: 1,
    firstSeenAt: 1,
    seen: [],
    lineage: { cause: 'issue', actor: 'a', at: 1, durationMs: 1 } as const,
  });

  it('touches nothing before it is opened', async () => {
    const directory = join(root, 'untouched');
    fileStore({ directory });
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tells a missing directory by name, and throws for it only when it is opened', async () => {
    const store = fileStore({ directory: undefined });
    expect(store.problems?.()).toEqual(['"directory" must be a non-empty string, it is missing']);
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: '"directory" must be a non-empty string, it is missing (fileStore)',
    });
  });

  it('lets nobody but the owner read: directories 0700, files 0600', async () => {
    const directory = join(root, 'modes');
    const store = fileStore({ directory });
    await store.open();
    await store.claim(lease, 'p', 1_000);
    const [name] = await readdir(directory);
    const [file] = await readdir(join(directory, name as string));
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, name as string))).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, name as string, file as string))).mode & 0o777).toBe(0o600);
  });

  it('keeps two versions and no leftovers', async () => {
    const directory = join(root, 'leftovers');
    const store = fileStore({ directory, clock: new ManualClock() });
    await store.open();
    for (let epoch = 0; epoch < 9; epoch++) {
      const claimed = await store.claim({ ...lease, epoch }, 'p', 1_000);
      if ('kind' in claimed) await store.note(claimed, {}, { release: true });
    }
    const [name] = await readdir(directory);
    expect(await readdir(join(directory, name as string))).toHaveLength(2);
  });

  it('takes a file it cannot understand for an error, never for a miss', async () => {
    const directory = join(root, 'broken');
    const store = fileStore({ directory });
    await store.open();
    await store.claim(lease, 'p', 1_000);
    const [name] = await readdir(directory);
    await writeFile(join(directory, name as string, '000000000009'), '{"half":');
    await writeFile(join(directory, name as string, '000000000010'), '"SECRET-VALUE');
    await expect(store.read(key)).rejects.toMatchObject({
      code: 'ERR_TOKEN_STORE',
      message: 'fileStore: a file in its directory holds no record',
    });
    expect(await readFile(join(directory, name as string, '000000000009'), 'utf8')).toBe('{"half":');
    // The others are found all the same.
    const other = tokenKeyOf({ platform: 'p', id: 'i', kind: 'other' });
    await store.commit(other, token('T1'), { predecessor: 0, refreshAt: 1 });
    expect((await fileStore({ directory }).due({ limit: 9, accounts: ['p/i'] })).keys.map((due) => due.key)).toEqual([
      other,
    ]);
    expect((await fileStore({ directory }).list({}, { limit: 9 })).records.map((record) => record.key)).toEqual([
      other,
    ]);
  });

  it('removes what killed writers left aside, once no writer can still be at it, and old versions', async () => {
    const directory = join(root, 'left');
    const store = fileStore({ directory });
    await store.open();
    await store.commit(key, token('T1'), { predecessor: 0 });
    const base = join(directory, (await readdir(directory))[0] as string);
    const long = new Date(Date.now() - 2 * 3_600_000);
    for (const path of [join(directory, '.0123456789abcdef.tmp'), join(base, '.0123456789abcdef.tmp')]) {
      await writeFile(path, '{"value":"ha');
      await utimes(path, long, long);
    }
    await writeFile(join(base, '.fedcba9876543210.tmp'), 'somebody is at it');
    await writeFile(join(base, '000000000007'), await readFile(join(base, '000000000001')));
    await writeFile(join(base, '000000000006'), await readFile(join(base, '000000000001')));
    await fileStore({ directory }).list({}, { limit: 9 });
    expect((await readdir(base)).sort()).toEqual(['.fedcba9876543210.tmp', '000000000006', '000000000007']);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('reads a file once: versions never change', async () => {
    const directory = join(root, 'cached');
    const store = fileStore({ directory });
    await store.open();
    await store.commit(key, token('T1'), { predecessor: 0, refreshAt: 1 });
    const query = { limit: 9, accounts: ['p/i'] };
    expect((await store.due(query)).keys).toHaveLength(1);
    const base = join(directory, (await readdir(directory))[0] as string);
    await writeFile(join(base, '000000000001'), 'unreadable by now');
    expect((await store.due(query)).keys).toHaveLength(1);
    expect((await store.read(key)).record?.token?.value).toBe('T1');
  });

  it('finds due what another process wrote, also where a refused claim has read it first', async () => {
    const directory = join(root, 'refused');
    const store = fileStore({ directory });
    await store.open();
    await fileStore({ directory }).commit(key, token('T1'), { predecessor: 0, refreshAt: 1 });
    expect(await store.claim(lease, 'p', 1_000)).toMatchObject({ key });
    expect((await store.due({ limit: 9, accounts: ['p/i'] })).keys).toHaveLength(1);
  });

  it.skipIf(process.platform === 'win32')('repairs the mode of a directory that others may look into', async () => {
    const directory = join(root, 'open');
    await mkdir(directory, { mode: 0o777 });
    await chmod(directory, 0o777);
    await fileStore({ directory }).open();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it.skipIf(process.platform === 'win32')('takes no directory for its own that others use', async () => {
    for (const [mode, file] of [
      [0o1777, undefined],
      [0o755, 'letter.txt'],
    ] as const) {
      const directory = join(root, `shared-${mode}`);
      await mkdir(directory);
      await chmod(directory, mode);
      if (file) await writeFile(join(directory, file), '');
      await expect(fileStore({ directory }).open()).rejects.toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"directory" of fileStore is open to others and holds what is not its own/),
      });
      expect((await stat(directory)).mode & 0o7777).toBe(mode);
    }
  });

  it('takes a directory that is away for an error, never for a miss', async () => {
    const directory = join(root, 'unmounted');
    const store = fileStore({ directory });
    await store.open();
    await store.commit(key, token('T1'), { predecessor: 0 });
    await rm(directory, { recursive: true });
    await expect(store.read(key)).rejects.toMatchObject({ code: 'ERR_TOKEN_STORE' });
    await expect(store.commit(key, token('T2'), { predecessor: 0 })).rejects.toThrow();
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['a file', async (path: string) => writeFile(path, ''), /^"directory" of fileStore is a file \(EEXIST\)/],
    [
      'a path through a file',
      async (path: string) => {
        await writeFile(`${path}.file`, '');
        return `${path}.file/below`;
      },
      /^"directory" of fileStore leads through a file \(ENOTDIR\)/,
    ],
  ])('refuses %s, saying which option and why', async (name, prepare, message) => {
    const path = join(root, `refused-${name.replaceAll(' ', '-')}`);
    const directory = (await prepare(path)) ?? path;
    await expect(fileStore({ directory }).open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['EROFS', 'ERR_TOKEN_CONFIGURATION', '"directory" of fileStore is on a disk that is mounted read-only (EROFS)'],
    ['EACCES', 'ERR_TOKEN_CONFIGURATION', '"directory" of fileStore cannot be written to by this user (EACCES)'],
    ['ENOSPC', 'ERR_TOKEN_STORE', 'fileStore: the disk of its directory is full (ENOSPC)'],
    ['EIO', 'ERR_TOKEN_STORE', 'fileStore: open failed (EIO)'],
  ])('says what %s means for who has to set it right', (code, kind, message) => {
    expect(explained(Object.assign(new Error('mkdir'), { code }), 'fileStore')).toMatchObject({ code: kind, message });
  });
});

describe('versions of a file', () => {
  it('refuses a writer that slept while others wrote and cleaned up, although its name is free again', async () => {
    const directory = join(root, 'asleep');
    await append(directory, undefined, 'first');
    const base = await latest(directory);
    for (let n = 0; n < 20; n++) expect(await append(directory, await latest(directory), `later ${n}`)).toBeDefined();
    expect(await append(directory, base, 'from the past')).toBeUndefined();
    expect((await latest(directory))?.value).toBe('later 19');
  });

  it('keeps the old version where a writer died before it linked the new one', async () => {
    const directory = join(root, 'died');
    await append(directory, undefined, 'whole');
    await writeFile(join(directory, '.0123456789abcdef.tmp'), '{"value":"ha');
    expect((await latest(directory))?.value).toBe('whole');
  });
});
