import { type Account, TokenManager, type TokenManagerOptions } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type DingTalkAccount, type Sandbox } from '@evertoken/sandbox';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type DingTalkApp, type DingTalkAppOptions, dingTalkApp, type SignInStart } from '../src/index.js';
import { hastyClock } from './support.js';

/** The app of these tests, and the organisation it belongs to. */
export const OA = {
  appKey: 'dingoa',
  appSecret: 'oa-app-secret',
  corpId: 'dingcorp',
  corpSecret: 'oa-corp-secret',
  ssoSecret: 'oa-sso-secret',
} as const;

/** Who signs in. */
export const LAN = 'union-lan';
export const WEI = 'union-wei';

/** A sandbox on a clock of its own, with managers that are closed after each test. */
export function world(more: readonly DingTalkAccount[] = []) {
  const clock = new ManualClock();
  const managers: TokenManager[] = [];
  const state: { sandbox: Sandbox | undefined } = { sandbox: undefined };
  beforeAll(async () => {
    state.sandbox = await createSandbox({ clock: { now: clock.now }, dingtalk: [OA, ...more] });
  });
  afterEach(async () => {
    await Promise.all(managers.splice(0).map((manager) => manager.close()));
    state.sandbox?.reset();
    state.sandbox?.clearFaults();
  });
  afterAll(() => state.sandbox?.close());
  const sandbox = () => {
    if (!state.sandbox) throw new Error('the sandbox has not been started yet');
    return state.sandbox;
  };
  return {
    clock,
    get sandbox() {
      return sandbox();
    },
    baseUrls: () => {
      const { dingtalkApi: api, dingtalkOapi: oapi } = sandbox().urls;
      return { api, oapi, login: api };
    },
    calls: (endpoint: string) => sandbox().calls({ endpoint }).length,
    manage(account: Account, options: Partial<TokenManagerOptions> = {}) {
      const manager = new TokenManager({ accounts: [account], clock, allowVolatileGrants: true, ...options });
      managers.push(manager);
      return manager;
    },
  };
}

export type World = ReturnType<typeof world>;

/** The app on the world's clock, whose waits for repetitions take no time. */
export function appIn(it: World, options: Partial<DingTalkAppOptions> = {}): DingTalkApp {
  const { appKey, appSecret, corpId } = OA;
  const hasty = hastyClock();
  const clock = { now: it.clock.now, monotonic: hasty.monotonic, after: hasty.after };
  return dingTalkApp({ name: 'oa', appKey, appSecret, corpId, baseUrls: it.baseUrls(), clock, ...options });
}

/** What a browser does: opens the page, signs in, comes back. */
export async function visit({ url }: SignInStart, unionId = LAN): Promise<Record<string, string>> {
  const page = new URL(url);
  page.searchParams.set('unionId', unionId);
  const response = await fetch(page, { redirect: 'manual' });
  const back = response.headers.get('location');
  if (back === null) throw new Error(`no redirect but HTTP ${response.status}`);
  return Object.fromEntries(new URL(back).searchParams);
}
