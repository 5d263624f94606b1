import { memoryStore, TokenManager, type TokenManagerOptions } from '@evertoken/core';
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type NextEngineAccount, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { onTestFinished } from 'vitest';
import {
  type NextEngineApp,
  type NextEngineAppOptions,
  type NextEngineClient,
  nextEngineApp,
  type SignedInUser,
} from '../src/index.js';

export const HOUR_MS = 3_600_000;
export const { clientId, clientSecret } = SANDBOX_ACCOUNTS.nextengine;
export const UID = 'user-tanaka';
export const USER_INFO = '/api_v1_login_user/info';
export const COMPANY_INFO = '/api_v1_login_company/info';
export const COMPANIES = '/api_app/company';
export const SEARCH = '/api_v1_receiveorder_base/search';

/** One process: an account, its manager and its client. */
export interface Process {
  readonly app: NextEngineApp;
  readonly tokens: TokenManager;
  readonly client: NextEngineClient;
}

/** A sandbox, a store and one clock for all, and a process on them. */
export interface World extends Process {
  readonly sandbox: Sandbox;
  readonly clock: ManualClock;
  /** Another process on the same store. */
  another(options?: Partial<NextEngineAppOptions>): Process;
  /** Platform calls that reached this endpoint. */
  count(endpoint: string): number;
  signIn(uid?: string, client?: NextEngineClient): Promise<SignedInUser>;
}

export async function openWorld({
  platform = {},
  app: appOptions = {},
  manager = {},
}: {
  readonly platform?: Partial<NextEngineAccount>;
  readonly app?: Partial<NextEngineAppOptions>;
  readonly manager?: Partial<TokenManagerOptions>;
} = {}): Promise<World> {
  const clock = new ManualClock();
  const sandbox = await createSandbox({ clock, nextengine: [{ ...SANDBOX_ACCOUNTS.nextengine, ...platform }] });
  const store = memoryStore({ clock });
  const managers: TokenManager[] = [];
  onTestFinished(async () => {
    for (const tokens of managers) await tokens.close();
    await sandbox.close();
  });
  const another = (options: Partial<NextEngineAppOptions> = {}): Process => {
    const app = nextEngineApp({
      name: 'erp',
      clientId,
      clientSecret,
      baseUrls: { api: sandbox.urls.nextengineApi, base: sandbox.urls.nextengineBase },
      clock,
      random: () => 0.5,
      ...appOptions,
      ...options,
    });
    const tokens = new TokenManager({ accounts: [app], store, clock, allowVolatileGrants: true, ...manager });
    managers.push(tokens);
    return { app, tokens, client: app.client(tokens) };
  };
  const first = another();
  return {
    ...first,
    sandbox,
    clock,
    another,
    count: (endpoint) => sandbox.calls({ endpoint }).length,
    signIn: (uid = UID, client = first.client) => {
      const { state } = sandbox.nextengine.signIn(clientId, uid);
      return client.exchange({ uid, state, binding: client.signIn().binding });
    },
  };
}

/** The process warnings of a type, from now to the end of the test. */
export function warningsOf(type: string): string[] {
  const seen: string[] = [];
  const listen = (warning: Error) => {
    if (warning.name === type) seen.push(warning.message);
  };
  process.on('warning', listen);
  onTestFinished(() => {
    process.off('warning', listen);
  });
  return seen;
}

/** Warnings are told a turn later. */
export function aTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
