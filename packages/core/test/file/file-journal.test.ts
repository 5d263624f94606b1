import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type FileJournalOptions, fileJournal } from '../../src/file/index.js';
import { type JournalEntry, tokenKeyOf } from '../../src/index.js';

const root = await mkdtemp(join(tmpdir(), 'evertoken-journal-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const key = (subject: string) => tokenKeyOf({ platform: 'p', id: 'i', kind: 'k', subject: [subject] });
const entry = (subject: string, at: number): JournalEntry => ({
  v: 1,
  key: key(subject),
  token: {
    value: `value of ${subject} at ${at}`,
    refreshToken: 'secret-refresh',
    issuedAt: at,
    firstSeenAt: at,
    seen: [],
    lineage: { cause: 'issue', actor: 'a', at, durationMs: 1 },
  },
  options: { predecessor: 7, refreshAt: at + 0.5 },
  at,
});
const keys = { old: randomBytes(32).toString('base64'), new: randomBytes(32).toString('base64') };

let serial = 0;
async function journalIn(options: Partial<FileJournalOptions> = {}) {
  const directory = join(root, String(++serial));
  const journal = fileJournal({ directory, ...options });
  await journal.open();
  return { directory, journal };
}

describe.each([
  ['plain', {}],
  ['sealed', { keys, activeKeyId: 'new' }],
] as const)('a %s journal', (_name, sealing) => {
  it('gives back what it was given, in order of writing, of all keys or of one', async () => {
    const { journal, directory } = await journalIn(sealing);
    for (const [subject, at] of [
      ['b', 100],
      ['a', 200],
      ['a', 300],
    ] as const)
      await journal.append(entry(subject, at));
    const other = fileJournal({ directory, ...sealing });
    const found = await other.entries();
    expect(found.map((one) => one.entry)).toEqual([entry('b', 100), entry('a', 200), entry('a', 300)]);
    expect((await other.entries(key('a'))).map((one) => one.entry?.at)).toEqual([200, 300]);
    expect(await other.entries(key('c'))).toEqual([]);
    await other.remove(found[0]?.id as string);
    await other.remove(found[0]?.id as string);
    expect(await journal.entries()).toHaveLength(2);
  });

  it('keeps the order of entries of one instant, and of a clock that was stepped back', async () => {
    const { journal } = await journalIn(sealing);
    const written: JournalEntry[] = [];
    for (let count = 0; count < 40; count++) {
      const one = { ...entry('a', count < 30 ? 500 : 100), options: { predecessor: count } };
      written.push(one);
      await journal.append(one);
    }
    expect((await journal.entries(key('a'))).map((one) => one.entry)).toEqual(written);
  });

  it('keeps new grants as well, and what older processes can bring home in their format', async () => {
    const { journal } = await journalIn(sealing);
    const grant: JournalEntry = { ...entry('a', 900), v: 2, grant: 'storeTime' };
    const id = await journal.append(grant);
    await journal.append(entry('b', 901));
    expect((await journal.entries()).map((one) => one.entry)).toEqual([grant, entry('b', 901)]);
    expect(id).toMatch(/\.json$/);
  });

  it('lets nobody but its owner read', async () => {
    const { journal, directory } = await journalIn(sealing);
    const id = await journal.append(entry('a', 1));
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, id))).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual([id]);
  });

  it('names what it cannot read, shows nothing of it, and keeps it', async () => {
    const { journal, directory } = await journalIn(sealing);
    const id = await journal.append(entry('a', 1));
    const odd = {
      '0000000000000002-0123456789abcdef-0123456789abcdef.json': '{"v":1,"entry":{"key":"secr',
      '0000000000000003-0123456789abcdef-0123456789abcdef.json': '{"v":3,"entry":{}}',
      '0000000000000004-0123456789abcdef-0123456789abcdef.json': '{"v":1,"entry":{"key":3}}',
    };
    for (const [name, text] of Object.entries(odd)) await writeFile(join(directory, name), text);
    await writeFile(join(directory, 'README'), 'not ours');
    const found = await journal.entries();
    expect(found.map((one) => one.problem)).toEqual([
      undefined,
      'it holds no entry',
      'it has format 3, which a newer version wrote',
      'it holds no entry',
    ]);
    expect(await readdir(directory)).toHaveLength(5);
    expect(found[0]?.id).toBe(id);
  });
});

describe('a plain journal', () => {
  it('takes no entry under the name of another key', async () => {
    const { journal, directory } = await journalIn();
    const [one, other] = [await journal.append(entry('a', 1)), await journal.append(entry('b', 1))];
    await rename(join(directory, one), join(directory, one.replace(/-.{16}-/, other.slice(16, 34))));
    expect((await journal.entries()).map(({ problem }) => problem)).toContain(
      'it is named as the entry of another key',
    );
  });
});

describe('a sealed journal', () => {
  it('shows nothing of an entry in its file', async () => {
    const { journal, directory } = await journalIn({ keys, activeKeyId: 'new' });
    const id = await journal.append(entry('a', 1));
    expect(await readFile(join(directory, id), 'utf8')).not.toMatch(/secret|value of|et1/);
    expect(journal.sealed).toBe(true);
  });

  it('opens with an old key, and not without it', async () => {
    const { journal, directory } = await journalIn({ keys, activeKeyId: 'old' });
    await journal.append(entry('a', 1));
    const [opened] = await fileJournal({ directory, keys, activeKeyId: 'new' }).entries();
    expect(opened?.entry?.token.value).toBe('value of a at 1');
    const [closed] = await fileJournal({ directory, keys: { new: keys.new }, activeKeyId: 'new' }).entries();
    expect(closed?.problem).toMatch(/key "old" is not among "keys"/);
    const [plain] = await fileJournal({ directory }).entries();
    expect(plain?.problem).toMatch(/it is encrypted: give fileJournal its "keys"/);
  });

  it('does not open an entry under another name', async () => {
    const { journal, directory } = await journalIn({ keys, activeKeyId: 'new' });
    const id = await journal.append(entry('a', 1));
    const moved = id.replace(/^\d+/, '0000000000000099');
    await rename(join(directory, id), join(directory, moved));
    expect((await journal.entries())[0]).toMatchObject({
      id: moved,
      problem: expect.stringMatching(/cannot be opened/),
    });
  });
});

describe('options', () => {
  it.each<[FileJournalOptions, RegExp]>([
    [{ directory: undefined }, /^"directory" must be a non-empty string, it is missing \(fileJournal\)/],
    [{ directory: 'x', keys: { a: 'short' }, activeKeyId: 'a' }, /^"keys.a" must be 32 bytes in base64/],
    [{ directory: 'x', keys }, /^"activeKeyId" must be one of the ids/],
    [{ directory: 'x', activeKeyId: 'a' }, /^"keys" must be an object/],
    [{ directory: 'x', key: 'a' } as FileJournalOptions, /^"key" is no option/],
  ])('%j are refused when it is opened, and nothing is shown of a key', async (options, message) => {
    const journal = fileJournal(options);
    await expect(journal.open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(message),
    });
    await expect(journal.append(entry('a', 1))).rejects.toThrow(message);
  });

  it('a directory that cannot be one is told with the option and the reason', async () => {
    const path = join(root, 'file');
    await writeFile(path, '');
    await expect(fileJournal({ directory: path }).open()).rejects.toThrow(/^"directory" of fileJournal is a file/);
  });
});

/** A file system of its own, where this machine and user may mount one. */
function mounted(options: string): string | undefined {
  const directory = join(root, `mount-${++serial}`);
  try {
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' });
    mounts.push(directory);
    return directory;
  } catch {
    return undefined;
  }
}
const mounts: string[] = [];
const small = process.platform === 'linux' && process.getuid?.() === 0 ? mounted('size=64k,mode=700') : undefined;
afterAll(() => {
  for (const directory of mounts) execFileSync('umount', ['-l', directory]);
});

describe.skipIf(small === undefined)('a disk of its own, small enough to be full', () => {
  it('is told with its directory when it is opened and when an entry is not written; there is nothing half written', async () => {
    const directory = small as string;
    const journal = fileJournal({ directory });
    await journal.open();
    const id = await journal.append(entry('a', 1));
    await fill(directory);
    const full = {
      code: 'ERR_TOKEN_STORE',
      message: `fileJournal: the disk of its directory is full (ENOSPC): ${directory}`,
    };
    await expect(journal.append(entry('a', 2))).rejects.toMatchObject(full);
    await expect(fileJournal({ directory }).open()).rejects.toMatchObject(full);
    expect((await readdir(directory)).filter((name) => name !== '0'.repeat(40))).toEqual([id]);
    // What it holds can be read and taken away, and then there is room again.
    expect((await journal.entries()).map((one) => one.entry)).toEqual([entry('a', 1)]);
    await rm(join(directory, '0'.repeat(40)));
    await journal.append(entry('a', 3));
  });

  it('is told with its directory where it is read-only', async () => {
    const directory = mounted('size=64k,mode=700') as string;
    const journal = fileJournal({ directory });
    await journal.open();
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    await expect(journal.append(entry('a', 1))).rejects.toMatchObject({
      code: 'ERR_TOKEN_STORE',
      message: `fileJournal: the disk of its directory is mounted read-only (EROFS): ${directory}`,
    });
    await expect(fileJournal({ directory }).open()).rejects.toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: `"directory" of fileJournal is on a disk that is mounted read-only (EROFS): ${directory}`,
    });
    expect(await journal.entries()).toEqual([]);
  });

  /** Writes, under a name that a store of files gives, until nothing more fits. */
  async function fill(directory: string): Promise<void> {
    await expect(writeFile(join(directory, '0'.repeat(40)), 'x'.repeat(100_000))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  }
});

describe('several processes', () => {
  const program = fileURLToPath(new URL('journal-writer.mjs', import.meta.url));

  it('have what they appended, whatever kills them afterwards', async () => {
    const { journal, directory } = await journalIn();
    const acknowledged = await Promise.all(
      Array.from({ length: 4 }, async (_, writer) => {
        const child = spawn(process.execPath, [program, directory, String(writer)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let told = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          told += text;
          if (told.split('\n').length > 20 + writer * 7) child.kill('SIGKILL');
        });
        await once(child, 'close');
        return told.split('\n').slice(0, -1);
      }),
    );
    const found = await journal.entries();
    expect(found.filter(({ problem }) => problem !== undefined)).toEqual([]);
    const ids = new Set(found.map(({ id }) => id));
    expect(acknowledged.flat().filter((id) => !ids.has(id))).toEqual([]);
    expect(acknowledged.flat().length).toBeGreaterThan(80);
  });

  it('may delete while others read', async () => {
    const { journal, directory } = await journalIn();
    for (let at = 0; at < 60; at++) await journal.append(entry('a', at));
    const other = fileJournal({ directory });
    const deleting = (async () => {
      for (const { id } of await other.entries()) await other.remove(id);
    })();
    for (let look = 0; look < 20; look++)
      expect((await journal.entries()).every(({ problem }) => problem === undefined)).toBe(true);
    await deleting;
    expect(await journal.entries()).toEqual([]);
  });
});
