import { join } from 'node:path';
import { TokenModule } from '@evertoken/nestjs';
import { TokenCallbackModule } from '@evertoken/nestjs/callbacks';
import { CacheModule } from '@nestjs/cache-manager';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { type Accounts, listOf } from './accounts.js';
import { callbackRoutesOf } from './callbacks/callback-routes.js';
import { DingTalkController } from './dingtalk/dingtalk.controller.js';
import { DingTalkSuiteController } from './dingtalk/dingtalk-suite.controller.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NextEngineController } from './nextengine/nextengine.controller.js';
import { OpenPlatformController } from './open-platform/open-platform.controller.js';
import type { Platforms } from './platforms.js';
import { PlatformsModule } from './platforms.module.js';
import { ExampleSandbox } from './sandbox/example-sandbox.js';
import { SandboxController } from './sandbox/sandbox.controller.js';
import { SandboxKeeper } from './sandbox/sandbox.keeper.js';
import { StatusController } from './status/status.controller.js';
import { StatusService } from './status/status.service.js';
import type { Stores } from './stores.js';
import { TenantsFile } from './tenants/tenants.file.js';
import { TenantsModule } from './tenants/tenants.module.js';
import { ErrorFilter } from './web/error.filter.js';
import { WeChatModule } from './wechat/wechat.module.js';
import { WeComController } from './wecom/wecom.controller.js';
import { WeComSuiteController } from './wecom/wecom-suite.controller.js';

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class AppModule {
  /** The application on these platforms and stores; a platform without an account has no routes. */
  static on(platforms: Platforms, stores: Stores): DynamicModule {
    const { accounts, pushed, clock, random, directory, sandbox } = platforms;
    const { shop } = accounts;
    const tenants = new TenantsFile(join(directory, 'tenants.json'));
    return {
      module: AppModule,
      imports: [
        PlatformsModule.of(platforms),
        // Keeps what can be asked for again where no store is shared. Before TokenModule: listed after it, Nest would end the cache first.
        CacheModule.register({ isGlobal: true }),
        ScheduleModule.forRoot(),
        TokenModule.forRoot({
          accounts: listOf(accounts),
          ...(shop && { accountsFrom: TenantsModule.accountsFrom(tenants, { baseUrl: shop.baseUrl, clock }) }),
          ...stores,
          clock,
          random,
        }),
        TokenCallbackModule.forRoot({ routes: callbackRoutesOf(pushed) }),
        HealthModule,
        MetricsModule,
        ...(shop ? [WeChatModule.on(shop), TenantsModule.on(tenants)] : []),
      ],
      controllers: [StatusController, ...controllersOf(accounts), ...(sandbox ? [SandboxController] : [])],
      providers: [
        { provide: APP_FILTER, useClass: ErrorFilter },
        StatusService,
        ...(sandbox ? [{ provide: ExampleSandbox, useValue: sandbox }, SandboxKeeper] : []),
      ],
    };
  }
}

/** A platform without an account has no routes: what they inject would not be there. */
function controllersOf({ platform, corp, suite, oa, isv, erp }: Accounts): Type[] {
  return [
    ...(platform ? [OpenPlatformController] : []),
    ...(corp ? [WeComController] : []),
    ...(suite ? [WeComSuiteController] : []),
    ...(oa ? [DingTalkController] : []),
    ...(isv ? [DingTalkSuiteController] : []),
    ...(erp ? [NextEngineController] : []),
  ];
}
