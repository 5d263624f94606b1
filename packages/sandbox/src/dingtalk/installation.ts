import { hexValue } from '../opaque.js';
import type { Renewable, RenewableState } from './renewable.js';
import type { DingTalkSuite } from './suite.js';

/** One suite in one organisation: the organisation's tokens, its JS ticket, its permanent code. */
export class Installation {
  readonly suite: DingTalkSuite;
  readonly corpId: string;
  readonly name: string;
  readonly agentId: number;
  readonly token: Renewable;
  readonly unified: Renewable;
  readonly ticket: Renewable;
  permanentCode = hexValue(64);
  authorized = false;
  /** Switched off by the organisation's administrator. */
  stopped = false;
  activated = false;

  constructor(suite: DingTalkSuite, corpId: string, name: string, agentId: number) {
    this.suite = suite;
    this.corpId = corpId;
    this.name = name;
    this.agentId = agentId;
    this.token = suite.line(() => ({ repeat: 'new', superseded: suite.switches.supersededCorpTokens }));
    this.unified = suite.line(() => ({ repeat: suite.switches.unifiedRepeat, superseded: 'valid' }));
    this.ticket = suite.ticketLine();
  }

  /** Whether tokens are to be had for it. */
  get enabled(): boolean {
    return this.authorized && !this.stopped;
  }

  authorize(permanentCode = hexValue(64)): void {
    this.kill();
    this.permanentCode = permanentCode;
    this.authorized = true;
    this.stopped = false;
    this.activated = false;
  }

  cancel(): void {
    this.kill();
    this.authorized = false;
  }

  /** Ends its tokens and its ticket. */
  kill(keepReturningSame = false): void {
    for (const line of [this.token, this.unified]) line.revoke(keepReturningSame);
    this.ticket.revoke();
  }

  state(): DingTalkInstallationState {
    const { corpId, name, authorized, stopped, activated } = this;
    const values = { token: this.token.state(), unified: this.unified.state(), ticket: this.ticket.state() };
    return { corpId, name, authorized, stopped, activated, ...values };
  }
}

/** What can be shown of a suite in an organisation; no token and no code. */
export interface DingTalkInstallationState {
  /** The organisation. */
  readonly corpId: string;
  /** Its name. */
  readonly name: string;
  /** Whether the suite may act for it. */
  readonly authorized: boolean;
  /** Whether the organisation has put the suite to rest. */
  readonly stopped: boolean;
  /** By `/service/activate_suite`, which only the old flow needs. */
  readonly activated: boolean;
  /** The corp token. */
  readonly token: RenewableState;
  /** The corp token of the unified endpoint. */
  readonly unified: RenewableState;
  /** The JSAPI ticket. */
  readonly ticket: RenewableState;
}
