import { type Account, memoryStore, TokenError } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { type OfficialAccount, type OfficialAccountClient, officialAccount } from '@evertoken/wechat';
import {
  Controller,
  type DynamicModule,
  Get,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { ConfigModule, ConfigService, registerAs } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  getClientToken,
  getTokenManagerToken,
  InjectAccount,
  InjectClient,
  InjectTokens,
  type TokenAccountsFactory,
  type TokenManager,
  TokenModule,
  type TokenModuleFactoryOptions,
  type TokenOptionsFactory,
} from '../src/index.js';
import { ending, silence } from './support.js';

// Small applications, one for each way to register the module, on each HTTP adapter: a controller that is asked over HTTP and
// asks a platform.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
const shopFrom = (id: string | undefined, key: string | undefined) =>
  officialAccount({ name: 'shop', appId: id, secret: key, baseUrl: sandbox.urls.wechat });
const shop = () => shopFrom(appId, secret);
const options = (): TokenModuleFactoryOptions => ({ accounts: [shop()], store: memoryStore(), schedule: {} });

/** The configuration as an application has it: variables, and a namespace made of them. */
const env = { WECHAT_APPID: appId, WECHAT_SECRET: secret };
const configuration = (...load: NonNullable<Parameters<typeof ConfigModule.forRoot>[0]>['load'] & object) =>
  ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, ignoreEnvVars: true, load: [() => env, ...load] });
const tokensConfig = registerAs('tokens', () => options());
const accountsConfig = registerAs('shops', () => ({ shop: shop() }));

@Injectable()
class Options implements TokenOptionsFactory {
  constructor(@Inject(ConfigService) private readonly config: ConfigService) {}
  createTokenOptions() {
    const accounts = [shopFrom(this.config.get('WECHAT_APPID'), this.config.get('WECHAT_SECRET'))];
    return { accounts, store: memoryStore() };
  }
}

@Injectable()
class Accounts implements TokenAccountsFactory {
  constructor(@Inject(ConfigService) private readonly config: ConfigService) {}
  async createTokenAccounts(): Promise<Iterable<Account>> {
    return [shopFrom(this.config.get('WECHAT_APPID'), this.config.get('WECHAT_SECRET'))];
  }
}

@Module({ providers: [Options, Accounts], exports: [Options, Accounts] })
class OptionsModule {}

/** A controller that uses everything the module provides. */
function apiOf(managerName?: string): Type {
  @Controller()
  class Api {
    constructor(
      @InjectClient('shop', managerName) private readonly wechat: OfficialAccountClient,
      @InjectAccount('shop', managerName) private readonly account: OfficialAccount,
      @InjectTokens(managerName) private readonly tokens: TokenManager,
    ) {}

    @Get('followers')
    async followers() {
      const { total } = await this.wechat.get<{ total: number }>('/cgi-bin/user/get');
      return { total };
    }

    @Get('token')
    async token() {
      const { value } = await this.tokens.get(this.account.accessToken);
      return {
        same: value === this.tokens.peek(this.account.accessToken)?.value,
        manager: this.tokens.accounts().length,
      };
    }
  }
  return Api;
}

/** A feature module whose controller needs the accounts it imports. */
function featureWith(imported: DynamicModule, managerName?: string): Type {
  @Module({ imports: [imported], controllers: [apiOf(managerName)] })
  class FeatureModule {}
  return FeatureModule;
}

type Imports = NonNullable<ModuleMetadata['imports']>;
const bare = () => TokenModule.forRoot({ store: memoryStore() });
const withApi = (...imports: Imports) => [...imports, featureWith({ module: class Nothing {} })];

const FORMS: [string, () => Imports][] = [
  ['forRoot', () => withApi(TokenModule.forRoot(options()))],
  ['forRoot, not global', () => [featureWith(TokenModule.forRoot({ ...options(), isGlobal: false }))]],
  [
    'forRootAsync with useFactory',
    () =>
      withApi(
        configuration(),
        TokenModule.forRootAsync({
          accountNames: ['shop'],
          inject: [ConfigService],
          useFactory: async (config: ConfigService) => ({
            accounts: [shopFrom(config.get('WECHAT_APPID'), config.get('WECHAT_SECRET'))],
            store: memoryStore(),
          }),
        }),
      ),
  ],
  [
    'forRootAsync with useClass',
    () => withApi(configuration(), TokenModule.forRootAsync({ accountNames: ['shop'], useClass: Options })),
  ],
  [
    'forRootAsync with useExisting',
    () =>
      withApi(
        configuration(),
        TokenModule.forRootAsync({ accountNames: ['shop'], imports: [OptionsModule], useExisting: Options }),
      ),
  ],
  [
    'forRootAsync with a namespace of @nestjs/config',
    () => withApi(TokenModule.forRootAsync({ accountNames: ['shop'], ...tokensConfig.asProvider() })),
  ],
  [
    'forRootAsync with providers handed on',
    () =>
      withApi(
        TokenModule.forRootAsync({
          accountNames: ['shop'],
          inject: ['SHOP'],
          provideInjectionTokensFrom: [{ provide: 'SHOP', useFactory: shop }],
          useFactory: (account: OfficialAccount) => ({ accounts: [account], store: memoryStore() }),
        }),
      ),
  ],
  ['forFeature', () => [bare(), featureWith(TokenModule.forFeature([shop()]))]],
  [
    'forFeatureAsync with useFactory',
    () => [
      bare(),
      configuration(accountsConfig),
      featureWith(
        TokenModule.forFeatureAsync({
          accountNames: ['shop'],
          inject: [accountsConfig.KEY],
          useFactory: (shops: { shop: OfficialAccount }) => [shops.shop],
        }),
      ),
    ],
  ],
  [
    'forFeatureAsync with useClass',
    () => [
      bare(),
      configuration(),
      featureWith(TokenModule.forFeatureAsync({ accountNames: ['shop'], useClass: Accounts })),
    ],
  ],
  [
    'forFeatureAsync with useExisting',
    () => [
      bare(),
      configuration(),
      featureWith(
        TokenModule.forFeatureAsync({ accountNames: ['shop'], imports: [OptionsModule], useExisting: Accounts }),
      ),
    ],
  ],
  [
    'a named manager, and a feature of it beside another manager',
    () => [
      TokenModule.forRoot({ ...options(), accounts: [] }),
      TokenModule.forRootAsync({ managerName: 'partners', useFactory: () => ({ store: memoryStore() }) }),
      featureWith(TokenModule.forFeature([shop()], { managerName: 'partners' }), 'partners'),
    ],
  ],
];

/** An application's root module. */
function appOf(imports: Imports): Type {
  @Module({ imports: [ScheduleModule.forRoot(), ...imports] })
  class AppModule {}
  return AppModule;
}

const tokenCalls = () =>
  sandbox.calls({ platform: 'wechat' }).filter(({ endpoint }) => endpoint === '/cgi-bin/stable_token');

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('an application on %s', (_title, adapter) => {
  it.each(FORMS)('with %s', async (_form, imports) => {
    const app = ending(await NestFactory.create(appOf(imports()), adapter(), { logger: false, abortOnError: false }));
    await app.listen(0, '127.0.0.1');
    const ask = async (path: string) => (await fetch(`${await app.getUrl()}/${path}`)).json();
    const answers = await Promise.all([ask('followers'), ask('followers'), ask('token')]);
    expect(answers).toEqual([{ total: expect.any(Number) }, { total: expect.any(Number) }, { same: true, manager: 1 }]);
    expect(tokenCalls()).toHaveLength(1);
  });
});

it('an application without a server', async () => {
  const app = ending(
    await NestFactory.createApplicationContext(appOf([TokenModule.forRoot(options())]), { logger: false }),
  );
  const client = app.get<OfficialAccountClient>(getClientToken('shop'));
  expect(await client.get('/cgi-bin/user/get')).toHaveProperty('total');
  expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(1);
  expect(tokenCalls()).toHaveLength(1);
});

describe('an application under test', () => {
  it.each([undefined, 'partners'])(
    'has its manager (%s) replaced, and needs no platform, store or secret',
    async (managerName) => {
      const empty = shopFrom(undefined, undefined);
      const tokens = fixedTokens([[empty.accessToken, 'T1']]);
      const registered = [
        TokenModule.forRoot({ accounts: [empty], ...(managerName && { managerName }) }),
        TokenModule.forFeature([officialAccount({ name: 'other', appId: undefined, secret: undefined })], {
          managerName,
        }),
      ];
      const module = await Test.createTestingModule({ imports: [appOf(registered)], controllers: [apiOf(managerName)] })
        .setLogger(silence())
        .overrideProvider(getTokenManagerToken(managerName))
        .useValue(tokens)
        .compile();
      const app = ending(module.createNestApplication());
      await app.listen(0, '127.0.0.1');
      expect(await (await fetch(`${await app.getUrl()}/token`)).json()).toEqual({ same: true, manager: 0 });
      // The platform knows no such token; what matters is that it was the double's.
      const failure = await app
        .get<OfficialAccountClient>(getClientToken('shop', managerName))
        .get('/cgi-bin/user/get')
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(TokenError);
      expect(tokens.rejections).toEqual([{ source: empty.accessToken, value: 'T1' }]);
      expect(tokenCalls()).toEqual([]);
    },
  );
});
