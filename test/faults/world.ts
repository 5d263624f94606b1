import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TokenStatus, type TokenStore, tokenKeyOf } from '@evertoken/core';
import type { TokenRecord } from '@evertoken/core/store';
import {
  createSandbox,
  type NextEngineAccount,
  type Sandbox,
  type SandboxCall,
  type WeChatAccount,
} from '@evertoken/sandbox';
import { connect, type SharedStore } from '../processes/stores.js';
import { Member } from './member.js';

/** A day and a quarter of an hour: the lifetime of an access token and the jitter after it, so that every pair is due. */
export const DAY_MS = 86_400_000 + 15 * 60_000;
/** Longer than a lease. */
export const PAST_LEASE_MS = 31_000;

const CLIENT = { clientId: 'faults', clientSecret: 'faults-secret' };
/** What renews also asks for facts: those of the company until they are known, then those of the user. */
const RENEWALS: ReadonlySet<string> = new Set(['/api_v1_login_company/info', '/api_v1_login_user/info']);

/** How a world is set up. */
export interface WorldOptions {
  /** People with a grant each. */
  readonly users: number;
  /** The platform's own switches. */
  readonly platform?: Partial<NextEngineAccount>;
  /** Apps of the other platform, for those who need them. */
  readonly wechat?: readonly WeChatAccount[];
  /** Of a store that exists, where it is not to be a new one: those of `shared`. */
  readonly options?: object;
}

/** What the processes of one test share: a store, a journal, a platform with single-use pairs, and the time. */
export class World {
  readonly sandbox: Sandbox;
  /** The test's own connection to the store. */
  readonly store: TokenStore;
  readonly users: readonly string[];
  readonly #shared: SharedStore;
  readonly #options: object;
  readonly #directory: string;
  readonly #time: { shiftMs: number };
  readonly #members = new Set<Member>();

  static async open(
    shared: SharedStore,
    { users: count, platform, wechat = [], options }: WorldOptions,
  ): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'evertoken-faults-'));
    const time = { shiftMs: 0 };
    const clock = { now: () => Date.now() + time.shiftMs };
    const users = Array.from({ length: count }, (_, index) => `user-${index}`);
    const account = { ...CLIENT, ...platform, users: users.map((uid) => ({ uid })) };
    const sandbox = await createSandbox({ clock, wechat, nextengine: [account] });
    const given = options ?? (await shared.options(directory));
    const store = connect(shared, { ...given, clock });
    await store.open();
    return new World({ shared, options: given, directory, time, users, sandbox, store });
  }

  private constructor(parts: {
    shared: SharedStore;
    options: object;
    directory: string;
    time: { shiftMs: number };
    users: readonly string[];
    sandbox: Sandbox;
    store: TokenStore;
  }) {
    this.#shared = parts.shared;
    this.#options = parts.options;
    this.#directory = parts.directory;
    this.#time = parts.time;
    this.users = parts.users;
    this.sandbox = parts.sandbox;
    this.store = parts.store;
  }

  /** One more process. `url` is another way to the same store, `more` are further accounts; the rest are its manager's. */
  async member({
    url,
    more = [],
    ...settings
  }: {
    url?: string;
    more?: readonly object[];
    [option: string]: unknown;
  } = {}): Promise<Member> {
    const { nextengineApi } = this.sandbox.urls;
    const member = new Member();
    this.#members.add(member);
    await member.ask('open', {
      store: this.#shared.store,
      options: { ...this.#options, ...(url && { url }) },
      journal: join(this.#directory, 'journal'),
      accounts: [
        // A renewal is one request here, so that it can be stopped and counted.
        {
          factory: 'nextEngineApp',
          name: 'erp',
          ...CLIENT,
          baseUrls: { api: nextengineApi },
          checkCompanies: false,
        },
        ...more,
      ],
      at: this.#time.shiftMs,
      ...settings,
    });
    return member;
  }

  /** Time passes, for the platform, the store and every process that runs. */
  async advance(ms: number): Promise<void> {
    this.#time.shiftMs += ms;
    await Promise.all([...this.#members].filter((member) => member.runs).map((member) => this.tellTime(member)));
  }

  /** A process that was stopped meanwhile hears what time it is. */
  async tellTime(member: Member): Promise<void> {
    await member.ask('clock', { at: this.#time.shiftMs });
  }

  /** A person signs in; the pair is stored by that process. */
  async signIn(by: Member, uid: string): Promise<void> {
    const pair = this.sandbox.nextengine.issuePair(CLIENT.clientId, uid);
    const { accessToken: value, refreshToken, accessTokenExpiresAt, refreshTokenExpiresAt } = pair;
    const issued = { value, refreshToken, expiresAt: accessTokenExpiresAt, refreshTokenExpiresAt };
    await by.ask('grant', { of: grantOf(uid), issued });
  }

  /** The user's record, looked at from outside. */
  async stored(uid: string): Promise<TokenRecord> {
    const key = tokenKeyOf({ platform: 'nextengine', id: CLIENT.clientId, kind: 'access_token', subject: [uid] });
    return (await this.store.read(key)).record as TokenRecord;
  }

  /** The access token that the platform takes for the user's now. */
  current(uid: string): string {
    return this.sandbox.nextengine.currentPair(CLIENT.clientId, uid)?.accessToken as string;
  }

  /** Whether the stored pair, both halves, is the one that the platform takes. */
  async holdsCurrent(uid: string): Promise<boolean> {
    const pair = this.sandbox.nextengine.currentPair(CLIENT.clientId, uid);
    const { token } = await this.stored(uid);
    return pair?.accessToken === token?.value && pair?.refreshToken === token?.refreshToken;
  }

  /** Renewals asked for since a number of calls, as the platform's own log has them. */
  renewals(since: number, uid?: string): SandboxCall[] {
    const calls = this.sandbox.calls().slice(since);
    return calls.filter(({ endpoint, subject }) => RENEWALS.has(endpoint) && (uid === undefined || subject === uid));
  }

  /** Entries in the journal that the processes of the host share. */
  async journalled(): Promise<number> {
    const names = await readdir(join(this.#directory, 'journal')).catch(() => []);
    return names.filter((name) => name.endsWith('.json')).length;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.kill()));
    await this.store.close();
    await this.sandbox.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A user's token as tasks name it. */
export function grantOf(uid: string): { account: string; kind: string; subject: string } {
  return { account: 'erp', kind: 'access_token', subject: uid };
}

/** How the user's key stands, as a process tells it. */
export async function statusOf(member: Member, uid: string): Promise<TokenStatus> {
  const [status] = await member.ask<TokenStatus[]>('inspect', { filter: { subjects: [uid] } });
  return status as TokenStatus;
}
