import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Account,
  type Clock,
  memoryStore,
  systemClock,
  TokenManager,
  type TokenManagerOptions,
  type TokenStore,
} from '@evertoken/core';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import {
  createSandbox,
  SANDBOX_ACCOUNTS,
  type Sandbox,
  type SandboxCall,
  type SandboxOptions,
} from '@evertoken/sandbox';
import { type DingTalkSuiteOptions, dingTalkSuite } from '../../src/index.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The sandbox's suite, as an ISV's console would show it. */
const { suiteKey, suiteSecret, token, encodingAESKey } = SANDBOX_ACCOUNTS.dingtalkSuite;
export const SUITE = suiteKey;
export const KEYS = { token, encodingAESKey };
export const CORP = 'dingcorpone';
export const OTHER = 'dingcorptwo';
export const CORP_TOKENS = '/v1.0/oauth2/corpAccessToken';
export const OLD_CORP_TOKENS = '/service/get_corp_token';
export const UNIFIED_TOKENS = '/v1.0/oauth2/{corpId}/token';

type Switches = Partial<NonNullable<SandboxOptions['dingtalkSuites']>[number]>;

/** The machine's clock, that can be put forward: what waits goes on waiting. */
export class JumpingClock implements Clock {
  #offset = 0;
  now = () => systemClock.now() + this.#offset;
  monotonic = () => systemClock.monotonic();
  after: Clock['after'] = (ms, callback, keepAlive) => systemClock.after(ms, callback, keepAlive);

  jump(ms: number): void {
    this.#offset += ms;
  }
}

/** A sandbox with one suite, on a clock of the test's, and what is to be closed after it. */
export class World {
  readonly clock: JumpingClock;
  readonly sandbox: Sandbox;
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(sandbox: Sandbox, clock: JumpingClock) {
    this.sandbox = sandbox;
    this.clock = clock;
  }

  static async open(switches: Switches = {}): Promise<World> {
    const clock = new JumpingClock();
    const corps = [{ corpId: CORP, name: 'One' }, { corpId: OTHER }];
    const suite = { ...SANDBOX_ACCOUNTS.dingtalkSuite, corps, suiteTicketEveryMs: 0, repushEveryMs: 100, ...switches };
    return new World(await createSandbox({ clock, dingtalkSuites: [suite], pushTimeoutMs: 30_000 }), clock);
  }

  suite(options: Partial<DingTalkSuiteOptions> = {}) {
    const { dingtalkApi: api, dingtalkOapi: oapi } = this.sandbox.urls;
    return dingTalkSuite({
      name: 'suite',
      suiteKey,
      suiteSecret,
      push: { token, encodingAESKey },
      baseUrls: { api, oapi },
      clock: this.clock,
      ...options,
    });
  }

  manager(account: Account, { store, ...options }: Partial<TokenManagerOptions> & { store?: TokenStore } = {}) {
    const manager = new TokenManager({
      accounts: [account],
      store: store ?? memoryStore({ clock: this.clock }),
      clock: this.clock,
      allowVolatileGrants: true,
      singleInstance: true,
      ...options,
    });
    this.#closers.push(() => manager.close());
    return manager;
  }

  /** A suite with its manager and its push address, which the sandbox pushes to. No ticket has come yet. */
  async atWork(
    options: Partial<DingTalkSuiteOptions> = {},
    managed: Partial<TokenManagerOptions> & { store?: TokenStore } = {},
  ) {
    const account = this.suite(options);
    const manager = this.manager(account, managed);
    this.sandbox.dingtalkSuite.setCallback(SUITE, { callbackUrl: await this.#listen(account, manager) });
    await this.sandbox.pushes();
    return { account, manager, client: account.client(manager) };
  }

  /** Pushes a ticket and waits until it has been answered. */
  async ticket(ticket: 'new' | 'newest' | 'older' = 'new'): Promise<string> {
    const pushed = this.sandbox.dingtalkSuite.pushTicket(SUITE, { ticket });
    await this.sandbox.pushes();
    return pushed.ticket;
  }

  /** Calls that reached an endpoint. */
  calls(endpoint: string, filter: { subject?: string; outcome?: string } = {}): SandboxCall[] {
    return this.sandbox.calls({ platform: 'dingtalk', endpoint, ...filter });
  }

  corpState(corpId = CORP) {
    const suite = this.sandbox.state().dingtalkSuites.find((each) => each.suiteKey === SUITE);
    return suite?.corps.find((corp) => corp.corpId === corpId);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers) await closer();
    await this.sandbox.close();
  }

  async #listen(account: Account, manager: TokenManager): Promise<string> {
    const answer = account.callback?.(manager);
    if (!answer) throw new Error('the account has no callback');
    const server = createServer(async (request, response) => {
      try {
        sendReply(response, await answer(await callbackRequest(request)));
      } catch {
        response.destroy();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#closers.unshift(() => closed(server));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
}

/** Long enough for a machine that is busy with other tests. */
export const PATIENCE = { timeout: 20_000, interval: 10 };

export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
