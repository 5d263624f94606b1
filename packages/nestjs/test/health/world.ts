import { type Account, memoryStore, TokenManager, type TokenManagerOptions, type TokenStore } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { nextEngineApp } from '@evertoken/nextengine';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { officialAccount, openPlatform } from '@evertoken/wechat';
import { onTestFinished } from 'vitest';

export const HOUR_MS = 3_600_000;
export const USERS = ['user-tanaka', 'user-suzuki', 'user-sato'] as const;
const { wechat, nextengine } = SANDBOX_ACCOUNTS;

/** How a store behaves as if it stood on another machine. */
export type Trouble = 'down' | 'silent' | undefined;

/** The memory store at a distance: nothing of it can be seen without asking, and asking may fail. */
export function remoteStore(clock: ManualClock): { store: TokenStore; trouble: Trouble; lists: number } {
  const inner = memoryStore({ clock });
  const remote = { trouble: undefined as Trouble, store: inner, lists: 0 };
  remote.store = new Proxy(inner, {
    get: (target, name) => {
      if (name === 'peek' || name === 'watch') return undefined;
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (name === 'list') remote.lists++;
        if (remote.trouble === 'down' && name !== 'close') {
          throw Object.assign(new Error('connect ECONNREFUSED redis://user:hidden@host'), { code: 'ECONNREFUSED' });
        }
        if (remote.trouble === 'silent' && name !== 'close') return new Promise(() => {});
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  return remote;
}

/** The platforms, their accounts, and a manager over a store that may fail; one clock for all. */
export async function openWorld(options: Partial<TokenManagerOptions> = {}) {
  const clock = new ManualClock();
  const sandbox = await createSandbox({
    clock,
    nextengine: [{ ...nextengine, users: USERS.map((uid) => ({ uid, companyId: uid, companyNeId: uid })) }],
  });
  const accounts = accountsOf(sandbox, clock);
  const remote = remoteStore(clock);
  const settings = {
    store: remote.store,
    clock,
    allowVolatileGrants: true,
    singleInstance: true,
    random: () => 0.5,
    ...options,
  };
  const tokens = new TokenManager({ accounts: Object.values(accounts), ...settings });
  onTestFinished(async () => {
    remote.trouble = undefined;
    await tokens.close();
    await sandbox.close();
  });
  const signIn = async (uid: string) => {
    const client = accounts.erp.client(tokens);
    const { state } = sandbox.nextengine.signIn(nextengine.clientId, uid);
    await client.exchange({ uid, state, binding: client.signIn().binding });
  };
  return { clock, sandbox, ...accounts, remote, settings, tokens, signIn };
}

function accountsOf(sandbox: Sandbox, clock: ManualClock) {
  return {
    shop: officialAccount({ name: 'shop', appId: wechat.appId, secret: wechat.secret, baseUrl: sandbox.urls.wechat }),
    erp: nextEngineApp({
      name: 'erp',
      clientId: nextengine.clientId,
      clientSecret: nextengine.clientSecret,
      baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
      clock,
      random: () => 0.5,
    }),
  };
}

/** An Open Platform to which no ticket has been pushed. */
export function openPlatformOf(sandbox: Sandbox): Account {
  const { appId, secret } = SANDBOX_ACCOUNTS.openPlatform;
  return openPlatform({ name: 'platform', appId, secret, baseUrl: sandbox.urls.wechat });
}
