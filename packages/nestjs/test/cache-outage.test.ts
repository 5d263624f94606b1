import { setTimeout as pause } from 'node:timers/promises';
import { TokenError, TokenManager } from '@evertoken/core';
import type { TokenPart } from '@evertoken/core/store';
import { type PrivateServer, startServer, whyMissing } from '@evertoken/test-servers';
import KeyvRedis, { createKeyv, createKeyvNonBlocking } from '@keyv/redis';
import { CACHE_MANAGER, type Cache, CacheModule } from '@nestjs/cache-manager';
import { createClient } from '@redis/client';
import { Keyv } from 'keyv';
import { beforeEach, describe, expect, it } from 'vitest';
import { cacheStore, TokenModule } from '../src/index.js';
import { silence, started, type TestAccount, testAccount } from './support.js';

/** What the application waits for its cache, ms. */
const LIMIT_MS = 300;
/** What a slow machine may add. */
const MARGIN_MS = 3_000;
const missing = whyMissing('redis', 'server');

/** Caches as applications make them, and how their clients take it when the server is away. */
const CACHES: [string, (url: string) => { stores: Keyv[]; nonBlocking?: boolean }][] = [
  ['createKeyv, which queues', (url) => ({ stores: [createKeyv(url)] })],
  [
    'a client without a queue',
    (url) => ({
      stores: [new Keyv(new KeyvRedis({ url, disableOfflineQueue: true, socket: { connectTimeout: 200 } }))],
    }),
  ],
  ['createKeyvNonBlocking, which answers with misses', (url) => ({ stores: [createKeyvNonBlocking(url)] })],
  [
    'a client of the application with a command timeout',
    (url) => ({ stores: [createKeyv(createClient({ url, commandOptions: { timeout: 100 } }) as never)] }),
  ],
  [
    'a client that pings',
    (url) => ({
      stores: [
        createKeyv({ url, pingInterval: 100, socket: { socketTimeout: 300 }, commandOptions: { timeout: 100 } }),
      ],
    }),
  ],
  ['a memory above it, nonBlocking', (url) => ({ stores: [new Keyv(), createKeyv(url)], nonBlocking: true })],
];

const OUTAGES: [
  string,
  { begin: (server: PrivateServer) => Promise<void>; end: (server: PrivateServer) => Promise<void> },
][] = [
  ['killed', { begin: (server) => server.kill(), end: (server) => server.restart() }],
  ['paused', { begin: async (server) => server.pause(), end: async (server) => server.resume() }],
];

describe.skipIf(missing)('a CacheModule on a Redis that goes away', () => {
  let server: PrivateServer;
  beforeEach(async ({ onTestFinished }) => {
    server = await startServer('redis');
    // After the applications: one that cannot reach its Redis may hang in cache-manager's own disconnect.
    onTestFinished(() => server.stop());
  });

  async function application(accounts: TestAccount[], cache: ReturnType<(typeof CACHES)[number][1]>) {
    const log = silence();
    const app = await started(
      [
        CacheModule.register({ isGlobal: true, ...cache }),
        TokenModule.forRoot({
          accounts,
          schedule: false,
          random: () => 0,
          storeTimeoutMs: LIMIT_MS,
          checkAfterMs: 1,
          maxUncheckedMs: 1,
        }),
      ],
      { log },
    );
    return { tokens: app.get(TokenManager), cache: app.get<Cache>(CACHE_MANAGER), log, app };
  }

  /** What an operation brings, and that it brings it in time. */
  async function inTime<Value>(operation: Promise<Value>): Promise<Value | TokenError> {
    const start = performance.now();
    const outcome = await operation.catch((error: unknown) => {
      if (!(error instanceof TokenError)) throw error;
      return error;
    });
    expect(performance.now() - start).toBeLessThan(LIMIT_MS + MARGIN_MS);
    return outcome;
  }

  for (const [outage, { begin, end }] of OUTAGES) {
    describe.each(CACHES)(`(${outage}), with %s`, (_title, cacheOn) => {
      it('serves a living token from memory, asks the platform for none, and goes on afterwards', async () => {
        const [known, stored] = ['known', 'stored'].map((name) => testAccount({ name })) as [TestAccount, TestAccount];
        const issue = () => ({ value: 'issued earlier', lifetimeMs: 7_200_000 });
        // Another process has stored the token of an account that this one has not asked for yet.
        const earlier = await application([testAccount({ name: 'stored', issue })], cacheOn(server.url));
        const account = earlier.tokens.accounts()[0] as TestAccount;
        const { value } = await earlier.tokens.get(account.accessToken);

        const { tokens } = await application([known], cacheOn(server.url));
        const token = await tokens.get(known.accessToken);
        await begin(server);
        try {
          tokens.add(stored);
          for (let i = 0; i < 3; i++) {
            // The unknown one first: what has failed once may be refused without a look at the cache.
            expect(await inTime(tokens.get(stored.accessToken))).toMatchObject({ code: 'ERR_TOKEN_STORE' });
            expect(await inTime(tokens.get(known.accessToken))).toMatchObject({ value: token.value });
            await inTime(tokens.refreshDue());
          }
        } finally {
          await end(server);
        }
        expect(await eventually(() => tokens.get(stored.accessToken))).toMatchObject({ value });
        expect(await eventually(() => tokens.get(known.accessToken))).toMatchObject({ value: token.value });
        expect([known.calls(), stored.calls()]).toEqual([1, 0]);
        await eventually(() => tokens.reject(known.accessToken, token));
        expect((await tokens.get(known.accessToken)).value).toBe('known-2');
      });
    });

    it(`(${outage}): a write is awaited on it, though the facade would not`, async () => {
      const { cache } = await application([], { stores: [new Keyv(), createKeyv(server.url)], nonBlocking: true });
      const store = cacheStore(cache, { timeoutMs: LIMIT_MS });
      await store.open();
      await begin(server);
      try {
        expect(await cache.set('facade', 'done')).toBe('done');
        const committed = inTime(store.commit(shop.accessToken.key, TOKEN, { predecessor: 0 }));
        expect(await committed).toMatchObject({ code: 'ERR_TOKEN_STORE' });
      } finally {
        await end(server);
      }
      expect(await eventually(() => store.read(shop.accessToken.key))).toBeDefined();
      expect(await eventually(() => store.commit(shop.accessToken.key, TOKEN, { predecessor: 0 }))).toBe('accepted');
    });

    it(`(${outage}) before the application starts: it starts, says so, and goes on once the server is there`, async () => {
      await begin(server);
      let app: Awaited<ReturnType<typeof application>>;
      const account = testAccount({ name: 'shop' });
      try {
        app = await application([account], { stores: [createKeyv(server.url)] });
        expect(app.log.lines).toEqual([LINE]);
        expect(await inTime(app.tokens.get(account.accessToken))).toMatchObject({ code: 'ERR_TOKEN_STORE' });
        await inTime(app.tokens.refreshDue());
        expect(account.calls()).toBe(0);
      } finally {
        await end(server);
      }
      expect(await eventually(() => app.tokens.get(account.accessToken))).toMatchObject({ value: 'shop-1' });
    });
  }
});

const LINE = { level: 'warn', context: 'Evertoken', text: expect.stringContaining('ERR_TOKEN_STORE') };
const shop = testAccount({ name: 'shop' });
const TOKEN: TokenPart = {
  value: 'T',
  issuedAt: 1,
  firstSeenAt: 1,
  seen: [],
  lineage: { cause: 'issue', actor: 'test', at: 1, durationMs: 1 },
};

/** Tries again until it resolves. For what comes by itself, at its own pace. */
async function eventually<Value>(attempt: () => Promise<Value>, patienceMs = 20_000): Promise<Value> {
  for (const end = performance.now() + patienceMs; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await pause(20);
  }
}
