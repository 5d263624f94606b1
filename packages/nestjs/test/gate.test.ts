import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encrypted } from '@evertoken/core';
import { fileJournal } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { startServer, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it } from 'vitest';
import { TokenManager, TokenModule, type TokenModuleOptions } from '../src/index.js';
import { failureOf, started, testAccount } from './support.js';

// What core refuses, as it reaches the user of a Nest application: whole, and before the first request.

const erp = testAccount({ name: 'erp', grants: 'only' });
const root = (options: TokenModuleOptions) => TokenModule.forRoot({ schedule: false, ...options });

describe('a store whose own options are wrong fails the start', () => {
  it.each([
    [
      'no URL of Redis',
      { store: redisStore({ url: undefined }) },
      '"url" must be a redis:// or rediss:// URL, it is missing (or pass "client" or "cluster") (redisStore)',
    ],
    ['no URL of PostgreSQL', { grantStore: postgresStore({ url: undefined }) }, /^"url" must be.*\(postgresStore\)$/],
    [
      'no key',
      {
        grantStore: encrypted(postgresStore({ url: 'postgres://user:hidden@host/db' }), { keys: {}, activeKeyId: 'a' }),
      },
      /^"(keys|activeKeyId)".*\(encrypted\(postgresStore\)\)$/,
    ],
  ])('%s', async (_title, options, message) => {
    const made = TokenModule.forRootAsync({ accountNames: [], useFactory: () => ({ schedule: false, ...options }) });
    for (const module of [root(options), made]) {
      const error = await failureOf(module);
      expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
      if (typeof message === 'string') expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
      expect(error.message).not.toContain('hidden');
    }
  });
});

describe.skipIf(whyMissing('redis', 'server'))('grants on a Redis that may lose its last writes', () => {
  const relaxed = async (body: (url: string, directory: string) => Promise<void>) => {
    const server = await startServer('redis', { settings: { appendfsync: 'everysec' } });
    const directory = await mkdtemp(join(tmpdir(), 'evertoken-nestjs-'));
    try {
      await body(server.url, directory);
    } finally {
      await rm(directory, { recursive: true });
      await server.stop();
    }
  };

  it('fail the start without a journal, with the reason and the line to add', () =>
    relaxed(async (url) => {
      const error = await failureOf(root({ accounts: [erp], grantStore: redisStore({ url }) }));
      expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', account: 'erp' });
      expect(error.message).toBe(
        '"journal" must be given for account "erp": redisStore (appendfsync is everysec) may lose the last writes in a crash, ' +
          'and losing its user_token costs a person a new sign-in. ' +
          "Add: journal: fileJournal({ directory: 'data/journal' }) from @evertoken/core/file, " +
          'or make the store sync each write (in tests: allowVolatileGrants: true)',
      );
    }));

  it('are kept with a journal, which is given to the module as to the manager', () =>
    relaxed(async (url, directory) => {
      const issue = (call: number) => ({ value: `a${call}`, refreshToken: `r${call}`, lifetimeMs: 7_200_000 });
      const account = testAccount({ name: 'erp', grants: 'only', issue });
      const user = account.user('someone');
      const journal = fileJournal({ directory });
      const app = await started([root({ accounts: [account], grantStore: redisStore({ url }), journal })]);
      const tokens = app.get(TokenManager);
      await tokens.adopt(user, { value: 'a0', refreshToken: 'r0', lifetimeMs: 7_200_000 }, { grant: true });
      await tokens.refresh(user);
      expect((await tokens.get(user)).value).toBe('a1');
      await app.close();
      const entries = await fileJournal({ directory }).entries(user.key);
      expect(entries.map(({ entry }) => entry?.token.value)).toContain('a1');
    }));

  it('fail the start where that Redis keeps nothing at all, or the journal would show what the store hides', () =>
    relaxed(async (url, directory) => {
      const volatile = await startServer('redis', { settings: { appendonly: 'no' } });
      try {
        const store = redisStore({ url: volatile.url });
        expect((await failureOf(root({ accounts: [erp], grantStore: store }))).message).toBe(
          '"grantStore" must be a durable store for account "erp": losing its user_token costs a person a new sign-in, and ' +
            "redisStore (appendonly is no) forgets it. Add: grantStore: fileStore({ directory: 'data/tokens' }) from " +
            '@evertoken/core/file; for several hosts redisStore from @evertoken/store-redis or postgresStore from ' +
            '@evertoken/store-sql/postgres (in tests: allowVolatileGrants: true)',
        );
      } finally {
        await volatile.stop();
      }
      const keys = { a: Buffer.alloc(32, 'nest').toString('base64') };
      const grantStore = encrypted(redisStore({ url }), { keys, activeKeyId: 'a' });
      const plain = root({ accounts: [erp], grantStore, journal: fileJournal({ directory }) });
      expect((await failureOf(plain)).message).toMatch(
        /^"journal" must be encrypted, as encrypted\(redisStore\) is.*fileJournal\(\{ directory, keys, activeKeyId \}\)$/,
      );
    }));

  it('fail the start with a journal whose own options are wrong', async () => {
    const journal = fileJournal({ directory: undefined as never });
    expect((await failureOf(root({ journal }))).message).toMatch(/^"directory" must be.*\(fileJournal\)$/);
  });
});
