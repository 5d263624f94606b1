import 'reflect-metadata';
import { type Account, memoryStore } from '@evertoken/core';
import { fixedTokens } from '@evertoken/core/testing';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { type OfficialAccount, officialAccount } from '@evertoken/wechat';
import { HttpService } from '@nestjs/axios';
import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { firstValueFrom } from 'rxjs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  getTokenHttpToken,
  InjectTokenHttp,
  rejectedByCode,
  TokenHttpModule,
  type TokenHttpModuleOptions,
  type TokenHttpOptionsFactory,
} from '../../src/http/index.js';
import { getAccountToken, InjectAccount, TokenManager, TokenModule, type TokenModuleOptions } from '../../src/index.js';
import { ending, failureOf, silence, started, testAccount } from '../support.js';
import { type ApiServer, apiServer } from './api-server.js';

let api: ApiServer;
let sandbox: Sandbox;
beforeAll(async () => {
  [api, sandbox] = await Promise.all([apiServer(), createSandbox()]);
});
beforeEach(() => {
  api.seen.length = 0;
});
afterAll(() => Promise.all([api.close(), sandbox.close()]));

const tokensIn = () => api.seen.map(({ headers }) => headers.authorization);
const root = (accounts: readonly Account[], options: Partial<TokenModuleOptions> = {}) =>
  TokenModule.forRoot({ accounts, schedule: false, store: memoryStore(), ...options });

it('gives a service the HttpService of its module, with the token in it', async () => {
  const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
  const shop = officialAccount({ name: 'shop', appId, secret, baseUrl: sandbox.urls.wechat });

  @Injectable()
  class FollowersService {
    constructor(@Inject(HttpService) private readonly http: HttpService) {}

    async count() {
      const { data } = await firstValueFrom(this.http.get<{ total: number }>('/cgi-bin/user/get'));
      return data.total;
    }
  }

  @Module({
    imports: [
      TokenHttpModule.register({
        baseURL: sandbox.urls.wechat,
        timeout: 10_000,
        token: {
          source: shop.accessToken,
          place: { query: 'access_token' },
          isRejected: rejectedByCode('errcode', [40001, 40014, 42001]),
        },
      }),
    ],
    providers: [FollowersService],
  })
  class FollowersModule {}

  const app = await started([root([shop]), FollowersModule]);
  const followers = app.get(FollowersService, { strict: false });
  expect(await followers.count()).toBeGreaterThanOrEqual(0);
  sandbox.wechat.killToken(appId);
  expect(await followers.count()).toBeGreaterThanOrEqual(0);
  expect(sandbox.calls({ platform: 'wechat' }).filter(({ endpoint }) => endpoint.includes('token'))).toHaveLength(2);
});

it('makes several clients, each under its name and of its manager', async () => {
  const [ours, theirs] = [testAccount({ name: 'ours' }), testAccount({ name: 'theirs' })];

  @Injectable()
  class BothService {
    constructor(
      @InjectTokenHttp('ours') readonly ours: HttpService,
      @InjectTokenHttp('theirs') readonly theirs: HttpService,
    ) {}
  }

  const client = (name: string, account: typeof ours, managerName?: string) =>
    TokenHttpModule.register({
      name,
      baseURL: api.origin,
      token: { source: account.accessToken },
      ...(managerName !== undefined && { managerName }),
    });
  const app = await started(
    [
      root([ours]),
      root([theirs], { managerName: 'partners' }),
      client('ours', ours),
      client('theirs', theirs, 'partners'),
    ],
    { providers: [BothService] },
  );
  const both = app.get(BothService);
  await firstValueFrom(both.ours.get('/open'));
  await firstValueFrom(both.theirs.get('/open'));
  expect(tokensIn()).toEqual(['Bearer ours-1', 'Bearer theirs-1']);
});

it('takes its options from other providers, and from a class', async () => {
  const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
  const shop = officialAccount({ name: 'shop', appId, secret, baseUrl: sandbox.urls.wechat });

  @Injectable()
  class HttpOptions implements TokenHttpOptionsFactory {
    constructor(@InjectAccount('shop') private readonly account: OfficialAccount) {}

    createTokenHttpOptions() {
      return { baseURL: api.origin, token: { source: this.account.accessToken } };
    }
  }

  @Injectable()
  class FarService {
    constructor(@InjectTokenHttp('factory') readonly http: HttpService) {}
  }
  @Module({ providers: [FarService] })
  class FarModule {}

  const app = await started([
    FarModule,
    root([shop]),
    TokenHttpModule.registerAsync({
      name: 'factory',
      global: true,
      inject: [getAccountToken('shop')],
      useFactory: (account: OfficialAccount) => ({ baseURL: api.origin, token: { source: account.accessToken } }),
    }),
    TokenHttpModule.registerAsync({ name: 'class', useClass: HttpOptions }),
  ]);
  await firstValueFrom(app.get(FarService, { strict: false }).http.get('/open'));
  await firstValueFrom(app.get<HttpService>(getTokenHttpToken('class'), { strict: false }).get('/open'));
  const { value } = await app.get(TokenManager).get(shop.accessToken);
  expect(tokensIn()).toEqual([`Bearer ${value}`, `Bearer ${value}`]);
});

it('works with the manager that a test puts in the place of the real one', async () => {
  const shop = testAccount({ name: 'shop' });
  const tokens = fixedTokens([[shop.accessToken, ['T1', 'T2']]]);
  const imports = [
    root([shop]),
    TokenHttpModule.register({ baseURL: api.origin, token: { source: shop.accessToken } }),
  ];
  const module = await Test.createTestingModule({ imports })
    .setLogger(silence())
    .overrideProvider(TokenManager)
    .useValue(tokens)
    .compile();
  const http = ending(module).get(HttpService, { strict: false });
  api.valid.add('T2');
  expect((await firstValueFrom(http.get('/me'))).data).toEqual({ ok: true });
  expect([tokensIn(), tokens.rejections.map(({ value }) => value)]).toEqual([['Bearer T1', 'Bearer T2'], ['T1']]);
});

it('gives up the wait for a token when its subscriber leaves', async () => {
  const slow = testAccount({ name: 'slow', issue: () => new Promise(() => {}) });
  const app = await started([
    root([slow], { closeTimeoutMs: 50, requestTimeoutMs: 50 }),
    TokenHttpModule.register({ baseURL: api.origin, token: { source: slow.accessToken } }),
  ]);
  const seen: unknown[] = [];
  const subscription = app
    .get(HttpService, { strict: false })
    .get('/open')
    .subscribe({ next: (value) => seen.push(value), error: (error) => seen.push(error) });
  await expect.poll(slow.calls).toBe(1);
  subscription.unsubscribe();
  expect([seen, api.seen]).toEqual([[], []]);
});

it.each([
  [{ baseURL: 'https://api.example' }, /^"token" must be an object with a "source"/],
  [{ baseURL: 'https://api.example', token: {} }, /^"token.source" must be a token source/],
  [{ token: { source: testAccount({ name: 'a' }).accessToken } }, /^"token.origins" must be a list/],
  [{ baseURL: 'https://a.example', token: { sorce: 1 } }, /^"token.sorce" is no option of "token"/],
])('fails the start, and not the import, for %j', async (options, message) => {
  const wrong = TokenHttpModule.register(options as unknown as TokenHttpModuleOptions);
  const error = await failureOf(root([]), wrong);
  expect(error).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION', message: expect.stringMatching(message) });
});
