import { urlSafeValue } from '../opaque.js';
import { TICKET_CHARACTERS, TOKEN_CHARACTERS } from './agent.js';
import type { WeComCorp } from './corp.js';
import { RepeatedValue, type WeComValueState } from './repeated-value.js';
import type { SuiteApp } from './suite-app.js';
import type { CorpHolder } from './token-holder.js';

/** A suite inside one company that has installed it, from the installation to its end. */
export class Installation implements CorpHolder {
  readonly lane = 'corp';
  readonly suite: SuiteApp;
  readonly corp: WeComCorp;
  readonly agentId: number;
  readonly installedAt: number;
  readonly token = new RepeatedValue(TOKEN_CHARACTERS);
  readonly agentTicket = new RepeatedValue(TICKET_CHARACTERS);
  readonly ownTicket = new RepeatedValue(TICKET_CHARACTERS);
  permanentCode: string;
  /** Whether somebody has exchanged an auth code for the permanent code. */
  exchanged = false;
  cancelled = false;

  constructor(suite: SuiteApp, corp: WeComCorp, agentId: number, installedAt: number, permanentCode?: string) {
    this.suite = suite;
    this.corp = corp;
    this.agentId = agentId;
    this.installedAt = installedAt;
    this.exchanged = permanentCode !== undefined;
    this.permanentCode = permanentCode ?? this.#newCode();
  }

  get account(): string {
    return this.suite.suiteId;
  }

  get subject(): string {
    return this.corp.corpId;
  }

  get name(): string {
    return `App of ${this.suite.suiteId}`;
  }

  get gate() {
    return this.suite.gate;
  }

  get spender() {
    return this.corp.gate;
  }

  get killedCode(): number {
    return this.corp.switches.killedCode;
  }

  /** Another permanent code; the one before, and the token it brought, are dead. */
  resetPermanentCode(): void {
    this.permanentCode = this.#newCode();
    this.exchanged = false;
    this.token.kill();
  }

  cancel(): void {
    this.cancelled = true;
    this.token.kill();
  }

  state(): WeComInstallationState {
    return {
      corpId: this.corp.corpId,
      agentId: this.agentId,
      installedAt: this.installedAt,
      exchanged: this.exchanged,
      cancelled: this.cancelled,
      token: this.token.state(),
      agentTicket: this.agentTicket.state(),
    };
  }

  #newCode(): string {
    return urlSafeValue(this.suite.switches.permanentCodeBytes);
  }
}

/** What the sandbox tells about a suite in one company; no token and no code. */
export interface WeComInstallationState {
  /** CorpID of the customer. */
  readonly corpId: string;
  /** AgentId of the suite's app at the customer. */
  readonly agentId: number;
  /** When, Unix ms. */
  readonly installedAt: number;
  /** Whether the permanent code has been handed out. */
  readonly exchanged: boolean;
  /** Whether the customer has cancelled it. */
  readonly cancelled: boolean;
  /** The corp's access token. */
  readonly token: WeComValueState;
  /** The app's own JS-SDK ticket. */
  readonly agentTicket: WeComValueState;
}
