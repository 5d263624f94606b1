import { join } from 'node:path';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { TokenModule } from '@evertoken/nestjs';
import { CacheModule } from '@nestjs/cache-manager';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { DingTalkController } from './dingtalk/dingtalk.controller.js';
import { NextEngineController } from './nextengine/nextengine.controller.js';
import { PLATFORMS, type Platforms } from './platforms.js';
import { LocalSandbox } from './sandbox/local-sandbox.js';
import { SandboxController } from './sandbox/sandbox.controller.js';
import { SandboxKeeper } from './sandbox/sandbox.keeper.js';
import { StatusController } from './status/status.controller.js';
import { StatusService } from './status/status.service.js';
import { ErrorFilter } from './web/error.filter.js';
import { WeChatController } from './wechat/wechat.controller.js';

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class AppModule {
  /** The application on these platforms; a platform without an account has no routes. */
  static on(platforms: Platforms): DynamicModule {
    const { accounts, clock, random, directory, sandbox } = platforms;
    const { shop, oa, erp } = accounts;
    return {
      module: AppModule,
      imports: [
        // Keeps what can be asked for again. Before TokenModule: listed after it, Nest would end the cache first.
        CacheModule.register({ isGlobal: true }),
        ScheduleModule.forRoot(),
        TokenModule.forRoot({
          accounts: [shop, oa, erp].filter((account) => account !== undefined),
          // A lost pair costs a person a sign-in: grants survive a restart.
          grantStore: fileStore({ directory: join(directory, 'tokens'), clock }),
          // What the disk does not take at once is written here first: no crash in between costs a sign-in.
          journal: fileJournal({ directory: join(directory, 'journal') }),
          clock,
          random,
        }),
      ],
      controllers: [
        StatusController,
        ...(shop ? [WeChatController] : []),
        ...(oa ? [DingTalkController] : []),
        ...(erp ? [NextEngineController] : []),
        ...(sandbox ? [SandboxController] : []),
      ],
      providers: [
        { provide: PLATFORMS, useValue: platforms },
        { provide: APP_FILTER, useClass: ErrorFilter },
        StatusService,
        ...(sandbox ? [{ provide: LocalSandbox, useValue: sandbox }, SandboxKeeper] : []),
      ],
    };
  }
}
