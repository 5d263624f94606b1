import type { Clock } from '@evertoken/core';
import type { TokenAccountsLoader } from '@evertoken/nestjs';
import { officialAccount } from '@evertoken/wechat';
import { type DynamicModule, Module } from '@nestjs/common';
import { TenantsController } from './tenants.controller.js';
import { TenantsFile } from './tenants.file.js';

/** What tenants' accounts have in common. */
export interface TenantSettings {
  /** Where WeChat is. */
  readonly baseUrl: string;
  readonly clock: Clock;
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class TenantsModule {
  /** The routes that add and remove tenants. */
  static on(file: TenantsFile): DynamicModule {
    return {
      module: TenantsModule,
      controllers: [TenantsController],
      providers: [{ provide: TenantsFile, useValue: file }],
    };
  }

  /** The tenants as accounts, for `accountsFrom`: asked at the start, before each sweep, and after a change. */
  static accountsFrom(file: TenantsFile, { baseUrl, clock }: TenantSettings): TokenAccountsLoader {
    return async () =>
      (await file.read()).map(({ name, appId, secret, updatedAt }) => ({
        name,
        version: updatedAt,
        account: () => officialAccount({ name, appId, secret, baseUrl, clock }),
      }));
  }
}
