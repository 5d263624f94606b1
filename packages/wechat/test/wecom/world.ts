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
import { ManualClock } from '@evertoken/core/testing';
import { createSandbox, type Sandbox, type SandboxCall, type SandboxOptions } from '@evertoken/sandbox';
import { type WeComSuiteOptions, weCom, weComSuite } from '../../src/wecom.js';
import { NOON } from '../support.js';

export const MINUTE = 60_000;

/** Corps and a suite of the sandbox, as a provider's console would show them. */
export const CORP = 'ww00000000000corp';
export const OTHER = 'ww0000000000other';
export const PROVIDER = 'ww000000000provid';
export const AGENT = 1000002;
export const SUITE = 'ww0000000000suite1';
export const BUILT = 'dk0000000000built1';
export const SECRETS = {
  crm: 'sandbox-crm-secret',
  hr: 'sandbox-hr-secret',
  contacts: 'sandbox-contacts-secret',
  otherCrm: 'sandbox-other-crm-secret',
  provider: 'sandbox-provider-secret',
  suite: 'sandbox-suite-secret',
  built: 'sandbox-built-secret',
} as const;
export const PUSH = { token: 'sandboxWeComToken', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };

const WECOM: NonNullable<SandboxOptions['wecom']> = [
  {
    corpId: CORP,
    callback: PUSH,
    agents: [
      { agentId: AGENT, secret: SECRETS.crm },
      { agentId: 1000003, secret: SECRETS.hr },
      { agentId: 'contacts', secret: SECRETS.contacts },
    ],
  },
  { corpId: OTHER, agents: [{ agentId: AGENT, secret: SECRETS.otherCrm }] },
  {
    corpId: PROVIDER,
    providerSecret: SECRETS.provider,
    agents: [],
    suites: [
      { suiteId: SUITE, secret: SECRETS.suite, ...PUSH, ticketEveryMs: 0 },
      { suiteId: BUILT, secret: SECRETS.built, ...PUSH, ticketEveryMs: 0, providerBuilt: true },
    ],
  },
];

/** A sandbox on a clock of the test's, and what is to be closed after it. */
export class World {
  /** Moves everything's time, unless it is the machine's. */
  readonly clock: ManualClock;
  readonly time: Clock;
  readonly sandbox: Sandbox;
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(sandbox: Sandbox, clock: ManualClock, time: Clock) {
    this.sandbox = sandbox;
    this.clock = clock;
    this.time = time;
  }

  /** `machine`: on the machine's clock, for processes that wait for one another; `jump` moves it forward for all in the world. */
  static async open({ machine = false } = {}): Promise<World> {
    const clock = new ManualClock(NOON);
    const time = machine ? new JumpingClock() : clock;
    return new World(await createSandbox({ clock: time, wecom: WECOM, pushTimeoutMs: 30_000 }), clock, time);
  }

  /** The corp with two apps and its contacts secret. */
  corp(options: Partial<Parameters<typeof weCom>[0]> = {}) {
    return weCom({
      name: 'corp',
      corpId: CORP,
      agents: {
        crm: { agentId: AGENT, secret: SECRETS.crm },
        hr: { agentId: 1000003, secret: SECRETS.hr },
        contacts: { secret: SECRETS.contacts },
      },
      baseUrl: this.sandbox.urls.wecom,
      clock: this.time,
      ...options,
    });
  }

  suite(options: Partial<WeComSuiteOptions> = {}) {
    return weComSuite({
      name: 'suite',
      suiteId: SUITE,
      secret: SECRETS.suite,
      push: PUSH,
      corpId: PROVIDER,
      baseUrl: this.sandbox.urls.wecom,
      pageUrl: this.sandbox.urls.wecom,
      clock: this.time,
      ...options,
    });
  }

  manager(account: Account, { store, ...options }: Partial<TokenManagerOptions> & { store?: TokenStore } = {}) {
    const manager = new TokenManager({
      accounts: [account],
      store: store ?? memoryStore({ clock: this.time }),
      clock: this.time,
      allowVolatileGrants: true,
      ...options,
    });
    this.#closers.push(() => manager.close());
    return manager;
  }

  /** Serves an account's callback over HTTP; resolves with its URL. */
  async listen(account: Account, manager: TokenManager): Promise<string> {
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

  /** A suite with its manager and its command address, which the sandbox pushes to. */
  async suiteAtWork(
    options: Partial<WeComSuiteOptions> = {},
    managed: Partial<TokenManagerOptions> & { store?: TokenStore } = {},
  ) {
    const account = this.suite(options);
    const manager = this.manager(account, managed);
    const url = await this.listen(account, manager);
    this.sandbox.wecom.setCallback(account.id, { url });
    return { account, manager, client: account.client(manager) };
  }

  /** Pushes a ticket and waits until it has been answered. */
  async ticket(suiteId: string = SUITE): Promise<void> {
    this.sandbox.wecom.pushTicket(suiteId);
    await this.sandbox.pushes();
  }

  /** Installs a suite in a corp and waits until the push has been answered. */
  async install(corpId: string = CORP, suiteId: string = SUITE) {
    const install = this.sandbox.wecom.install(suiteId, { corpId });
    await this.sandbox.pushes();
    return install;
  }

  /** Calls that reached an endpoint. */
  calls(endpoint: string, filter: { subject?: string; outcome?: string } = {}): SandboxCall[] {
    return this.sandbox.calls({ platform: 'wecom', endpoint, ...filter });
  }

  onClose(closer: () => Promise<unknown>): void {
    this.#closers.unshift(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers) await closer();
    await this.sandbox.close();
  }
}

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

/** Looks again until it holds: what is done in the background has no promise to wait for. */
export async function eventually<T>(look: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await look();
    if (holds(value) || tries > 2_000) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
