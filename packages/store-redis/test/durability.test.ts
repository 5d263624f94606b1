import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { TokenStore } from '@evertoken/core';
import { type PrivateServer, startServer, whyMissing } from '@evertoken/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisStoreOptions, redisStore } from '../src/index.js';
import { type Admin, serverAdmin } from './stores.js';
import { eventually, keyOf, rejection, tokenOf } from './support.js';

const SYNCED = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'maxmemory-policy': 'noeviction',
};
/** What the README tells to grant. */
const rules = /ACL SETUSER evertoken on >password (.+)/.exec(
  readFileSync(new URL('../README.md', import.meta.url), 'utf8'),
);
const COMMANDS = rules?.[1]?.split(' ').filter((rule) => rule.startsWith('+')) ?? [];
/** What `open` asks with. */
const ASKING = ['+info', '+config|get'];
const GRANTED = COMMANDS.filter((rule) => !ASKING.includes(rule));
const PASSWORD = 's3cret-word';

let server: PrivateServer;
let admin: Admin;

async function set(settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(settings)) await admin.send('', ['CONFIG', 'SET', name, value]);
}

/** A user of the server, and the URL that logs it in. */
async function user(name: string, ...rules: string[]): Promise<string> {
  await admin.send('', ['ACL', 'SETUSER', name, 'reset', 'on', `>${PASSWORD}`, ...rules]);
  return `redis://${name}:${PASSWORD}@127.0.0.1:${server.port}`;
}

async function using<Answer>(options: RedisStoreOptions, use: (store: TokenStore) => Promise<Answer>): Promise<Answer> {
  const store = redisStore(options);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

function opening(options: RedisStoreOptions): Promise<unknown> {
  return using(options, (store) => store.open());
}

describe.skipIf(whyMissing('redis', 'server'))('what redisStore promises', () => {
  beforeAll(async () => {
    server = await startServer('redis');
    admin = await serverAdmin(server.url);
  });

  afterAll(async () => {
    await admin?.close();
    await server?.stop();
  });

  describe.each<[string, (url: string) => Promise<string>]>([
    ['shows its settings', async (url) => url],
    ['hides its settings', () => user('hidden', '~*', '&*', '+@all', '-config')],
  ])('of a server that %s', (_what, urlFor) => {
    const hidden = _what.startsWith('hides');

    it.each<[object, { durable: unknown; because?: string }, { durable: unknown; because?: string }?]>([
      [{}, { durable: 'synced' }, { durable: 'relaxed', because: 'the server hides "appendfsync"' }],
      [
        { appendfsync: 'everysec' },
        { durable: 'relaxed', because: 'appendfsync is everysec' },
        { durable: 'relaxed', because: 'the server hides "appendfsync"' },
      ],
      [
        { appendfsync: 'no' },
        { durable: 'relaxed', because: 'appendfsync is no' },
        { durable: 'relaxed', because: 'the server hides "appendfsync"' },
      ],
      [
        { 'no-appendfsync-on-rewrite': 'yes' },
        { durable: 'relaxed', because: 'no-appendfsync-on-rewrite is yes' },
        { durable: 'relaxed', because: 'the server hides "appendfsync"' },
      ],
      [{ appendonly: 'no' }, { durable: false, because: 'appendonly is no' }],
      [{ 'maxmemory-policy': 'allkeys-lru' }, { durable: false, because: 'maxmemory-policy is allkeys-lru' }],
      [{ 'maxmemory-policy': 'allkeys-random' }, { durable: false, because: 'maxmemory-policy is allkeys-random' }],
      [
        { 'maxmemory-policy': 'volatile-ttl' },
        { durable: 'synced' },
        { durable: 'relaxed', because: 'the server hides "appendfsync"' },
      ],
    ])('with %o', async (settings, shown, unseen = shown) => {
      await set({ ...SYNCED, ...settings });
      const url = await urlFor(server.url);
      expect(await opening({ url })).toEqual({ ...(hidden ? unseen : shown), scope: 'fleet' });
    });
  });

  it('is the word of the user where the server says nothing', async () => {
    await set(SYNCED);
    const url = await user('blind', '~*', '&*', '+@all', '-config', '-info');
    const why = 'the server hides "appendonly"';
    expect(await opening({ url })).toEqual({ durable: false, scope: 'fleet', because: why });
    expect(await opening({ url, durable: 'relaxed' })).toEqual({ durable: 'relaxed', scope: 'fleet' });
    expect(await opening({ url, durable: 'synced' })).toEqual({ durable: 'synced', scope: 'fleet' });
  });

  it('is the word of the user as far as what the server does say allows', async () => {
    const url = await user('hidden', '~*', '&*', '+@all', '-config');
    await set(SYNCED);
    expect(await opening({ url, durable: 'synced' })).toEqual({ durable: 'synced', scope: 'fleet' });
    await set({ appendonly: 'no' });
    expect((await rejection(opening({ url, durable: 'relaxed' }))).error).toMatchObject({
      message: '"durable" must not be "relaxed": the server itself promises nothing (appendonly is no)',
    });
  });

  it.each<['relaxed' | 'synced', object, string]>([
    [
      'synced',
      { appendfsync: 'everysec' },
      '"durable" must not be "synced": the server itself promises "relaxed" (appendfsync is everysec)',
    ],
    [
      'relaxed',
      { appendonly: 'no' },
      '"durable" must not be "relaxed": the server itself promises nothing (appendonly is no)',
    ],
    [
      'synced',
      { 'maxmemory-policy': 'allkeys-lfu' },
      '"durable" must not be "synced": the server itself promises nothing (maxmemory-policy is allkeys-lfu)',
    ],
  ])('is never more than the server says: "%s" with %o is refused', async (durable, settings, message) => {
    await set({ ...SYNCED, ...settings });
    expect((await rejection(opening({ url: server.url, durable }))).error).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message,
    });
  });

  it('is refused for good: a store that was not opened answers nothing', async () => {
    await set({ ...SYNCED, appendonly: 'no' });
    await using({ url: server.url, durable: 'relaxed' }, async (store) => {
      await rejection(store.open());
      const error = { code: 'ERR_TOKEN_STORE', message: 'redisStore: not open' };
      expect((await rejection(store.read(keyOf('a')))).error).toMatchObject(error);
      await set(SYNCED);
      await store.open();
      await store.read(keyOf('a'));
    });
  });

  it('is less than the settings say where the user says so', async () => {
    await set(SYNCED);
    expect(await opening({ url: server.url, durable: 'relaxed' })).toEqual({ durable: 'relaxed', scope: 'fleet' });
  });

  it('is relaxed while a replica follows, and a replica itself is refused', async () => {
    await set(SYNCED);
    const replica = await startServer('redis', { settings: { replicaof: `127.0.0.1 ${server.port}` } });
    const because = 'it has a replica, and a failover may lose the last writes';
    await eventually(async () => {
      expect(await opening({ url: server.url })).toEqual({ durable: 'relaxed', scope: 'fleet', because });
    });
    const message = '"url" must lead to a primary, this server is a replica of another and takes no writes';
    expect((await rejection(opening({ url: replica.url }))).error).toMatchObject({
      code: 'ERR_TOKEN_CONFIGURATION',
      message,
    });
    const replicaAdmin = await serverAdmin(replica.url);
    await replicaAdmin.send('', ['CONFIG', 'SET', 'replica-read-only', 'no']);
    expect((await rejection(opening({ url: replica.url }))).error).toMatchObject({ message });
    await replicaAdmin.close();
    await replica.stop();
    await eventually(async () =>
      expect(await opening({ url: server.url })).toEqual({ durable: 'synced', scope: 'fleet' }),
    );
  });

  it('needs no more permissions than the README tells to grant', async () => {
    await set(SYNCED);
    const url = await user('least', '~evertoken:*', '&evertoken:changes', ...GRANTED, ...ASKING);
    await using({ url }, async (store) => {
      expect(await store.open()).toEqual({ durable: 'synced', scope: 'fleet' });
      const told = new Set<string>();
      store.watch?.((key) => told.add(key));
      await eventually(async () => {
        const { record } = await store.read(keyOf('a'));
        const predecessor = record?.generation ?? 0;
        await store.commit(keyOf('a'), tokenOf(`t${predecessor}`), { predecessor, refreshAt: 1 });
        return told.has(keyOf('a'));
      });
      expect((await store.due({ limit: 5, accounts: ['test/app'] })).keys.length).toBe(1);
      expect((await store.list({}, { limit: 5 })).records.length).toBe(1);
    });
  });

  it.each([
    ...GRANTED.filter((rule) => !['+evalsha', '+eval', '+subscribe', '+unsubscribe'].includes(rule)).map(
      (rule) => [rule, rule.slice(1).toUpperCase()] as const,
    ),
    ['~evertoken:*', 'EVALSHA or EVAL'] as const,
    ['&evertoken:changes', 'PUBLISH'] as const,
    ['+evalsha', 'EVALSHA or EVAL'] as const,
  ])('is refused on opening without the permission %s, before a write is torn apart', async (rule, named) => {
    const rules = ['~evertoken:*', '&evertoken:changes', ...GRANTED, ...ASKING].filter((granted) => granted !== rule);
    const { error } = await rejection(opening({ url: await user('less', ...rules) }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    expect(String(error)).toContain(`"url" must lead to a server whose user may run ${named}`);
  });

  it.each<[string, () => Promise<string>]>([
    ['a wrong password', async () => `redis://${PASSWORD}:${PASSWORD}@127.0.0.1:${server.port}`],
    ['a password nobody asked for', async () => `redis://:${PASSWORD}@127.0.0.1:${server.port}`],
    ['a server that is away', async () => `redis://:${PASSWORD}@127.0.0.1:1`],
    ['a missing permission', () => user('none', '+info')],
    ['a login the server does not know', () => user('renamed', '~*', '&*', '+@all', '-evalsha', '-eval')],
  ])('shows no password after %s', async (_what, urlFor) => {
    const url = await urlFor();
    await using({ url }, async (store) => {
      const { error } = await rejection(store.open());
      expect(error).toMatchObject({ name: 'TokenError' });
      for (const shown of [
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(error),
        String(error),
        (error as Error).stack,
      ])
        expect(shown).not.toContain(PASSWORD);
      for (const shown of [inspect(store, { depth: 9, showHidden: true }), JSON.stringify(store)])
        expect(shown).not.toContain(PASSWORD);
    });
  });

  it('says that the password is wrong', async () => {
    const { error } = await rejection(opening({ url: `redis://who:${PASSWORD}@127.0.0.1:${server.port}` }));
    const message = '"url" must hold the user and password of the server: it answered WRONGPASS';
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message });
  });
});
