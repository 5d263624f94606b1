import { TokenManager as CoreTokenManager, memoryStore } from '@evertoken/core';
import { CacheModule } from '@nestjs/cache-manager';
import { Inject, Injectable, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { describe, expect, it } from 'vitest';
import {
  getAccountToken,
  getClientToken,
  getTokenManagerToken,
  InjectAccount,
  InjectClient,
  InjectTokens,
  TokenManager,
  TokenModule,
  type TokenModuleFactoryOptions,
  type TokenOptionsFactory,
} from '../src/index.js';
import { AT_ONCE, started, type TestAccount, type TestClient, testAccount } from './support.js';

const cache = CacheModule.register({ isGlobal: true });
const schedule = ScheduleModule.forRoot();

describe('forRoot', () => {
  it('lets manager, accounts and clients be injected anywhere', async () => {
    @Injectable()
    class Service {
      constructor(
        @Inject(TokenManager) readonly tokens: TokenManager,
        @InjectTokens() readonly same: TokenManager,
        @InjectAccount('shop') readonly shop: TestAccount,
        @InjectClient('shop') readonly client: TestClient,
      ) {}
    }
    @Module({ providers: [Service] })
    class FeatureModule {}
    const shop = testAccount({ name: 'shop' });
    const app = await started([cache, schedule, TokenModule.forRoot({ accounts: [shop] }), FeatureModule]);
    const service = app.get(Service, { strict: false });
    expect(service.tokens).toBeInstanceOf(CoreTokenManager);
    expect(service.same).toBe(service.tokens);
    expect(service.shop).toBe(shop);
    expect(service.client.tokens).toBe(service.tokens);
    expect(await service.client.token()).toBe('shop-1');
  });

  it('takes every option of the manager', async () => {
    const shop = testAccount({ name: 'shop', superseding: true });
    const store = memoryStore();
    const options = { accounts: [shop], store, singleInstance: true, name: 'me', refresh: { retryIntervalMs: 5 } };
    const app = await started([schedule, TokenModule.forRoot({ ...options, ...AT_ONCE })]);
    const tokens = app.get(TokenManager);
    await tokens.get(shop.accessToken);
    expect((await store.read(shop.accessToken.key)).record?.token?.lineage.actor).toBe('me');
    expect(tokens.optionsOf('shop')).toEqual({ retryIntervalMs: 5 });
  });

  it('iterates the accounts once: a generator will do', async () => {
    const shop = testAccount({ name: 'shop' });
    function* accounts() {
      yield shop;
    }
    const app = await started([schedule, TokenModule.forRoot({ accounts: accounts(), store: memoryStore() })]);
    expect(app.get(getAccountToken('shop'))).toBe(shop);
    expect(app.get(TokenManager).accounts()).toEqual([shop]);
  });

  it('can be kept to the modules that import it', async () => {
    @Injectable()
    class Service {
      constructor(@Inject(TokenManager) readonly tokens: TokenManager) {}
    }
    @Module({ providers: [Service] })
    class Outside {}
    const registered = TokenModule.forRoot({ isGlobal: false, store: memoryStore(), schedule: false });
    await expect(started([registered, Outside])).rejects.toThrow(/can't resolve dependencies of the Service/);
  });
});

describe('forRootAsync', () => {
  const shop = testAccount({ name: 'shop' });
  const made: TokenModuleFactoryOptions = { accounts: [shop], store: memoryStore(), schedule: false };

  it.each(['now', 'later'])('takes the options of a factory that has them %s', async (when) => {
    const useFactory = (options: TokenModuleFactoryOptions) => (when === 'now' ? options : Promise.resolve(options));
    @Module({ providers: [{ provide: 'OPTIONS', useValue: made }], exports: ['OPTIONS'] })
    class ConfigModule {}
    const app = await started([
      TokenModule.forRootAsync({ accountNames: ['shop'], imports: [ConfigModule], inject: ['OPTIONS'], useFactory }),
    ]);
    expect(app.get(getAccountToken('shop'))).toBe(shop);
    expect(app.get<TestClient>(getClientToken('shop')).tokens).toBe(app.get(TokenManager));
  });

  @Injectable()
  class Options implements TokenOptionsFactory {
    createTokenOptions() {
      return made;
    }
  }
  @Module({ providers: [Options], exports: [Options] })
  class OptionsModule {}

  it('takes the options of a class, its own or one that exists', async () => {
    for (const how of [{ useClass: Options }, { imports: [OptionsModule], useExisting: Options }]) {
      const app = await started([TokenModule.forRootAsync({ accountNames: ['shop'], ...how })]);
      expect(app.get(getAccountToken('shop'))).toBe(shop);
    }
  });
});

describe('forFeature', () => {
  it('adds accounts to the manager before anything of the feature is made', async () => {
    const part = testAccount({ name: 'part' });
    const later = testAccount({ name: 'later' });
    @Injectable()
    class Service {
      readonly known: readonly string[];
      constructor(
        @Inject(TokenManager) tokens: TokenManager,
        @InjectClient('part') readonly client: TestClient,
        @InjectAccount('later') readonly account: TestAccount,
      ) {
        this.known = tokens.accounts().map(({ name }) => name);
      }
    }
    @Module({
      imports: [
        TokenModule.forFeature([part]),
        TokenModule.forFeatureAsync({ accountNames: ['later'], useFactory: async () => [later] }),
      ],
      providers: [Service],
    })
    class FeatureModule {}
    const app = await started([TokenModule.forRoot({ store: memoryStore(), schedule: false }), FeatureModule]);
    const service = app.get(Service, { strict: false });
    expect([...service.known].sort()).toEqual(['later', 'part']);
    expect(service.account).toBe(later);
    expect(await service.client.token()).toBe('part-1');
  });

  it('may have the same account in several modules', async () => {
    const part = testAccount({ name: 'part' });
    @Module({ imports: [TokenModule.forFeature([part])] })
    class One {}
    @Module({ imports: [TokenModule.forFeature([part])] })
    class Two {}
    const app = await started([TokenModule.forRoot({ store: memoryStore(), schedule: false }), One, Two]);
    expect(app.get(TokenManager).accounts()).toEqual([part]);
  });
});

describe('several managers', () => {
  it('keep accounts, clients and jobs of the same names apart', async () => {
    const own = testAccount({ name: 'shop', id: 'own' });
    const theirs = testAccount({ name: 'shop', id: 'theirs' });
    const extra = testAccount({ name: 'extra' });
    @Injectable()
    class Service {
      constructor(
        @Inject(TokenManager) readonly tokens: TokenManager,
        @InjectTokens('partners') readonly partners: TokenManager,
        @InjectAccount('shop', 'partners') readonly theirs: TestAccount,
        @InjectClient('shop', 'partners') readonly client: TestClient,
        @InjectClient('extra', 'partners') readonly extra: TestClient,
      ) {}
    }
    @Module({ imports: [TokenModule.forFeature([extra], { managerName: 'partners' })], providers: [Service] })
    class FeatureModule {}
    const app = await started([
      schedule,
      cache,
      TokenModule.forRoot({ accounts: [own] }),
      TokenModule.forRootAsync({
        managerName: 'partners',
        accountNames: ['shop'],
        useFactory: () => ({ accounts: [theirs] }),
      }),
      FeatureModule,
    ]);
    const service = app.get(Service, { strict: false });
    expect(service.partners).not.toBe(service.tokens);
    expect(service.theirs).toBe(theirs);
    expect(service.client.tokens).toBe(service.partners);
    expect(service.extra.account).toBe(extra);
    expect(app.get(getAccountToken('shop'))).toBe(own);
    expect(app.get(getTokenManagerToken('partners'))).toBe(service.partners);
    expect(service.tokens.accounts()).toEqual([own]);
    expect(service.partners.accounts()).toEqual([theirs, extra]);
  });
});
