import { randomUUID } from 'node:crypto';
import { ManualClock } from '@evertoken/core/testing';
import { sharedDatabase, whyMissing } from '@evertoken/test-servers';
import KeyvRedis, { createKeyv } from '@keyv/redis';
import { CACHE_MANAGER, type Cache, CacheModule } from '@nestjs/cache-manager';
import { createClient, type RedisClientType } from '@redis/client';
import { Keyv } from 'keyv';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TokenManager, TokenModule } from '../src/index.js';
import { started, testAccount } from './support.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const missing = whyMissing('redis');

describe.skipIf(missing)('tokens in a CacheModule on Redis', () => {
  let url: string;
  /** Looks at the server past all caches. */
  let admin: RedisClientType;
  beforeAll(async () => {
    url = await sharedDatabase('redis');
    admin = createClient({ url });
    await admin.connect();
  });
  afterAll(() => admin.close());

  /** An account nobody else has: the server may hold the keys of earlier runs. */
  const newShop = (id: string = randomUUID()) => testAccount({ name: 'shop', id, issue: issueOf(id) });
  /** Each call another value. */
  const issueOf = (id: string) => (call: number) => ({ value: `${id}-${call}-${randomUUID()}`, lifetimeMs: 2 * HOUR });

  /** An application of its own, with a cache of its own, as each process has one. */
  async function application(
    account: ReturnType<typeof newShop>,
    {
      stores = [createKeyv(url)],
      clock,
      ...options
    }: { stores?: Keyv[]; clock?: ManualClock; nonBlocking?: boolean } = {},
  ) {
    const app = await started([
      CacheModule.register({ isGlobal: true, stores, ...options }),
      TokenModule.forRoot({ accounts: [account], schedule: false, random: () => 0, ...(clock && { clock }) }),
    ]);
    return { tokens: app.get(TokenManager), cache: app.get<Cache>(CACHE_MANAGER) };
  }

  it('are there for an application that is started later: it asks the platform for none', async () => {
    const first = newShop();
    const { tokens } = await application(first);
    const token = await tokens.get(first.accessToken);
    for (let instance = 2; instance <= 3; instance++) {
      const later = newShop(first.id);
      const { tokens } = await application(later);
      expect((await tokens.get(later.accessToken)).value).toBe(token.value);
      expect(later.calls()).toBe(0);
    }
    expect(first.calls()).toBe(1);
  });

  it('live in Redis for a day longer than the token, in whole milliseconds', async () => {
    const shop = newShop();
    const before = Date.now();
    const { tokens } = await application(shop);
    const { expiresAt = 0 } = await tokens.get(shop.accessToken);
    const left = await admin.pTTL(`evertoken:${shop.accessToken.key}`);
    const ends = Date.now() + left - DAY;
    expect(expiresAt).toBeGreaterThanOrEqual(before + 2 * HOUR);
    expect(ends).toBeGreaterThanOrEqual(expiresAt - 1);
    expect(ends).toBeLessThan(expiresAt + HOUR);
  });

  it.each<[string, (namespace: string) => Keyv, (namespace: string) => string]>([
    ['none', () => createKeyv(url), () => 'evertoken:'],
    ['one for createKeyv', (namespace) => createKeyv(url, { namespace }), (namespace) => `${namespace}::evertoken:`],
    [
      'one with a separator of its own',
      (namespace) => createKeyv(url, { namespace, keyPrefixSeparator: '/' }),
      (namespace) => `${namespace}/evertoken:`,
    ],
    [
      'one for Keyv itself',
      (namespace) => new Keyv({ store: new KeyvRedis(url), namespace }),
      (namespace) => `${namespace}::${namespace}:evertoken:`,
    ],
  ])('respect the namespace of the Keyv: %s', async (_title, keyvIn, prefixOf) => {
    const shop = newShop();
    const { key } = shop.accessToken;
    const namespace = randomUUID();
    const { tokens } = await application(shop, { stores: [keyvIn(namespace)] });
    const { value } = await tokens.get(shop.accessToken);
    expect(await admin.keys(`*${shop.id}*`)).toEqual([prefixOf(namespace) + key]);
    const elsewhere = newShop(shop.id);
    const other = await application(elsewhere, { stores: [createKeyv(url, { namespace: randomUUID() })] });
    expect((await other.tokens.get(elsewhere.accessToken)).value).not.toBe(value);
  });

  it.each([false, true])(
    'below a memory, nonBlocking %s: a newer token of another process is seen, whatever the memory remembers',
    async (nonBlocking) => {
      const clock = new ManualClock(Date.now());
      const mine = newShop();
      const theirs = newShop(mine.id);
      const open = (shop: typeof mine) =>
        application(shop, { stores: [new Keyv(), createKeyv(url)], clock, nonBlocking });
      const [one, other] = [await open(mine), await open(theirs)];
      const first = await one.tokens.get(mine.accessToken);
      // The facade now has a copy of it in memory, and would go on answering with it.
      const entry = `evertoken:${mine.accessToken.key}`;
      await one.cache.set(entry, await one.cache.stores.at(-1)?.get(entry));
      expect(await one.cache.get(entry)).toContain(first.value);

      const second = await other.tokens.reject(theirs.accessToken, first);
      expect(second.value).not.toBe(first.value);
      await clock.advance(31_000);
      expect((await one.tokens.get(mine.accessToken)).value).toBe(second.value);
      expect([mine.calls(), theirs.calls()]).toEqual([1, 1]);
      expect(await one.cache.get(entry)).toContain(first.value);
    },
  );

  it('below a memory, nonBlocking: a miss of the memory is not taken for an answer', async () => {
    const first = newShop();
    const stores = () => [new Keyv(), createKeyv(url)];
    const { value } = await (await application(first, { stores: stores(), nonBlocking: true })).tokens.get(
      first.accessToken,
    );
    const later = newShop(first.id);
    const { tokens, cache } = await application(later, { stores: stores(), nonBlocking: true });
    expect(await cache.get(`evertoken:${later.accessToken.key}`)).toBeUndefined();
    expect((await tokens.get(later.accessToken)).value).toBe(value);
    expect(later.calls()).toBe(0);
  });

  it('are not taken from an entry that somebody else wrote under their key, and it is not quoted', async () => {
    const shop = newShop();
    await admin.set(`evertoken:${shop.accessToken.key}`, 'T0PSECRET');
    const { tokens } = await application(shop);
    const error = await tokens.get(shop.accessToken).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE' });
    expect(String(error) + String((error as Error).cause)).not.toContain('T0P');
    expect(shop.calls()).toBe(0);
  });

  it.each(['before', 'after'])(
    'listed %s TokenModule: once the application has ended, no connection is left, or has come back',
    async (where) => {
      const name = `evertoken-${randomUUID()}`;
      const id = randomUUID();
      let answer = () => {};
      const asked = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const issue = issueOf(id);
      const shop = testAccount({ name: 'slow', id, issue: (call) => asked.then(() => issue(call)) });
      const known = newShop();
      const cache = CacheModule.register({ isGlobal: true, stores: [createKeyv({ url, name })] });
      const tokens = TokenModule.forRoot({ accounts: [shop, known], schedule: false, random: () => 0 });
      const connections = async () => (await admin.clientList()).filter((client) => client.name === name).length;

      const app = await started(where === 'before' ? [cache, tokens] : [tokens, cache]);
      const manager = app.get(TokenManager);
      await manager.get(known.accessToken);
      expect(await connections()).toBe(1);
      // A token is on its way; where the cache is disconnected first, it would come too late for it.
      const getting = where === 'before' ? manager.get(shop.accessToken) : undefined;
      if (getting) await vi.waitFor(() => expect(shop.calls()).toBe(1));
      const closing = app.close();
      answer();
      await closing;
      await getting;
      // No reason to open a connection again: the one is answered from memory, the other not at all.
      await manager.get(known.accessToken);
      await manager
        .inspect()
        .next()
        .catch(() => {});
      await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 5_000 });
      if (getting) expect(await admin.exists(`evertoken:${shop.accessToken.key}`)).toBe(1);
    },
  );
});
