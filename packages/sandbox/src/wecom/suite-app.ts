import type { Clock } from '../clock.js';
import { urlSafeValue } from '../opaque.js';
import type { PushFields } from '../push-message.js';
import type { WeComSuiteSettings } from './account.js';
import { TOKEN_CHARACTERS } from './agent.js';
import type { WeComLimitState } from './call-limits.js';
import type { WeComCorp } from './corp.js';
import { Gate } from './gate.js';
import { Installation, type WeComInstallationState } from './installation.js';
import { RepeatedValue, type WeComValueState } from './repeated-value.js';
import { SuiteTickets, type WeComTicketState } from './suite-tickets.js';
import { suiteSwitched, type WeComSuiteSwitches, type WeComSuiteSwitchSettings } from './switches.js';
import type { TokenHolder } from './token-holder.js';

/** Something that happened to an authorization, as it is pushed. */
export interface SuiteEvent {
  readonly infoType: 'create_auth' | 'change_auth' | 'cancel_auth' | 'reset_permanent_code';
  readonly corpId: string;
  readonly at: number;
  readonly fields: PushFields;
}

/** One suite: its tickets, its token, its codes, and the companies that have installed it. */
export class SuiteApp implements TokenHolder {
  readonly lane = 'suite';
  readonly suiteId: string;
  readonly settings: WeComSuiteSettings;
  /** The provider that owns the suite. */
  readonly owner: WeComCorp;
  readonly gate: Gate;
  readonly token = new RepeatedValue(TOKEN_CHARACTERS);
  readonly tickets: SuiteTickets;
  /** Events about authorizations, pushed or not, oldest first: so that they can be sent again, and late. */
  readonly events: SuiteEvent[] = [];
  /** The latest of each company, whether it stands or is cancelled. */
  readonly installations = new Map<string, Installation>();
  secret: string;
  callbackUrl: string | undefined;
  dataCallbackUrl: string | undefined;
  /** What the callbacks are signed and encrypted with. */
  keys: { readonly token: string; readonly encodingAESKey: string };
  #switches: WeComSuiteSwitchSettings;
  #preAuthCodes = new Map<string, number>();
  #authCodes = new Map<string, { readonly installation: Installation; readonly endsAt: number }>();
  readonly #clock: Clock;

  constructor(settings: WeComSuiteSettings, owner: WeComCorp, clock: Clock) {
    this.suiteId = settings.suiteId;
    this.settings = settings;
    this.owner = owner;
    this.secret = settings.secret;
    this.callbackUrl = settings.callbackUrl;
    this.dataCallbackUrl = settings.dataCallbackUrl;
    this.keys = { token: settings.token, encodingAESKey: settings.encodingAESKey };
    this.#switches = settings.switches;
    this.#clock = clock;
    this.gate = new Gate(() => this.switches, clock);
    this.tickets = new SuiteTickets(() => this.switches, clock);
    const { ticket } = settings;
    if (ticket) this.tickets.remember({ value: ticket.ticket, at: ticket.timestamp * 1000 });
  }

  get account(): string {
    return this.suiteId;
  }

  get spender() {
    return this.gate;
  }

  get switches(): WeComSuiteSwitchSettings {
    return this.#switches;
  }

  get killedCode(): number {
    return this.#switches.killedCode;
  }

  now(): number {
    return this.#clock.now();
  }

  configure(change: WeComSuiteSwitches): void {
    this.#switches = suiteSwitched(this.#switches, change);
  }

  newPreAuthCode(): { code: string; expiresIn: number } {
    const { preAuthCodeSeconds: expiresIn } = this.#switches;
    const code = urlSafeValue(128);
    this.#preAuthCodes.set(code, this.now() + expiresIn * 1000);
    return { code, expiresIn };
  }

  knowsPreAuthCode(code: string): boolean {
    return this.#preAuthCodes.has(code);
  }

  /** Whether a pre-auth code is one of the suite's and has not ended. */
  preAuthCodeWorks(code: string): boolean {
    return this.now() < (this.#preAuthCodes.get(code) ?? Number.NEGATIVE_INFINITY);
  }

  /** The suite comes into a company, for the first time or again; whatever it had there before is dead. */
  install(corp: WeComCorp, agentId?: number, permanentCode?: string): Installation {
    const before = this.installations.get(corp.corpId);
    before?.cancel();
    const listed = this.settings.corps.find(({ corpId }) => corpId === corp.corpId);
    const id = agentId ?? before?.agentId ?? listed?.agentId ?? corp.newAgentId();
    const installation = new Installation(this, corp, id, this.now(), permanentCode);
    this.installations.set(corp.corpId, installation);
    return installation;
  }

  newAuthCode(installation: Installation): string {
    const code = urlSafeValue(this.#switches.authCodeBytes);
    this.#authCodes.set(code, { installation, endsAt: this.now() + this.#switches.authCodeSeconds * 1000 });
    return code;
  }

  /** What an auth code stands for; undefined if it was exchanged, has ended, or is none. It works once. */
  exchange(code: string): Installation | undefined {
    const known = this.#authCodes.get(code);
    if (known === undefined || this.now() >= known.endsAt || known.installation.cancelled) return undefined;
    this.#authCodes.delete(code);
    known.installation.exchanged = true;
    return known.installation;
  }

  /** The installation that stands in a company. */
  installed(corpId: string): Installation | undefined {
    const installation = this.installations.get(corpId);
    return installation?.cancelled ? undefined : installation;
  }

  state(): WeComSuiteState {
    return {
      suiteId: this.suiteId,
      provider: this.owner.corpId,
      providerBuilt: this.settings.providerBuilt,
      tickets: this.tickets.state(),
      token: this.token.state(),
      installations: [...this.installations.values()].map((installation) => installation.state()),
      ...this.gate.limits.state(this.now()),
      blockedAddresses: this.gate.blocked(),
    };
  }
}

/** What the sandbox tells about a suite; no token, no ticket, no code and no secret. */
export interface WeComSuiteState extends WeComLimitState {
  /** SuiteID. */
  readonly suiteId: string;
  /** Corp id of the company that owns it. */
  readonly provider: string;
  /** Whether it is an app that a provider builds for one customer. */
  readonly providerBuilt: boolean;
  /** Its pushed tickets. */
  readonly tickets: WeComTicketState;
  /** Its suite token. */
  readonly token: WeComValueState;
  /** Customers that have, or had, it. */
  readonly installations: readonly WeComInstallationState[];
  /** Addresses that are shut out. */
  readonly blockedAddresses: readonly string[];
}
