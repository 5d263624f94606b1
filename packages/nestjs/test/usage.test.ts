import 'reflect-metadata';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineTokens, TokenError } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { fixedTokens } from '@evertoken/core/testing';
import { type NextEngineClient, nextEngineApp, type SignInBinding } from '@evertoken/nextengine';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { type OfficialAccountClient, officialAccount } from '@evertoken/wechat';
import { CacheModule } from '@nestjs/cache-manager';
import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  Query,
  Redirect,
  Session,
  type Type,
} from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { InjectClient, OnTokenEvent, type ReauthorizeEvent, TokenManager, TokenModule } from '../src/index.js';
import { Adapter, keyvOver } from './doubles.js';
import { ending, silence, started } from './support.js';

// The snippets of the documentation, pointed at the sandbox; otherwise as they stand there.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;
const weChat = () => officialAccount({ name: 'shop', appId, secret, baseUrl: sandbox.urls.wechat });
const shop = officialAccount({ name: 'shop', appId, secret });

@Injectable()
class FollowersService {
  constructor(@InjectClient('shop') private readonly wechat: OfficialAccountClient) {}

  count() {
    return this.wechat.get<{ total: number }>('/cgi-bin/user/get');
  }

  pageConfig(url: string) {
    return this.wechat.jsSdkConfig(url);
  }
}

@Injectable()
class ReportService {
  readonly sent: string[] = [];
  refuses: string | undefined;

  constructor(@Inject(TokenManager) private readonly tokens: TokenManager) {}

  async send(body: string): Promise<void> {
    const token = await this.tokens.get(shop.accessToken, { minValidityMs: 60_000 });
    const refused = !(await this.post(token.value, body));
    if (refused) await this.post((await this.tokens.reject(shop.accessToken, token)).value, body);
  }

  private async post(accessToken: string, _body: string): Promise<boolean> {
    this.sent.push(accessToken);
    return accessToken !== this.refuses;
  }
}

/** §1 without its `store` line, as the README shows it. */
function fiveMinutes(account = weChat()): Type {
  @Module({
    imports: [
      CacheModule.register({ isGlobal: true }),
      ScheduleModule.forRoot(),
      TokenModule.forRoot({ accounts: [account] }),
    ],
    providers: [FollowersService, ReportService],
  })
  class AppModule {}
  return AppModule;
}

it('§1: five minutes: one tick, and every token is there', async () => {
  const app = await started([fiveMinutes()]);
  await app.get(TokenManager).refreshDue();
  const endpoints = sandbox.calls({ platform: 'wechat' }).map(({ endpoint }) => endpoint);
  expect(endpoints.filter((endpoint) => endpoint.includes('token'))).toHaveLength(1);
  expect(app.get(SchedulerRegistry).getCronJobs().has('evertoken:refresh')).toBe(true);
});

it('§2: a service that takes the client', async () => {
  const app = await started([fiveMinutes()]);
  const followers = app.get(FollowersService);
  expect((await followers.count()).total).toBeGreaterThanOrEqual(0);
  expect(await followers.pageConfig('https://shop.example/')).toMatchObject({ appId, signature: expect.any(String) });
  sandbox.wechat.revoke(appId);
  await followers.count();
  const issued = sandbox.calls({ platform: 'wechat' }).filter(({ endpoint }) => endpoint.includes('token'));
  expect(issued).toHaveLength(2);
});

it('§3: a service that speaks HTTP itself', async () => {
  const module = await Test.createTestingModule({ imports: [fiveMinutes(shop)] })
    .setLogger(silence())
    .overrideProvider(TokenManager)
    .useValue(fixedTokens([[shop.accessToken, ['T1', 'T2']]]))
    .compile();
  const report = ending(module).get(ReportService);
  report.refuses = 'T1';
  await report.send('all is well');
  expect(report.sent).toEqual(['T1', 'T2']);
});

it('§4: ConfigService, cache-manager, grants in files', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'evertoken-nestjs-'));
  const adapter = new Adapter();
  const env = { WECHAT_APPID: appId, WECHAT_SECRET: secret, NE_CLIENT_ID: clientId, NE_CLIENT_SECRET: clientSecret };
  @Module({
    imports: [
      ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [() => env] }),
      ScheduleModule.forRoot(),
      CacheModule.registerAsync({
        isGlobal: true,
        inject: [ConfigService],
        useFactory: () => ({ stores: [keyvOver(adapter)] }),
      }),
      TokenModule.forRootAsync({
        accountNames: ['shop', 'erp'],
        inject: [ConfigService],
        useFactory: (config: ConfigService) => ({
          accounts: [
            officialAccount({
              name: 'shop',
              appId: config.get('WECHAT_APPID'),
              secret: config.get('WECHAT_SECRET'),
              baseUrl: sandbox.urls.wechat,
            }),
            nextEngineApp({
              name: 'erp',
              clientId: config.get('NE_CLIENT_ID'),
              clientSecret: config.get('NE_CLIENT_SECRET'),
              baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
            }),
          ],
          grantStore: fileStore({ directory }),
          schedule: { cron: '*/30 * * * * *', timeZone: 'Asia/Tokyo' },
        }),
      }),
    ],
    providers: [FollowersService],
    controllers: [NextEngineController],
  })
  class AppModule {}
  const app = await started([AppModule]);
  await app.get(FollowersService).count();
  const { uid, state } = sandbox.nextengine.signIn(clientId, 'user-tanaka');
  const session: UserSession = {};
  const controller = app.get(NextEngineController);
  controller.signIn(session);
  await controller.callback(uid, state, session);
  expect([...adapter.entries.keys()].every((key) => key.includes('wechat'))).toBe(true);
  expect(adapter.entries.size).toBeGreaterThan(0);
  expect((await readdir(directory)).length).toBeGreaterThan(0);
  await app.close();
  await rm(directory, { recursive: true });
});

interface UserSession {
  binding?: SignInBinding;
  uid?: string;
}

@Controller('nextengine')
class NextEngineController {
  static readonly told: string[] = [];

  constructor(@InjectClient('erp') private readonly nextEngine: NextEngineClient) {}

  @Get('sign-in')
  @Redirect()
  signIn(@Session() session: UserSession) {
    const { url, binding } = this.nextEngine.signIn();
    session.binding = binding;
    return { url };
  }

  @Get('callback')
  async callback(@Query('uid') uid: string, @Query('state') state: string, @Session() session: UserSession) {
    const user = await this.nextEngine.exchange({ uid, state, binding: session.binding });
    session.uid = user.uid;
    return { company: user.companyName };
  }

  @Get('orders')
  async orders(@Session() session: UserSession) {
    try {
      return await this.nextEngine
        .user(session.uid)
        .call('/api_v1_receiveorder_base/search', { fields: 'receive_order_id' });
    } catch (error) {
      if (error instanceof TokenError && error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') {
        return { signIn: '/nextengine/sign-in' };
      }
      throw error;
    }
  }

  @OnTokenEvent('reauthorize')
  tellSomeone({ account, cause }: ReauthorizeEvent) {
    NextEngineController.told.push(`a user of ${account} must sign in again (${cause})`);
  }
}

it('§5: sign-in over HTTP, a call, and a grant that dies', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'evertoken-nestjs-'));
  const erp = nextEngineApp({
    name: 'erp',
    clientId,
    clientSecret,
    baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
  });
  const session: UserSession = {};
  @Module({
    imports: [ScheduleModule.forRoot(), TokenModule.forRoot({ accounts: [erp], grantStore: fileStore({ directory }) })],
    controllers: [NextEngineController],
  })
  class AppModule {}
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(silence())
    .compile();
  const app = ending(module.createNestApplication());
  app.use((request: { session?: UserSession }, _response: unknown, next: () => void) => {
    request.session = session;
    next();
  });
  await app.listen(0, '127.0.0.1');
  const get = async (path: string) => fetch(`${await app.getUrl()}/nextengine/${path}`, { redirect: 'manual' });

  expect(await (await get('orders')).json()).toEqual({ signIn: '/nextengine/sign-in' });
  expect((await get('sign-in')).headers.get('location')).toContain(sandbox.urls.nextengineBase);
  const { uid, state } = sandbox.nextengine.signIn(clientId, 'user-tanaka');
  expect(await (await get(`callback?uid=${uid}&state=${state}`)).json()).toEqual({
    company: '株式会社サンドボックス',
  });
  expect(await (await get('orders')).json()).toMatchObject({ result: 'success' });

  NextEngineController.told.length = 0;
  sandbox.nextengine.issuePair(clientId, uid);
  expect(await (await get('orders')).json()).toEqual({ signIn: '/nextengine/sign-in' });
  expect(NextEngineController.told).toEqual(['a user of erp must sign in again (refused)']);
  await app.close();
  await rm(directory, { recursive: true });
});

it('§8: one configuration for the command line and the application', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'evertoken-nestjs-'));
  const config = defineTokens({ accounts: [weChat()], store: fileStore({ directory }), skewMs: 30_000 });
  @Module({
    imports: [ScheduleModule.forRoot(), TokenModule.forRoot({ ...config, schedule: { cron: '0 * * * * *' } })],
    providers: [FollowersService],
  })
  class AppModule {}
  const app = await started([AppModule]);
  await app.get(FollowersService).count();
  expect(app.get(SchedulerRegistry).getCronJob('evertoken:refresh').cronTime.source).toBe('0 * * * * *');
  // What the command line makes of the same object finds the token that the application has stored.
  const other = new TokenManager(config);
  expect((await other.get(shop.accessToken)).value).toBe(app.get(TokenManager).peek(shop.accessToken)?.value);
  await other.close();
  const issued = sandbox.calls({ platform: 'wechat' }).filter(({ endpoint }) => endpoint.includes('token'));
  expect(issued).toHaveLength(1);
  await app.close();
  await rm(directory, { recursive: true });
});

it('§9: asks WeChat with the account’s token (plain unit test)', async () => {
  const account = weChat();
  const tokens = fixedTokens([[account.accessToken, 'T1']]);
  const service = new FollowersService(account.client(tokens));
  await service.count().catch(() => {});
  expect(tokens.rejections).toEqual([{ source: account.accessToken, value: 'T1' }]);
});

it('§9: starts the whole application without a platform, a store or a cache', async () => {
  @Module({
    imports: [
      ScheduleModule.forRoot(),
      TokenModule.forRoot({ accounts: [officialAccount({ name: 'shop', appId: undefined, secret: undefined })] }),
    ],
    providers: [FollowersService],
  })
  class AppModule {}
  const app = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(silence())
    .overrideProvider(TokenManager)
    .useValue(fixedTokens([[shop.accessToken, 'T1']]))
    .compile();
  await app.init();
  expect(app.get(FollowersService)).toBeDefined();
  expect((await app.get(TokenManager).get(shop.accessToken)).value).toBe('T1');
  await app.get(SchedulerRegistry).getCronJob('evertoken:refresh').fireOnTick();
  await app.close();
});

it('injects through properties and into handlers of any framework part, with no decorator metadata at all', async () => {
  @Controller()
  class Api {
    @InjectClient('shop') private readonly wechat!: OfficialAccountClient;
    @Post()
    post(@Body() _body: unknown) {
      return this.wechat;
    }
  }
  const app = await started([fiveMinutes()], { controllers: [Api] });
  expect(app.get(Api).post({})).toBeDefined();
  expect(Reflect.getMetadata('design:paramtypes', FollowersService)).toBeUndefined();
});
