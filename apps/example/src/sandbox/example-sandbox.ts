import { type SandboxCall, type SandboxState, sandboxUrls } from '@evertoken/sandbox';
import type { Credentials } from '../credentials.js';
import { CallFollower } from './call-follower.js';
import { LocalSandbox } from './local-sandbox.js';
import { RemoteSandbox } from './remote-sandbox.js';
import { AUTHORIZERS, SANDBOX_IDS, SUITE_CORPS, sandboxCredentials } from './sandbox-accounts.js';
import { SandboxControl } from './sandbox-control.js';
import type { SandboxPlace } from './sandbox-place.js';

/** An account, by its name in the example. */
export type AccountName = keyof Credentials;
/** Accounts that are pushed tickets, and that others authorize. */
export type TicketAccountName = 'platform' | 'suite' | 'isv';

/** Somebody who can let an account act for them: an authorizer of the Open Platform, a company that can install a suite. */
export interface SandboxTenant {
  readonly account: TicketAccountName;
  /** App id or corp id: the subject of its tokens. */
  readonly subject: string;
  readonly name: string;
  /** Whether it does so now. */
  readonly authorized: boolean;
}

/** What `ExampleSandbox.open` takes. */
export interface ExampleSandboxOptions {
  /** The control address of a sandbox that runs elsewhere. Undefined: one is started in this process. */
  readonly sandboxUrl: string | undefined;
  /** Where the one in this process keeps its memory. */
  readonly directory: string;
  /** Where browsers find the application. */
  readonly url: string;
  /** Where the platforms' pushes reach it. Default: `url`. */
  readonly callbackUrl?: string | undefined;
}

const MINUTE_MS = 60_000;

/**
 * The sandbox of sandbox mode and all that one cannot do to real platforms, for the controllers and the page: the same for a
 * sandbox in this process and for one that several instances share. All but `now` and `offsetMs` go through its control API and
 * reject with a `SandboxError`, `status` 400 for what does not exist.
 */
export class ExampleSandbox {
  /** The accounts' ids, secrets and addresses, as `.env` would have them. */
  readonly credentials: Required<Credentials>;
  /** The sandbox in this process, for tests. */
  readonly local: LocalSandbox | undefined;
  readonly #place: SandboxPlace;
  readonly #control: SandboxControl;
  readonly #calls: CallFollower;
  readonly #callbackUrl: string;

  private constructor(place: SandboxPlace, { url, callbackUrl = url }: ExampleSandboxOptions) {
    this.#place = place;
    this.local = place instanceof LocalSandbox ? place : undefined;
    this.#control = new SandboxControl(place.url);
    this.#calls = new CallFollower(this.#control);
    this.#callbackUrl = callbackUrl;
    this.credentials = sandboxCredentials(sandboxUrls(place.url), `${url}/nextengine/callback`);
  }

  /** Starts the sandbox, or finds the one at `sandboxUrl`: rejects with a `SandboxError` where none answers. */
  static async open(options: ExampleSandboxOptions): Promise<ExampleSandbox> {
    const { sandboxUrl, directory } = options;
    const remote = sandboxUrl !== undefined;
    return new ExampleSandbox(
      remote ? await RemoteSandbox.open(sandboxUrl) : await LocalSandbox.open(directory),
      options,
    );
  }

  /** Its control address; the platforms are below it. */
  get url(): string {
    return this.#place.url;
  }

  /** Whether other instances of the application may use it too. */
  get isShared(): boolean {
    return this.local === undefined;
  }

  /** How far its clock is ahead of the system's, ms. */
  get offsetMs(): number {
    return this.#place.offsetMs;
  }

  /** Its time, Unix ms. */
  now(): number {
    return this.#place.now();
  }

  /** The platform calls so far, oldest first. Only what is new is asked for. */
  calls(): Promise<readonly SandboxCall[]> {
    return this.#calls.read();
  }

  /** What the platforms hold; no token and no secret. */
  state(): Promise<SandboxState> {
    return this.#control.get('state');
  }

  /** Lets time pass, for all instances. Resolves once `onMove` listeners have been called. */
  async advance(minutes: number): Promise<void> {
    const { offsetMs } = await this.#control.post<{ offsetMs: number }>('clock', { advanceMs: minutes * MINUTE_MS });
    this.#place.learn(offsetMs);
  }

  /** Calls `listener` whenever time was let pass, by this instance or by another. */
  onMove(listener: () => void): void {
    this.#place.onMove(listener);
  }

  /** Those who can authorize `platform`, install `suite` or enable `isv`, in this order. */
  async tenants(): Promise<readonly SandboxTenant[]> {
    const { openPlatforms, wecom, dingtalkSuites } = await this.state();
    const authorizers = openPlatforms.find(({ appId }) => appId === SANDBOX_IDS.platform)?.authorizers ?? [];
    const suite = wecom.suites.find(({ suiteId }) => suiteId === SANDBOX_IDS.suite);
    const isv = dingtalkSuites.find(({ suiteKey }) => suiteKey === SANDBOX_IDS.isv);
    return [
      ...authorizers.map(({ appId, authorized }) => ({
        account: 'platform' as const,
        subject: appId,
        name: AUTHORIZERS.find((each) => each.appId === appId)?.name ?? appId,
        authorized,
      })),
      ...SUITE_CORPS.map(({ corpId, name }) => ({
        account: 'suite' as const,
        subject: corpId,
        name,
        authorized: suite?.installations.some((each) => each.corpId === corpId && !each.cancelled) ?? false,
      })),
      ...(isv?.corps ?? []).map(({ corpId, name, authorized }) => ({
        account: 'isv' as const,
        subject: corpId,
        name,
        authorized,
      })),
    ];
  }

  /**
   * Ends tokens before their time, and nobody is told. `subject`: an authorizer, a corp, an agent, a NextEngine user; without
   * one the account's own, of `corp` those of all agents. A NextEngine pair is gone for good: the user has to sign in again.
   */
  async kill(account: AccountName, subject?: string): Promise<void> {
    const about = subject === undefined ? {} : { subject };
    const id = SANDBOX_IDS[account];
    switch (account) {
      case 'shop':
        return this.#do('revoke', { platform: 'wechat', account: id });
      case 'platform':
        return this.#do('open-platform/kill-token', { appId: id, ...(subject && { authorizerAppId: subject }) });
      case 'corp':
      case 'suite':
        return this.#do('wecom/kill-token', { account: id, ...about });
      case 'oa':
        return this.#do('revoke', { platform: 'dingtalk', account: id });
      case 'isv':
        return this.#do('dingtalk-suite/kill-token', { suiteKey: id, ...(subject && { corpId: subject }) });
      case 'erp':
        return this.#do('nextengine/pair', { clientId: id, uid: subject });
    }
  }

  /** Pushes the next ticket now. Resolves once it was answered, or given up. */
  async pushTicket(account: TicketAccountName): Promise<void> {
    const id = SANDBOX_IDS[account];
    if (account === 'platform') await this.#do('open-platform/push-ticket', { appId: id });
    else if (account === 'suite') await this.#do('wecom/push-ticket', { suiteId: id });
    else await this.#do('dingtalk-suite/push-ticket', { suiteKey: id });
    await this.pushed();
  }

  /** A tenant authorizes the account, or does so again. Resolves once the push about it was answered, or given up. */
  async authorize(account: TicketAccountName, subject: string): Promise<void> {
    const id = SANDBOX_IDS[account];
    const corp = { corpId: subject };
    if (account === 'platform') await this.#do('open-platform/authorize', { appId: id, authorizerAppId: subject });
    else if (account === 'suite') await this.#do('wecom/install', { suiteId: id, corp });
    else await this.#do('dingtalk-suite/authorize', { suiteKey: id, corp });
    await this.pushed();
  }

  /** A tenant takes its authorization back. Resolves once the push about it was answered, or given up. */
  async cancel(account: TicketAccountName, subject: string): Promise<void> {
    const id = SANDBOX_IDS[account];
    if (account === 'platform') await this.#do('open-platform/cancel', { appId: id, authorizerAppId: subject });
    else if (account === 'suite') await this.#do('wecom/uninstall', { suiteId: id, corpId: subject });
    else await this.#do('dingtalk-suite/cancel', { suiteKey: id, corpId: subject });
    await this.pushed();
  }

  /** A user starts the application from NextEngine's menu: where their browser is sent. */
  async launch(uid: string): Promise<string> {
    const { redirectUri } = this.credentials.erp;
    const launch = { clientId: SANDBOX_IDS.erp, uid, redirectUri };
    return (await this.#control.post<{ readonly url: string }>('nextengine/launch', launch)).url;
  }

  /**
   * Tells the platforms where their pushes go; the application must be listening. Tickets come at once, and in a sandbox that is
   * new one tenant authorizes each account that nobody has authorized.
   */
  async connect(): Promise<void> {
    const { shop, platform, corp, suite, oa, isv, push } = SANDBOX_IDS;
    const to = (account: AccountName) => `${this.#callbackUrl}/callbacks/${account}`;
    await this.#do('wechat/switches', { appId: shop, push: { url: to('shop'), ...push.shop, mode: 'safe' } });
    await this.#do('wecom/callback', { account: corp, url: to('corp'), ...push.corp });
    await this.#do('dingtalk/callback', { appKey: oa, callback: { url: to('oa'), ...push.oa } });
    await this.#do('open-platform/switches', { appId: platform, callbackUrl: to('platform') });
    await this.#do('wecom/callback', { account: suite, url: to('suite') });
    await this.#do('dingtalk-suite/callback', { suiteKey: isv, callbackUrl: to('isv') });
    await this.pushed();
    if (!this.#place.isNew) return;
    const tenants = await this.tenants();
    for (const account of ['platform', 'suite', 'isv'] as const) {
      const own = tenants.filter((tenant) => tenant.account === account);
      const [first] = own;
      if (first && own.every(({ authorized }) => !authorized)) await this.authorize(account, first.subject);
    }
  }

  /** Something happened that the platforms must not forget, such as a token that was given out. */
  remember(): void {
    this.#place.remember();
  }

  /** Ends the sandbox in this process; one elsewhere goes on. */
  close(): Promise<void> {
    return this.#place.close();
  }

  /** Resolves once the pushes under way have been answered, or given up. What was told by them must not be forgotten either. */
  pushed(): Promise<void> {
    return this.#do('pushes', {});
  }

  async #do(path: string, body: object): Promise<void> {
    await this.#control.post(path, body);
    this.#place.remember();
  }
}
