import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type PrivateServer, startServer, whyMissing } from '@evertoken/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, newTable, SERVERS, statements, token } from './servers.js';

/** Asks everybody but the owner of the server for a password. */
const HBA = `
local all all trust
host all evertoken 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
`;
const PASSWORD = 'hunter2-secret';

describe.each(SERVERS)('access to $kind', ({ kind, create }) => {
  const missing = whyMissing(kind, 'server');
  const test = it.skipIf(missing);
  let server: PrivateServer;
  let folder: string;
  beforeAll(async () => {
    if (missing) return;
    folder = await mkdtemp(join(tmpdir(), 'evertoken-access-'));
    await chmod(folder, 0o755);
    const file = join(folder, 'hba.conf');
    await writeFile(file, HBA, { mode: 0o644 });
    server = await startServer(kind, kind === 'postgres' ? { settings: { hba_file: file } } : {});
    const owner = await statements(kind, server.url);
    await owner.run(
      kind === 'postgres'
        ? `create role app login password '${PASSWORD}'`
        : `create user app@'127.0.0.1' identified by '${PASSWORD}'`,
    );
    await owner.end();
  });
  afterAll(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  const urlOf = (username: string, password: string) => {
    const url = new URL(server.url);
    return Object.assign(url, { username, password }).href;
  };

  test('a user who may not make tables works with one that is there', async () => {
    const table = newTable();
    const owner = await statements(kind, server.url);
    const first = create({ url: server.url, table });
    await first.open();
    for (const name of [table, `${table}_migrations`])
      await owner.run(
        `grant select, insert, update, delete on ${name} to app${kind === 'postgres' ? '' : "@'127.0.0.1'"}`,
      );
    const store = create({ url: urlOf('app', PASSWORD), table });
    expect(await store.open()).toEqual({ durable: 'synced', scope: 'fleet' });
    expect(await store.commit(KEY, token('T1'), { predecessor: 0 })).toBe('accepted');
    expect((await first.read(KEY)).record?.token?.value).toBe('T1');
    const elsewhere = create({ url: urlOf('app', PASSWORD), table: newTable() });
    await expect(elsewhere.open()).rejects.toThrow(/denied/);
    await Promise.all([first.close(), store.close(), elsewhere.close()]);
    await owner.end();
  });

  test('a wrong password is told, and not shown', async () => {
    const store = create({ url: urlOf('app', `wrong-${PASSWORD}`) });
    const error = await store.open().catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/password authentication failed|Access denied/);
    const shown = (what: unknown) => `${inspect(what, { showHidden: true, depth: 9 })} ${JSON.stringify(what)}`;
    expect(`${shown(error)} ${(error as Error).stack} ${shown(store)}`).not.toMatch(/hunter2/);
    await store.close();
  });

  test('a table in a schema of its own is made, kept and found there', async () => {
    const owner = await statements(kind, server.url);
    await owner.run(kind === 'postgres' ? 'create schema vault' : 'create database vault');
    const [store, plain] = [create({ url: server.url, table: 'vault.tokens' }), create({ url: server.url })];
    const heard: string[] = [];
    store.watch?.((key) => heard.push(key));
    await store.open();
    await plain.open();
    await store.commit(KEY, token('T1'), { predecessor: 0, refreshAt: 1 });
    expect(await owner.run('select account from vault.tokens')).toHaveLength(1);
    expect((await plain.read(KEY)).record).toBeUndefined();
    const other = create({ url: server.url, table: 'vault.tokens', migrate: false });
    await other.open();
    const { record } = await other.read(KEY);
    expect(record?.token?.value).toBe('T1');
    if (store.watch) {
      const speak = async () => {
        const { generation } = (await other.read(KEY)).record ?? {};
        await other.commit(KEY, token(`T${generation}`), { predecessor: generation as number });
        return heard.includes(KEY);
      };
      await expect.poll(speak, { timeout: 10_000 }).toBe(true);
    }
    await Promise.all([store.close(), plain.close(), other.close()]);
    await owner.end();
  });

  test('a server that takes no writes is refused', async () => {
    const owner = await statements(kind, server.url);
    const readOnly = (on: boolean) =>
      owner.run(
        kind === 'postgres'
          ? `alter role app set default_transaction_read_only = ${on ? 'on' : 'off'}`
          : `set global read_only = ${on ? 1 : 0}`,
      );
    await readOnly(true);
    try {
      // Also where there is no table yet: it says why, and not that a table could not be made.
      const store = create({ url: urlOf('app', PASSWORD), table: newTable() });
      await expect(store.open()).rejects.toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^"url" of \w+ leads to a (server that is read-only|database whose default_)/),
      });
      await store.close();
    } finally {
      await readOnly(false);
      await owner.end();
    }
  });
});
