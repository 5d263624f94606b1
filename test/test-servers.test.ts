import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  nodeWithSqlite,
  type PrivateServer,
  type ServerKind,
  sharedDatabase,
  startRedisCluster,
  startServer,
  whyMissing,
} from '@evertoken/test-servers';
import { createClient, createCluster } from '@redis/client';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

/** One client of each kind that can write, read and say how the server is set up. */
const CLIENTS: Record<ServerKind, (url: string) => Promise<Client>> = { redis, postgres, mariadb };
/** A setting that each server takes and tells, and its answer to the durability question. */
const SETTINGS = {
  redis: { given: { 'maxmemory-policy': 'noeviction', appendfsync: 'everysec' }, ask: 'appendfsync', told: 'everysec' },
  postgres: { given: { synchronous_commit: 'off' }, ask: 'synchronous_commit', told: 'off' },
  mariadb: { given: { 'innodb-flush-log-at-trx-commit': '2' }, ask: 'innodb_flush_log_at_trx_commit', told: '2' },
} as const;
const DURABLE = {
  redis: { appendonly: 'yes', appendfsync: 'always' },
  postgres: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: '300' },
  mariadb: { innodb_flush_log_at_trx_commit: '1', max_connections: '300' },
} as const;

interface Client {
  write(value: string): Promise<void>;
  read(): Promise<string | undefined>;
  setting(name: string): Promise<string>;
  close(): Promise<void>;
}

// Everything that this file's servers put on disk is then in one place.
const folder = mkdtempSync(join(tmpdir(), 'et-'));
// Servers run as other users where the tests run as root.
chmodSync(folder, 0o755);
const usual = process.env['TMPDIR'];
process.env['TMPDIR'] = folder;
afterAll(() => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['redis', 'postgres', 'mariadb'] as const)('a private server: %s', (kind) => {
  const missing = whyMissing(kind, 'server');
  let server: PrivateServer;
  beforeAll(async () => {
    if (!missing) server = await startServer(kind);
  });
  afterAll(() => server?.stop());

  test.skipIf(missing)('answers on 127.0.0.1 with durability as in production', async () => {
    const { hostname, port } = new URL(server.url);
    expect({ hostname, port: Number(port) }).toEqual({ hostname: '127.0.0.1', port: server.port });
    const told: Record<string, string> = {};
    await using(server.url, async (client) => {
      for (const name of Object.keys(DURABLE[kind])) told[name] = await client.setting(name);
    });
    expect(told).toEqual(DURABLE[kind]);
  });

  test.skipIf(missing)(
    'keeps acknowledged writes on the same port over kill and restart, and over shutdown',
    async () => {
      const { url } = server;
      for (const end of ['kill', 'shutdown', 'kill while paused'] as const) {
        const { pid } = server;
        await using(url, (client) => client.write(`before ${end}`));
        const family = descendantsOf(pid);
        // Stopped processes cannot follow their parent by themselves.
        if (end === 'kill while paused') server.pause();
        await (end === 'shutdown' ? server.shutdown() : server.kill());
        expect([pid, ...family].filter(lives)).toEqual([]);
        await expect(using(url, (client) => client.read())).rejects.toThrow();
        await server.restart();
        expect(server.url).toBe(url);
        expect(server.pid).not.toBe(pid);
        expect(await using(url, (client) => client.read())).toBe(`before ${end}`);
      }
    },
  );

  test.skipIf(missing)('is there and answers nothing while paused', async () => {
    const client = await CLIENTS[kind](server.url);
    await client.write('before the pause');
    server.pause();
    let answered = false;
    const answer = client.read().finally(() => {
      answered = true;
    });
    // It accepts a connection: its system does that.
    await new Promise<void>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () => resolve(void socket.destroy()));
      socket.on('error', reject);
    });
    await sleep(200);
    expect(answered).toBe(false);
    server.resume();
    expect(await answer).toBe('before the pause');
    await client.close();
  });

  test.skipIf(missing)('starts with given settings, and leaves neither process nor folder when stopped', async () => {
    const before = readdirSync(folder);
    const { given, ask, told } = SETTINGS[kind];
    const other = await startServer(kind, { settings: given });
    const own = readdirSync(folder).filter((name) => !before.includes(name));
    const family = [other.pid, ...descendantsOf(other.pid)];
    expect(other.port).not.toBe(server.port);
    expect(await using(other.url, (client) => client.setting(ask))).toBe(told);
    expect(own).toHaveLength(1);
    const memory = sharedMemoryOf(own[0] as string);
    await other.kill();
    await other.stop();
    expect(family.filter(lives)).toEqual([]);
    expect(readdirSync(folder)).toEqual(before);
    if (memory !== undefined) expect(sharedMemory()).not.toContain(memory);
  });

  test.skipIf(missing)('says what the server said when it does not start', async () => {
    const before = readdirSync(folder);
    await expect(startServer(kind, { settings: { nonsense: '1' } })).rejects.toThrow(/nonsense/);
    expect(readdirSync(folder)).toEqual(before);
  });

  test.skipIf(missing).each(['exit', 'SIGTERM', 'SIGKILL'])(
    'ends with the process that started it: %s',
    async (end) => {
      const own = join(folder, `${kind}-${end}`);
      mkdirSync(own, { mode: 0o755 });
      const script = `
      import { startServer } from '@evertoken/test-servers';
      const server = await startServer('${kind}');
      // Stopped processes cannot end by themselves.
      if ('${end}' === 'SIGKILL') server.pause();
      process.stdout.write(String(server.pid));
      ${end === 'exit' ? '' : 'setInterval(() => undefined, 1000);'}`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        cwd: import.meta.dirname,
        env: { ...process.env, TMPDIR: own },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const gone = new Promise((resolve) => child.once('close', resolve));
      const pid = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
      const family = [pid, ...descendantsOf(pid)];
      if (end !== 'exit') child.kill(end as NodeJS.Signals);
      await gone;
      if (end !== 'exit') await vi.waitFor(() => expect(readdirSync(own)).toEqual([]), { timeout: 20_000 });
      expect(readdirSync(own)).toEqual([]);
      expect(family.filter(lives)).toEqual([]);
    },
  );

  async function using<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
    const client = await CLIENTS[kind](url);
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }
});

describe('a Redis cluster', () => {
  test.skipIf(whyMissing('redis', 'server'))('serves all slots with three masters', async () => {
    const cluster = await startRedisCluster();
    const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
    try {
      await client.connect();
      expect(client.masters).toHaveLength(3);
      const keys = Array.from({ length: 100 }, (_, number) => `key ${number}`);
      await Promise.all(keys.map((key) => client.set(key, `value of ${key}`)));
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map((key) => `value of ${key}`));
    } finally {
      client.destroy();
      await cluster.stop();
    }
  });
});

describe.each(['redis', 'postgres', 'mariadb'] as const)('shared databases: %s', (kind) => {
  const given = process.env[`EVERTOKEN_TEST_${kind.toUpperCase()}_URL`];
  const missing = whyMissing(kind);

  test.skipIf(missing)('are new and empty each time, on one server', async () => {
    const urls = await Promise.all(Array.from({ length: 8 }, () => sharedDatabase(kind)));
    const [one, two] = urls as [string, string];
    expect(new Set(urls.map((url) => new URL(url).host)).size).toBe(1);
    if (given && kind === 'redis') return expect([one, two]).toEqual([given, given]);
    expect(new Set(urls).size).toBe(8);
    const [first, second] = [await CLIENTS[kind](one), await CLIENTS[kind](two)];
    await first.write('in the first');
    await second.write('in the second');
    expect([await first.read(), await second.read()]).toEqual(['in the first', 'in the second']);
    await Promise.all([first.close(), second.close()]);
  });

  test.skipIf(missing || given)('are on the same server for another process of the run', async () => {
    const script = `import { sharedDatabase } from '@evertoken/test-servers'; console.log(await sharedDatabase('${kind}'));`;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
    const [here, there] = [await sharedDatabase(kind), stdout.trim()];
    expect(there).not.toBe(here);
    expect(new URL(there).host).toBe(new URL(here).host);
  });

  test.skipIf(missing || given)('are there for a process without a run, and gone with it', async () => {
    const own = join(folder, `${kind}-alone`);
    mkdirSync(own, { mode: 0o755 });
    const script = `
      import { readdirSync } from 'node:fs';
      import { sharedDatabase } from '@evertoken/test-servers';
      console.log(await sharedDatabase('${kind}'), readdirSync(process.env.TMPDIR).length);`;
    const { EVERTOKEN_TEST_SERVERS: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      env: { ...env, TMPDIR: own },
    });
    const [url, folders] = stdout.trim().split(' ');
    expect(new URL(url as string).host).not.toBe(new URL(await sharedDatabase(kind)).host);
    expect(Number(folders)).toBeGreaterThan(0);
    expect(readdirSync(own)).toEqual([]);
    await expect(CLIENTS[kind](url as string)).rejects.toThrow();
  });
});

describe.each(['redis', 'postgres', 'mariadb'] as const)('a server given by URL: %s', (kind) => {
  test.skipIf(whyMissing(kind, 'server'))('is used instead of one of our own, and left as it was', async () => {
    const server = await startServer(kind);
    const script = `import { sharedDatabase } from '@evertoken/test-servers'; console.log(await sharedDatabase('${kind}'));`;
    const { EVERTOKEN_TEST_SERVERS: _, ...env } = process.env;
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
        cwd: import.meta.dirname,
        env: { ...env, [`EVERTOKEN_TEST_${kind.toUpperCase()}_URL`]: server.url },
      });
      // Whose numbers are used on a Redis that is not ours, nobody knows; stores keep apart by their prefix.
      if (kind === 'redis') return expect(stdout.trim()).toBe(server.url);
      const database = new URL(stdout.trim());
      expect(database.host).toBe(new URL(server.url).host);
      expect(database.pathname).toMatch(/^\/evertoken_test_/);
      await (await CLIENTS[kind](server.url)).close();
      await expect(CLIENTS[kind](database.href)).rejects.toThrow(/does not exist|Unknown database/);
    } finally {
      await server.stop();
    }
  });
});

test('MySQL is by URL only, and never demanded', async () => {
  vi.stubEnv('EVERTOKEN_TEST_MYSQL_URL', undefined).stubEnv('EVERTOKEN_TEST_SERVERS', undefined).stubEnv('CI', 'true');
  try {
    expect(whyMissing('mysql')).toMatch(/EVERTOKEN_TEST_MYSQL_URL/);
    expect(await sharedDatabase('mysql')).toBeUndefined();
  } finally {
    vi.unstubAllEnvs();
  }
});

test('finds a Node that has node:sqlite, if there is one', async () => {
  const path = nodeWithSqlite();
  if (!path) return;
  const script =
    "const { DatabaseSync } = require('node:sqlite'); console.log(new DatabaseSync(':memory:').prepare('select 1 + 1 as two').get().two);";
  const { stdout } = await promisify(execFile)(path, ['-e', script]);
  expect(stdout.trim()).toBe('2');
});

async function redis(url: string): Promise<Client> {
  const client = createClient({ url, disableOfflineQueue: true, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  await client.connect();
  return {
    write: async (value) => void (await client.set('key', value)),
    read: async () => (await client.get('key')) ?? undefined,
    setting: async (name) => String((await client.configGet(name))[name]),
    close: async () => client.destroy(),
  };
}

async function postgres(connectionString: string): Promise<Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return {
    async write(value) {
      await client.query('create table if not exists kept (value text)');
      await client.query('delete from kept');
      await client.query('insert into kept values ($1)', [value]);
    },
    read: async () => (await client.query('select value from kept')).rows[0]?.value,
    setting: async (name) => (await client.query(`show ${name}`)).rows[0][name],
    close: () => client.end(),
  };
}

async function mariadb(uri: string): Promise<Client> {
  const connection = await mysql.createConnection({ uri });
  connection.on('error', () => undefined);
  const rows = async (sql: string, values: string[] = []) =>
    (await connection.query(sql, values))[0] as { value: string; Value: string }[];
  return {
    async write(value) {
      await rows('create table if not exists kept (value text) engine = InnoDB');
      await rows('delete from kept');
      await rows('insert into kept values (?)', [value]);
    },
    read: async () => (await rows('select value from kept'))[0]?.value,
    setting: async (name) => String((await rows('show variables like ?', [name]))[0]?.Value),
    close: async () => connection.destroy(),
  };
}

/** The System V memory that PostgreSQL notes in its lock file, and the pieces there are. */
function sharedMemoryOf(server: string): string | undefined {
  const lock = join(folder, server, 'data', 'postmaster.pid');
  if (!existsSync(lock) || !existsSync('/proc')) return undefined;
  const id = readFileSync(lock, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
  expect(sharedMemory()).toContain(id);
  return id;
}

function sharedMemory(): (string | undefined)[] {
  const lines = readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/)[1]);
}

/** Empty where the system has no /proc to tell. */
function descendantsOf(pid: number): number[] {
  if (!existsSync('/proc')) return [];
  const family = [pid];
  for (const parent of family) {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      if (statOf(name)?.parent === parent) family.push(Number(name));
    }
  }
  return family.slice(1);
}

function lives(pid: number): boolean {
  if (!existsSync('/proc')) return answersSignals(pid);
  const stat = statOf(String(pid));
  return stat !== undefined && stat.state !== 'Z';
}

function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function statOf(pid: string): { state: string; parent: number } | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: state as string, parent: Number(parent) };
}
