import { type DingTalkApp, dingTalkApp } from '@evertoken/dingtalk';
import { type NextEngineApp, nextEngineApp } from '@evertoken/nextengine';
import { type OfficialAccount, officialAccount } from '@evertoken/wechat';
import type { Credentials } from './settings.js';

/** Names of the accounts: what `@InjectAccount` and `@InjectClient` ask for, and what the page shows. */
export const SHOP = 'shop';
export const OA = 'oa';
export const ERP = 'erp';

/** Typed handles, no strings: `accounts.shop?.accessToken`. An account without credentials is not there. */
export interface Accounts {
  readonly shop?: OfficialAccount;
  readonly oa?: DingTalkApp;
  readonly erp?: NextEngineApp;
}

/** Makes the accounts there are credentials for. Touches nothing; the manager's constructor refuses what is missing. */
export function accountsOf({ wechat, dingtalk, nextengine }: Credentials): Accounts {
  return {
    ...(wechat && { shop: officialAccount({ name: SHOP, ...wechat }) }),
    ...(dingtalk && { oa: dingTalkApp({ name: OA, ...dingtalk }) }),
    ...(nextengine && { erp: nextEngineApp({ name: ERP, ...nextengine }) }),
  };
}
