import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TokenStatus } from '@evertoken/core';
import { sharedDatabase, startServer, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it } from 'vitest';
import { type Environment, readSettings } from '../src/settings.js';
import { afterwards, HOUR_MS, runOnSandbox, temporaryDirectory, UID, Visitor } from './support.js';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));

type Running = Awaited<ReturnType<typeof runOnSandbox>>;

/** What is stored of the user's pair. */
async function pairOf({ tokens }: Running): Promise<TokenStatus | undefined> {
  for await (const status of tokens.inspect({ accounts: ['erp'], subjects: [UID] })) return status;
  return undefined;
}

function search({ platforms, tokens }: Running) {
  const user = platforms.accounts.erp?.user(UID).client(tokens);
  return user?.call('/api_v1_receiveorder_base/search', { fields: 'receive_order_id' });
}

/** Signs in, restarts with the same environment, lets the pair become due. */
async function outliveARestart(env: Environment): Promise<void> {
  const data = env['DATA_DIR'];
  const first = await runOnSandbox(data, env);
  await new Visitor(first.url).signIn(UID);
  first.sandbox.advance(20 * HOUR_MS);
  const before = await pairOf(first);
  expect(before).toMatchObject({ state: 'active' });
  await first.close();

  const second = await runOnSandbox(data, env);
  expect(await pairOf(second)).toMatchObject({ state: 'active', generation: before?.generation });
  expect(await search(second)).toMatchObject({ result: 'success' });
  // Due by the sandbox's clock, and by no other.
  second.sandbox.advance(5 * HOUR_MS);
  await second.tokens.refreshDue();
  expect((await pairOf(second))?.generation).toBeGreaterThan(before?.generation ?? Number.POSITIVE_INFINITY);
  expect(await search(second)).toMatchObject({ result: 'success' });
  expect(second.sandbox.calls({ endpoint: '/api_neauth' })).toEqual([]);
  await second.close();
}

/** The folders of the mode that the example runs in. */
async function foldersIn(data: string): Promise<string[]> {
  return (await readdir(join(data, 'sandbox'))).sort();
}

const KEY = Buffer.alloc(32, 7).toString('base64');

describe('grants outlive a restart', () => {
  it('in files, where no store is named', async () => {
    const data = await temporaryDirectory();
    await outliveARestart({ DATA_DIR: data });
    expect(await foldersIn(data)).toContain('tokens');
  });

  it('in files that instances of a host share', async () => {
    const data = await temporaryDirectory();
    await outliveARestart({ DATA_DIR: data, STORE_URL: `file:${join(data, 'shared')}` });
    expect(await foldersIn(data)).not.toContain('tokens');
    expect(await readdir(data)).toContain('shared');
  });

  it('in SQLite', async () => {
    const data = await temporaryDirectory();
    await outliveARestart({ DATA_DIR: data, STORE_URL: `sqlite:${join(data, 'tokens.db')}` });
    expect(await foldersIn(data)).not.toContain('tokens');
    expect(await readdir(data)).toContain('tokens.db');
  });

  it.skipIf(whyMissing('postgres'))('in PostgreSQL', async () => {
    const data = await temporaryDirectory();
    await outliveARestart({ DATA_DIR: data, STORE_URL: await sharedDatabase('postgres') });
    expect(await foldersIn(data)).not.toContain('tokens');
  });

  it.skipIf(whyMissing('mariadb'))('in MariaDB', async () => {
    const data = await temporaryDirectory();
    const url = await sharedDatabase('mariadb');
    await outliveARestart({ DATA_DIR: data, STORE_URL: url.replace(/^mysql:/, 'mariadb:') });
    expect(await foldersIn(data)).not.toContain('tokens');
  });

  it.skipIf(whyMissing('redis'))('in Redis', async () => {
    const data = await temporaryDirectory();
    await outliveARestart({ DATA_DIR: data, STORE_URL: await sharedDatabase('redis') });
    expect(await foldersIn(data)).not.toContain('tokens');
  });
});

describe('TOKEN_KEY', () => {
  async function storedBytes(env: Environment) {
    const data = await temporaryDirectory();
    const database = join(data, 'tokens.db');
    const example = await runOnSandbox(data, { ...env, STORE_URL: `sqlite:${database}` });
    await new Visitor(example.url).signIn(UID);
    const pair = example.sandbox.nextengine.currentPair('sandboxclient', UID);
    await example.close();
    const bytes = await Promise.all(
      [database, `${database}-wal`].map((path) => readFile(path, 'latin1').catch(() => '')),
    );
    return { bytes: bytes.join(''), pair };
  }

  it('keeps tokens out of the database’s file', async () => {
    const clear = await storedBytes({});
    expect(clear.bytes).toContain(clear.pair?.refreshToken ?? '?');
    const sealed = await storedBytes({ TOKEN_KEY: KEY });
    expect(sealed.bytes).toContain('access_token');
    expect(sealed.bytes).not.toContain(sealed.pair?.refreshToken ?? '');
    expect(sealed.bytes).not.toContain(sealed.pair?.accessToken ?? '');
  });

  it('can be replaced: the old one opens what it sealed', async () => {
    const data = await temporaryDirectory();
    const first = await runOnSandbox(data, { TOKEN_KEY: KEY });
    await new Visitor(first.url).signIn(UID);
    await first.close();
    const both = `${Buffer.alloc(32, 8).toString('base64')}, ${KEY}`;
    expect(await search(await runOnSandbox(data, { TOKEN_KEY: both }))).toMatchObject({ result: 'success' });
  });
});

it.skipIf(whyMissing('redis', 'server'))('a store that may forget grants ends the start, and the program', async () => {
  const redis = await startServer('redis', { settings: { appendonly: 'no' } });
  afterwards(() => redis.stop());
  const program = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: await temporaryDirectory(), STORE_URL: redis.url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  afterwards(async () => program.kill('SIGKILL'));
  let said = '';
  program.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  expect(await once(program, 'exit')).toEqual([1, null]);
  expect(said).toMatch(/appendonly/);
});

describe('settings', () => {
  it.each([
    ['STORE_URL', 'tokens.db', /^"STORE_URL" must be file:<directory>, sqlite:<file>, or a postgres:/],
    ['STORE_URL', 'sqlite:', /^"STORE_URL"/],
    ['STORE_URL', 'file:', /^"STORE_URL"/],
    ['STORE_URL', 'mongodb://user:hunter2@db/tokens', /^"STORE_URL"/],
    ['STORE_URL', 'postgres://user:hunter2@:port:/tokens', /^"STORE_URL"/],
    ['TOKEN_KEY', 'hunter2', /^"TOKEN_KEY" must be 32 bytes in base64/],
    ['TOKEN_KEY', `${KEY},hunter2`, /^"TOKEN_KEY"/],
    ['SANDBOX_URL', 'hunter2', /^"SANDBOX_URL"/],
    ['PORT', 'hunter2', /^"PORT"/],
  ])('%s=%s is refused by its name, and not shown', (name, value, message) => {
    const refusal = (() => {
      try {
        return readSettings({ [name]: value });
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toBeInstanceOf(TypeError);
    expect((refusal as Error).message).toMatch(message);
    expect((refusal as Error).message).not.toContain('hunter2');
  });

  it('are those of .env.example, all of them and no others', async () => {
    const values: Environment = { PORT: '0', STORE_URL: 'sqlite:x', TOKEN_KEY: KEY, SANDBOX_URL: '', CALLBACK_URL: '' };
    const read = new Set<string>();
    const everything = new Proxy(values, {
      get(_, name) {
        read.add(String(name));
        return values[String(name)] ?? 'x';
      },
    });
    readSettings(everything);
    const text = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect([...read].sort()).toEqual(documented.sort());
  });
});
