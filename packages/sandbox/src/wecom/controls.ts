import type { PushFields } from '../push-message.js';
import type { PushRecord } from '../push-sender.js';
import type { WeComAgent, WeComCustomer, WeComTicket } from './account.js';
import type { WeComPeriod } from './call-limits.js';
import type { WeComSuiteSwitches, WeComSwitches } from './switches.js';

/** A corp id, or a suite id. */
export type WeComAccountId = string;

/**
 * Steers the simulated WeCom. Each throws a `TypeError` for a company, agent or suite that is not there, and for what
 * cannot be.
 */
export interface WeComControls {
  /** Changes switches of a company or a suite; those that are left out stay. */
  configure(account: WeComAccountId, switches: WeComSwitches | WeComSuiteSwitches): void;

  /** Another secret of a company; not after a reset. */
  addAgent(corpId: string, agent: WeComAgent): void;
  /** Its tokens are dead, and its secret opens nothing any more. */
  removeAgent(corpId: string, agentId: number | string): void;
  /** The administrator stops an app, or lets it go on: its calls get 50003. */
  disableAgent(corpId: string, agentId: number | string, disabled?: boolean): void;
  /** A new secret, made up where none is given; returns it. Tokens that the old one brought are dead. */
  resetSecret(account: WeComAccountId, options?: WeComSecretReset): string;

  /**
   * Ends tokens before their time: of one agent or of `provider`, or of the whole company; of a suite, or of the suite
   * in one company. The next call makes a new token, or with `keepReturningSame` hands out the dead one to its end.
   */
  killToken(
    account: WeComAccountId,
    subject?: number | string,
    options?: { readonly keepReturningSame?: boolean },
  ): void;
  /** The next ticket calls of a company bring other tickets; for `wx.config`, and for each agent. */
  killTickets(corpId: string): void;

  /** An address gets 60020 from this account, until it is let in again. */
  blockIp(account: WeComAccountId, ip: string, blocked?: boolean): void;
  /** Calls of a path get 45009 from now on, as long as the platform blocks after that limit. Default: an hour. */
  exhaustQuota(account: WeComAccountId, path: string, period?: WeComPeriod): void;

  /** A company installs a suite: `create_auth` is pushed, unless `push` is false. Also for one that has it: again. */
  install(suiteId: string, corp: WeComCustomer, options?: WeComInstallOptions): WeComInstall;
  /** The company changes what the suite may see: `change_auth` is pushed. */
  changeAuth(suiteId: string, corpId: string): void;
  /** The company removes the suite: its tokens are dead, `cancel_auth` is pushed. `at` dates the push. */
  uninstall(suiteId: string, corpId: string, options?: { readonly at?: number; readonly push?: boolean }): void;
  /** Removed and installed in one step: another permanent code, the old one gets 40084. */
  reinstall(suiteId: string, corpId: string, options?: { readonly push?: boolean }): WeComInstall;
  /** The permanent code that stands for a company, exchanged or not; undefined where the suite is not installed. */
  permanentCode(suiteId: string, corpId: string): string | undefined;
  /** The company asks for another permanent code: `reset_permanent_code` is pushed, the old one is dead. */
  resetPermanentCode(suiteId: string, corpId: string, options?: { readonly push?: boolean }): WeComInstall;

  /** Pushes the latest event of an authorization once more as it was, or for the first time if it was not pushed. */
  repeatEvent(suiteId: string, which?: WeComEventChoice): void;

  /** Makes a suite ticket and pushes it; or sends the newest again, or one that is older than it. */
  pushTicket(suiteId: string, options?: WeComTicketPush): WeComTicket;
  /** The newest ticket, dead or alive. */
  currentTicket(suiteId: string): WeComTicket | undefined;
  /** No more tickets by themselves, until `startTickets`. */
  stopTickets(suiteId: string): void;
  /** Tickets come again, the first at once. */
  startTickets(suiteId: string): void;

  /** Where pushes go from now on and with which keys; what is left out stays, null takes a URL away. */
  setCallback(account: WeComAccountId, callback: WeComCallbackChange): void;
  /**
   * Sends the encrypted `echostr` to a callback URL. Resolves with what was answered. `receiveId` is the id behind it;
   * for a suite the provider's corp id by default.
   */
  verifyUrl(
    account: WeComAccountId,
    options?: { readonly receiveId?: string; readonly data?: boolean },
  ): Promise<PushRecord>;
  /** A message or event: of a company to its own callback, or of one that has installed the suite to the data URL. */
  push(account: WeComAccountId, message: PushFields, about?: number | string): void;
}

/** How a secret is replaced. */
export interface WeComSecretReset {
  /** An agent of the company, or `provider`. A suite has one secret. */
  readonly agentId?: number | string;
  /** The new one. Default: a random one. */
  readonly secret?: string;
}

/** How an installation is told. */
export interface WeComInstallOptions {
  /** Default: true. */
  readonly push?: boolean;
  /** What the installation link said in `state`; `State` of the push. */
  readonly state?: string;
}

/** Members that are left out match every event. */
export interface WeComEventChoice {
  /** Only events of this type. */
  readonly infoType?: 'create_auth' | 'change_auth' | 'cancel_auth' | 'reset_permanent_code';
  /** Only events about this corp. */
  readonly corpId?: string;
}

/** How a ticket is pushed. */
export interface WeComTicketPush {
  /** Send an older ticket with its own, older time; made up where there is none. */
  readonly older?: boolean;
  /** Send the newest once more, with the time it had. */
  readonly duplicate?: boolean;
}

/** A pushed suite ticket. */
/** An authorization that waits for its code to be exchanged. */
export interface WeComInstall {
  /** CorpID of the customer. */
  readonly corpId: string;
  /** AgentId of the suite's app at the customer. */
  readonly agentId: number;
  /** The code the suite exchanges, once. */
  readonly authCode: string;
}

/** Changes of a callback; what is absent stays. */
export interface WeComCallbackChange {
  /** A company's callback, or a suite's command callback. */
  readonly url?: string | null;
  /** A suite's data callback. */
  readonly dataUrl?: string | null;
  /** What signatures are made with. */
  readonly token?: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey?: string;
}
