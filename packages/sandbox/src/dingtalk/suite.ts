import type { Clock } from '../clock.js';
import { type DingTalkChannelState, DingTalkClient } from './client.js';
import { CodeBook } from './code-book.js';
import { type DingTalkInstallationState, Installation } from './installation.js';
import type { Renewable, RenewableState } from './renewable.js';
import type { DingTalkSuiteSettings } from './suite-account.js';
import type { SuiteEvent } from './suite-events.js';
import { type DingTalkTicketState, SuiteTickets } from './suite-tickets.js';
import { type DingTalkSuiteSwitches, type DingTalkSuiteSwitchSettings, suiteSwitched } from './switches.js';
import type { DingTalkUserState } from './user-grants.js';

const FIRST_AGENT_ID = 1_000_001;

/** One suite: its tickets, its token, and the organisations that have enabled it. */
export class DingTalkSuite extends DingTalkClient {
  readonly settings: DingTalkSuiteSettings;
  readonly tickets: SuiteTickets;
  readonly token: Renewable;
  readonly installations = new Map<string, Installation>();
  /** Codes of single use that stand for an authorization. */
  readonly tmpAuthCodes: CodeBook<Installation>;
  /** What was told, or kept back, about organisations, oldest first. */
  readonly events: SuiteEvent[] = [];
  callbackUrl: string | undefined;
  /** What pushes are signed and encrypted with. */
  keys: { readonly token: string; readonly encodingAESKey: string };
  #switches: DingTalkSuiteSwitchSettings;

  constructor(settings: DingTalkSuiteSettings, clock: Clock) {
    const { suiteKey, suiteSecret, corpId, ssoSecret, users } = settings;
    super({ account: suiteKey, secret: suiteSecret, corpId, ssoSecret, users }, clock);
    this.settings = settings;
    this.callbackUrl = settings.callbackUrl;
    this.keys = { token: settings.token, encodingAESKey: settings.encodingAESKey };
    this.#switches = settings.switches;
    this.tickets = new SuiteTickets(() => this.#switches, clock);
    const { ticket } = settings;
    if (ticket) this.tickets.remember({ value: ticket.ticket, at: ticket.at });
    this.tmpAuthCodes = new CodeBook(clock);
    this.token = this.line(() => ({
      repeat: this.#switches.suiteTokenRepeat,
      superseded: this.#switches.supersededSuiteTokens,
    }));
    for (const { corpId: id, name, authorized = true, permanentCode } of settings.corps) {
      const installation = this.installation(id, name);
      if (authorized) installation.authorize(permanentCode);
    }
  }

  override get switches(): DingTalkSuiteSwitchSettings {
    return this.#switches;
  }

  /** How events are told at the moment. */
  get pushMode(): 'syncHttp' | 'legacy' | 'stream' {
    const { pushMode } = this.#switches;
    if (pushMode !== 'auto') return pushMode;
    return this.callbackUrl === undefined ? 'stream' : 'syncHttp';
  }

  configure(change: DingTalkSuiteSwitches): void {
    this.#switches = suiteSwitched(change, this.#switches);
  }

  /** The organisation's entry; made where there is none. */
  installation(corpId: string, name = corpId): Installation {
    const known = this.installations.get(corpId);
    if (known) return known;
    const fresh = new Installation(this, corpId, name, FIRST_AGENT_ID + this.installations.size);
    this.installations.set(corpId, fresh);
    return fresh;
  }

  state(): Omit<DingTalkSuiteState, keyof DingTalkChannelState> {
    return {
      suiteKey: this.account,
      tickets: this.tickets.state(),
      token: this.token.state(),
      corps: [...this.installations.values()].map((installation) => installation.state()),
      sso: this.ssoToken.state(),
      sns: this.sns.token.state(),
      users: this.grants.state(),
      callsThisMonth: this.gate.used(),
    };
  }
}

/** What the sandbox tells about a suite; no token, no ticket, no code and no secret. */
export interface DingTalkSuiteState extends DingTalkChannelState {
  /** SuiteKey. */
  readonly suiteKey: string;
  /** Its pushed tickets. */
  readonly tickets: DingTalkTicketState;
  /** Its suite token. */
  readonly token: RenewableState;
  /** The organisations that enabled it at some time, or are known from the account. */
  readonly corps: readonly DingTalkInstallationState[];
  /** Its token for signing in administrators. */
  readonly sso: RenewableState;
  /** Its token for signing in people by QR code. */
  readonly sns: RenewableState;
  /** People who signed in. */
  readonly users: readonly DingTalkUserState[];
  /** Business calls of this month, by organisation; null once they are exhausted by hand. */
  readonly callsThisMonth: Readonly<Record<string, number | null>>;
}
