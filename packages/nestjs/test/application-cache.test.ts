import { memoryStore } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { CACHE_MANAGER, type Cache, CacheModule } from '@nestjs/cache-manager';
import { Inject, Injectable, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { cacheStore, TokenManager, TokenModule } from '../src/index.js';
import { CACHE_MANAGER as OURS } from '../src/token.constants.js';
import { Adapter, keyvOver } from './doubles.js';
import { ending, failureOf, silence, started, testAccount } from './support.js';

const schedule = ScheduleModule.forRoot();

function world() {
  const shop = testAccount({ name: 'shop' });
  const adapter = new Adapter();
  return { shop, adapter, key: `app:evertoken:${shop.accessToken.key}`, stores: [keyvOver(adapter)] };
}

it('the injection token of @nestjs/cache-manager is what we think it is', () => {
  expect(OURS).toBe(CACHE_MANAGER);
});

describe('without "store", tokens go to the application’s cache', () => {
  it.each([true, false])(
    'whether it is global or not (%s), and wherever it stands among the imports',
    async (isGlobal) => {
      for (const first of [true, false]) {
        const { shop, adapter, key, stores } = world();
        const cache = CacheModule.register({ isGlobal, stores });
        const tokens = TokenModule.forRoot({ accounts: [shop] });
        const app = await started([schedule, ...(first ? [cache, tokens] : [tokens, cache])]);
        await app.get(TokenManager).get(shop.accessToken);
        expect([...adapter.entries.keys()]).toEqual([key]);
      }
    },
  );

  it('the global one, where a module has a cache of its own besides', async () => {
    const { shop, adapter, stores } = world();
    @Module({ imports: [CacheModule.register()] })
    class Other {}
    const global = CacheModule.register({ isGlobal: true, stores });
    const app = await started([Other, global, schedule, TokenModule.forRoot({ accounts: [shop] })]);
    await app.get(TokenManager).get(shop.accessToken);
    expect(adapter.entries.size).toBe(1);
  });

  it('also when it is made late, and when somebody asks while services are being made', async () => {
    const { shop, adapter, stores } = world();
    @Injectable()
    class Eager {
      token: Promise<string>;
      constructor(@Inject(TokenManager) tokens: TokenManager) {
        this.token = tokens.get(shop.accessToken).then(({ value }) => value);
      }
    }
    const cache = CacheModule.registerAsync({ isGlobal: true, useFactory: async () => ({ stores }) });
    const app = await started([TokenModule.forRoot({ accounts: [shop], schedule: false }), cache], {
      providers: [Eager],
    });
    expect(await app.get(Eager).token).toBe('shop-1');
    expect(adapter.entries.size).toBe(1);
  });

  it('the start fails where there is none, and names both ways out', async () => {
    const error = await failureOf(schedule, TokenModule.forRoot({ accounts: [testAccount({ name: 'shop' })] }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    expect(error.message).toMatch(
      /^"store" is not given.*CacheModule\.register\(\{ isGlobal: true \}\).*store: fileStore\(/,
    );
  });

  it('the start fails where there are several, and names both ways out', async () => {
    @Module({ imports: [CacheModule.register()] })
    class One {}
    @Module({ imports: [CacheModule.register()] })
    class Two {}
    const error = await failureOf(
      One,
      Two,
      schedule,
      TokenModule.forRoot({ accounts: [testAccount({ name: 'shop' })] }),
    );
    expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
    expect(error.message).toMatch(/^"store".*2 cache-managers.*isGlobal: true.*store: cacheStore\(cache\)/);
  });
});

describe('no cache is looked for', () => {
  it('with "store"', async () => {
    const store = memoryStore();
    const { shop } = world();
    const app = await started([TokenModule.forRoot({ accounts: [shop], store, schedule: false })]);
    await app.get(TokenManager).get(shop.accessToken);
    expect((await store.read(shop.accessToken.key)).record).toBeDefined();
  });

  it('where all there is to keep are grants, which go to "grantStore"', async () => {
    const erp = testAccount({ name: 'erp', grants: 'only' });
    const grantStore = memoryStore();
    const options = { accounts: [erp], grantStore, allowVolatileGrants: true, schedule: false } as const;
    const app = await started([TokenModule.forRoot(options)]);
    await app.get(TokenManager).adopt(erp.user('u'), { value: 'a', refreshToken: 'r' }, { grant: true });
    expect((await grantStore.read(erp.user('u').key)).record).toBeDefined();
  });

  it('by an application under test with fixedTokens', async () => {
    const { shop } = world();
    const module = await Test.createTestingModule({ imports: [schedule, TokenModule.forRoot({ accounts: [shop] })] })
      .setLogger(silence())
      .overrideProvider(TokenManager)
      .useValue(fixedTokens([[shop.accessToken, 'T1']]))
      .compile();
    await ending(module).init();
    expect((await module.get(TokenManager).get(shop.accessToken)).value).toBe('T1');
  });
});

it('of several caches the one is taken that the factory wraps', async () => {
  const { shop, adapter, stores } = world();
  const chosen = CacheModule.register({ stores });
  @Module({ imports: [CacheModule.register()] })
  class Other {}
  const app = await started([
    Other,
    TokenModule.forRootAsync({
      accountNames: ['shop'],
      imports: [chosen],
      inject: [CACHE_MANAGER],
      useFactory: (cache: Cache) => ({ accounts: [shop], store: cacheStore(cache), schedule: false }),
    }),
  ]);
  await app.get(TokenManager).get(shop.accessToken);
  expect(adapter.entries.size).toBe(1);
});

it('grants are refused on it, with the line to add', async () => {
  const erp = testAccount({ name: 'erp', grants: 'too' });
  const error = await failureOf(CacheModule.register(), schedule, TokenModule.forRoot({ accounts: [erp] }));
  expect(error.message).toMatch(
    /^"grantStore" must be a durable store for account "erp".*Add: grantStore: fileStore\(/,
  );
});

it('tokens that supersede one another are refused on it unless there is one process only', async () => {
  const legacy = testAccount({ name: 'legacy', superseding: true });
  const imports = [CacheModule.register(), schedule];
  const error = await failureOf(...imports, TokenModule.forRoot({ accounts: [legacy] }));
  expect(error.message).toMatch(/^"store" must be shared.*singleInstance: true$/);
  const app = await started([...imports, TokenModule.forRoot({ accounts: [legacy], singleInstance: true })]);
  expect((await app.get(TokenManager).get(legacy.accessToken)).value).toBe('legacy-1');
});
