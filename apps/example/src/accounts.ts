import { type Account, type Clock, systemClock } from '@evertoken/core';
import { type DingTalkApp, type DingTalkSuite, dingTalkApp, dingTalkSuite } from '@evertoken/dingtalk';
import { type NextEngineApp, nextEngineApp } from '@evertoken/nextengine';
import {
  type OfficialAccount,
  type OpenPlatform,
  officialAccount,
  openPlatform,
  type WeCom,
  type WeComSuite,
  weCom,
  weComSuite,
} from '@evertoken/wechat';
import type { Credentials } from './credentials.js';

/** Names of the accounts: what `@InjectAccount` and `@InjectClient` ask for, and what the page shows. */
export const SHOP = 'shop';
export const PLATFORM = 'platform';
export const CORP = 'corp';
export const SUITE = 'suite';
export const OA = 'oa';
export const ISV = 'isv';
export const ERP = 'erp';

/** Typed handles, no strings: `accounts.shop?.accessToken`. An account without credentials is not there. */
export interface Accounts {
  readonly shop?: OfficialAccount;
  readonly platform?: OpenPlatform;
  readonly corp?: WeCom;
  readonly suite?: WeComSuite;
  readonly oa?: DingTalkApp;
  readonly isv?: DingTalkSuite;
  readonly erp?: NextEngineApp;
}

/**
 * Makes the accounts there are credentials for. Touches nothing; the manager's constructor refuses what is wrong. `clock`: by
 * which pushes and sign-ins are judged; the sandbox's in sandbox mode.
 */
export function accountsOf(credentials: Credentials, clock: Clock = systemClock): Accounts {
  const { shop, platform, corp, suite, oa, isv, erp } = credentials;
  return {
    ...(shop && { shop: officialAccount({ name: SHOP, clock, ...shop }) }),
    ...(platform && { platform: openPlatform({ name: PLATFORM, clock, ...platform }) }),
    ...(corp && { corp: weCom({ name: CORP, clock, ...corp }) }),
    ...(suite && { suite: weComSuite({ name: SUITE, clock, ...suite }) }),
    ...(oa && { oa: dingTalkApp({ name: OA, clock, ...oa }) }),
    ...(isv && { isv: dingTalkSuite({ name: ISV, clock, ...isv }) }),
    ...(erp && { erp: nextEngineApp({ name: ERP, clock, ...erp }) }),
  };
}

/** The accounts as a list, in the order of the page. */
export function listOf({ shop, platform, corp, suite, oa, isv, erp }: Accounts): readonly Account[] {
  return [shop, platform, corp, suite, oa, isv, erp].filter((account) => account !== undefined);
}

/** Names of the accounts that the platform pushes to: those whose credentials have keys for it. */
export function pushedNamesOf(credentials: Credentials): readonly string[] {
  return Object.entries(credentials).flatMap(([name, account]) => ('push' in account && account.push ? [name] : []));
}
