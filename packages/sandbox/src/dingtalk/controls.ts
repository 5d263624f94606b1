import type { PushRecord } from '../push-sender.js';
import type { DingTalkCallback } from './account.js';
import type { DingTalkLimits } from './limits.js';
import type { DingTalkCorp } from './suite-account.js';
import type { SuiteEventName } from './suite-events.js';
import type { DingTalkSuiteSwitches, DingTalkSwitches } from './switches.js';

/**
 * Steers internal apps, and what suites have in common with them: users, codes, Stream connections, addresses. `client` is
 * an app key or a suite key. Every control throws a `TypeError` for what does not exist and for options that cannot be.
 */
export interface DingTalkControls {
  /**
   * Business calls refuse the app's tokens from now on. The next fetch makes a new token, or with
   * `keepReturningSame` hands out the dead one again and again.
   */
  revoke(appKey: string, options?: { readonly keepReturningSame?: boolean }): void;
  /** Changes switches; those left out stay. */
  configure(appKey: string, switches: DingTalkSwitches): void;
  /** As `revoke`, for one kind of token, and where `subject` names one, one user's. Default: everything the client has. */
  killToken(client: string, options?: DingTalkKillOptions): void;
  /** The next call brings another JS ticket of an app. */
  killTicket(appKey: string): void;
  /** Sets another secret, and tells it. Whether living tokens survive that is not documented: they do unless `endTokens`. */
  resetSecret(client: string, options?: DingTalkSecretReset): string;
  /** Uses up the month's calls of an organisation (default: the client's own). */
  exhaustQuota(client: string, corpId?: string): void;

  /** The `authCode` that the login page hands out; for the first user unless `unionId` names another. */
  userCode(client: string, options?: DingTalkUserCodeOptions): string;
  /** The code of a scan, for `/sns/...`. */
  scanCode(client: string, options?: { readonly unionId?: string }): string;
  /** The code of the admin console, for SSO. */
  ssoCode(client: string, options?: { readonly unionId?: string }): string;
  /** Ends a user's access and refresh tokens and persistent code: the user must sign in again. */
  endUser(client: string, unionId: string): void;

  /** Changes limits of the whole platform; those left out stay. */
  limit(limits: DingTalkLimits): void;
  /** Bans an address as after too many calls; `unbanAddress` lets it in again. */
  banAddress(ip: string): void;
  /** Lets an address in again. */
  unbanAddress(ip: string): void;

  /** Where an app's events go from now on; `null`: over Stream. */
  setCallback(appKey: string, callback: DingTalkCallback | null): void;
  /** Pushes an event of an app to its callback, or over Stream, encrypted as any other. `EventType` names it. */
  pushEvent(appKey: string, event: Readonly<Record<string, unknown>>): void;
  /** Sends `check_url`, as the console does when an address is saved. Resolves with what came back. */
  checkUrl(appKey: string): Promise<PushRecord>;

  /** Sends a SYSTEM ping to every Stream connection of a client. Resolves with how many echoed it. */
  pingStreams(client: string): Promise<number>;
  /** Asks every Stream connection of a client to go, and cuts what still stands after `afterMs` of real time (10 000). */
  disconnectStreams(client: string, options?: { readonly afterMs?: number }): void;
  /** Cuts every Stream connection of a client without a word. */
  cutStreams(client: string): void;
}

/** Which tokens are to die. */
export interface DingTalkKillOptions {
  /** `app`: all of an internal app. `user`, `sns`: where `subject` is given, of that union id or open id. */
  readonly kind?: 'app' | 'user' | 'sso' | 'sns';
  /** Whose token; absent for the app's own. */
  readonly subject?: string;
  /** Whether asking again brings the dead value. Default false. */
  readonly keepReturningSame?: boolean;
}

/** How a secret is replaced. */
export interface DingTalkSecretReset {
  /** Default: random. */
  readonly secret?: string;
  /** Whether tokens that were issued for the old secret die. Default: false. */
  readonly endTokens?: boolean;
}

/** Whose sign-in a code stands for. */
export interface DingTalkUserCodeOptions {
  /** The person. Default: the first user. */
  readonly unionId?: string;
  /** Whether the scope asked for the organisation too. Default: false. */
  readonly corp?: boolean;
}

/** Steers suites. Every control throws a `TypeError` for what does not exist and for options that cannot be. */
export interface DingTalkSuiteControls {
  /** Changes switches; those left out stay. */
  configure(suiteKey: string, switches: DingTalkSuiteSwitches): void;
  /** A new ticket that nobody is told. */
  issueTicket(suiteKey: string): DingTalkSuiteTicket;
  /** Pushes a ticket: a new one, the newest again, or the one before it, late. */
  pushTicket(suiteKey: string, options?: { readonly ticket?: 'new' | 'newest' | 'older' }): DingTalkSuiteTicket;
  /** The ticket that works, if there was one. */
  currentTicket(suiteKey: string): DingTalkSuiteTicket | undefined;
  /** An organisation enables the suite, for the first time or again; the tokens of before die. */
  authorize(suiteKey: string, corp: string | DingTalkCorp, options?: DingTalkEventOptions): DingTalkAuthorized;
  /** The permanent code of an organisation that has enabled the suite; of any other undefined. */
  permanentCode(suiteKey: string, corpId: string): string | undefined;
  /** The organisation changes what it granted. */
  change(suiteKey: string, corpId: string, options?: DingTalkEventOptions): void;
  /** The organisation takes the suite off: its tokens die. */
  cancel(suiteKey: string, corpId: string, options?: DingTalkEventOptions): void;
  /** The organisation switches the suite off (its tokens die), on again, or deletes it. */
  stop(suiteKey: string, corpId: string, options?: DingTalkEventOptions): void;
  /** The organisation wakes the suite again. */
  restore(suiteKey: string, corpId: string, options?: DingTalkEventOptions): void;
  /** The organisation deletes the suite. */
  remove(suiteKey: string, corpId: string, options?: DingTalkEventOptions): void;
  /** The latest such event again, as it was; or for the first time, if it was kept back. */
  repeatEvent(suiteKey: string, options?: { readonly event?: SuiteEventName; readonly corpId?: string }): void;
  /** Several events in one SyncHTTP push: the latest `count` of them, oldest first. */
  repeatTogether(suiteKey: string, count: number): void;
  /** Any other event, as it stands. `EventType` names it. */
  pushEvent(suiteKey: string, event: Readonly<Record<string, unknown>>): void;
  /** Sends a check of the callback URL. Resolves with what came back. */
  checkUrl(suiteKey: string, options?: DingTalkCheckOptions): Promise<PushRecord>;
  /** Where pushes go and what protects them; what is left out stays. `callbackUrl: null`: nowhere. */
  setCallback(suiteKey: string, change: DingTalkSuiteCallback): void;
  /** Tokens in an organisation die, or without one the suite's own. The next fetch brings a new one, or the dead one again. */
  killToken(suiteKey: string, options?: { readonly corpId?: string; readonly keepReturningSame?: boolean }): void;
  /** The next call brings another JS ticket of an organisation. */
  killTicket(suiteKey: string, corpId: string): void;
}

/** A suite ticket. Told in process, by the control API, and by pushes only. */
export interface DingTalkSuiteTicket {
  /** The ticket. */
  readonly ticket: string;
  /** Unix milliseconds of sandbox time. */
  readonly at: number;
}

/** What an authorization of a suite brings. */
export interface DingTalkAuthorized {
  /** The organisation. */
  readonly corpId: string;
  /** For `/service/get_permanent_code`, once. */
  readonly tmpAuthCode: string;
}

/** How an event of an organisation is told. */
export interface DingTalkEventOptions {
  /** Whether it is pushed. Default: true. */
  readonly push?: boolean;
  /** When it happened, Unix milliseconds. Default: now. */
  readonly at?: number;
}

/** How a callback address is checked. */
export interface DingTalkCheckOptions {
  /** Default: `check_url`. */
  readonly event?: 'check_url' | 'check_create_suite_url' | 'check_update_suite_url';
  /** Owner key of the first check of a new suite. Default: the suite key. */
  readonly testSuiteKey?: string;
}

/** Changes of a suite's callback; what is absent stays. */
export interface DingTalkSuiteCallback {
  /** Where pushes go; `null`: nowhere. */
  readonly callbackUrl?: string | null;
  /** What signatures are made with. */
  readonly token?: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey?: string;
}
