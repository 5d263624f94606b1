import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, memoryStore, systemClock, TokenManager, type TokenManagerOptions } from '@evertoken/core';
import { createSandbox, type OpenPlatformAccount, type OpenPlatformAuthorizer, type Sandbox } from '@evertoken/sandbox';
import { onTestFinished } from 'vitest';
import { type OpenPlatform, type OpenPlatformClient, type OpenPlatformOptions, openPlatform } from '../../src/index.js';
import { callbackRequest, sendReply } from '../../src/push.js';

export const HOUR = 3_600_000;
export const MINUTE = 60_000;
export const APP_ID = 'wxcomponent';
export const SECRET = 'component-secret-5f3a';
export const PUSH = { token: 'push-token-81c2', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };
export const SHOP = 'wxshop';
export const MINI = 'wxmini';

export const COMPONENT_TOKEN = '/cgi-bin/component/api_component_token';
export const START_PUSH = '/cgi-bin/component/api_start_push_ticket';
export const QUERY_AUTH = '/cgi-bin/component/api_query_auth';
export const AUTHORIZER_TOKEN = '/cgi-bin/component/api_authorizer_token';
export const AUTHORIZER_INFO = '/cgi-bin/component/api_get_authorizer_info';
export const AUTHORIZER_LIST = '/cgi-bin/component/api_get_authorizer_list';
export const GET_TICKET = '/cgi-bin/ticket/getticket';

/** The machine's clock, put forward at will: several managers wait for one another in real time, and nobody waits for expiry. */
export class ShiftedClock implements Clock {
  #shift = 0;

  readonly now = () => systemClock.now() + this.#shift;
  readonly monotonic = () => systemClock.monotonic() + this.#shift;
  readonly after = systemClock.after;

  advance(ms: number): void {
    this.#shift += ms;
  }
}

/** One program: an account, its manager and client, and the address it takes pushes at. */
export interface Program {
  readonly platform: OpenPlatform;
  readonly tokens: TokenManager;
  readonly client: OpenPlatformClient;
  readonly url: string;
  /** The answers its callback gave, in order. */
  readonly replies: { readonly status: number; readonly body: string }[];
}

export interface World extends Program {
  readonly sandbox: Sandbox;
  readonly clock: ShiftedClock;
  /** Another program; on the same store unless told otherwise. */
  another(manager?: Partial<TokenManagerOptions>): Promise<Program>;
  /** Calls that reached an endpoint, of one authorizer where it is named. */
  count(endpoint: string, subject?: string): number;
}

export interface WorldOptions {
  readonly authorizers?: readonly OpenPlatformAuthorizer[];
  readonly switches?: Partial<OpenPlatformAccount>;
  readonly account?: Partial<OpenPlatformOptions>;
  readonly manager?: Partial<TokenManagerOptions>;
  /** Whether the first program's address is known to the platform from the start. Default true. */
  readonly pushing?: boolean;
}

const AUTHORIZERS: readonly OpenPlatformAuthorizer[] = [
  { appId: SHOP, name: 'The shop', authorized: true },
  { appId: MINI, kind: 'miniProgram', authorized: true },
];

/** A sandbox whose pushes really arrive, and a program on it. Tickets are pushed when the test says so. */
export async function openWorld({
  authorizers = AUTHORIZERS,
  switches = {},
  account = {},
  manager = {},
  pushing = true,
}: WorldOptions = {}): Promise<World> {
  const clock = new ShiftedClock();
  const closers: (() => Promise<unknown>)[] = [];
  const component = { appId: APP_ID, secret: SECRET, ...PUSH, ticketEveryMs: 0, authorizers, ...switches };
  const sandbox = await createSandbox({ clock, wechat: [], openPlatforms: [component] });
  const store = memoryStore({ clock });
  const another = async (options: Partial<TokenManagerOptions> = {}): Promise<Program> => {
    const platform = openPlatform({
      name: 'platform',
      appId: APP_ID,
      secret: SECRET,
      push: PUSH,
      baseUrl: sandbox.urls.wechat,
      clock,
      ...account,
    });
    const tokens = new TokenManager({
      accounts: [platform],
      store,
      clock,
      singleInstance: true,
      allowVolatileGrants: true,
      ...manager,
      ...options,
    });
    const { url, replies, close } = await listen(platform, tokens);
    closers.unshift(async () => {
      await close();
      await tokens.close();
    });
    return { platform, tokens, client: platform.client(tokens), url, replies };
  };
  onTestFinished(async () => {
    await sandbox.pushes();
    for (const close of closers) await close();
    await sandbox.close();
  });
  const first = await another();
  if (pushing) sandbox.openPlatform.configure(APP_ID, { callbackUrl: first.url });
  return {
    ...first,
    sandbox,
    clock,
    another,
    count: (endpoint, subject) => sandbox.calls({ endpoint, ...(subject !== undefined && { subject }) }).length,
  };
}

/** A real server in front of the account's callback. */
async function listen(platform: OpenPlatform, tokens: TokenManager) {
  const replies: { status: number; body: string }[] = [];
  const take = platform.callback(tokens);
  const server = createServer(async (request, response) => {
    const reply = await take(await callbackRequest(request));
    replies.push({ status: reply.status, body: reply.body });
    sendReply(response, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wechat/events`, replies, close };
}

/** Once something is so: what goes on behind a push is nobody's to await. */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const end = systemClock.monotonic() + limitMs;
  while (!(await what())) {
    if (systemClock.monotonic() > end) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
