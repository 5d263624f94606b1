import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/file/index.js';
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
  rounds: 60,
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

  it('touches nothing before it is opened', async () => {
    const directory = join(root, 'untouched');
    fileStore({ directory });
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses a missing directory by name', () => {
    expect(() => fileStore({ directory: undefined as unknown as string })).toThrow(
      /^"directory" of fileStore must be a non-empty string/,
    );
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
    await expect(store.read(key)).rejects.toThrow();
    expect(await readFile(join(directory, name as string, '000000000009'), 'utf8')).toBe('{"half":');
  });
});

describe('versions of a file', () => {
  it('refuses a writer that slept while others wrote and cleaned up, although its name is free again', async () => {
    const directory = join(root, 'asleep');
    await append(directory, undefined, 'first');
    const base = await latest(directory);
    for (let n = 0; n < 20; n++) expect(await append(directory, await latest(directory), `later ${n}`)).toBe(true);
    expect(await append(directory, base, 'from the past')).toBe(false);
    expect((await latest(directory))?.value).toBe('later 19');
  });

  it('keeps the old version where a writer died before it linked the new one', async () => {
    const directory = join(root, 'died');
    await append(directory, undefined, 'whole');
    await writeFile(join(directory, '.0123456789abcdef.tmp'), '{"value":"ha');
    expect((await latest(directory))?.value).toBe('whole');
  });
});
