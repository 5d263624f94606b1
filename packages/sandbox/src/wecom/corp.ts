import type { Clock } from '../clock.js';
import type { WeComAgent, WeComCallback, WeComSettings } from './account.js';
import { Agent, TICKET_CHARACTERS, type WeComAgentState } from './agent.js';
import type { WeComLimitState } from './call-limits.js';
import { Gate } from './gate.js';
import { Provider } from './provider.js';
import { RepeatedValue, type WeComValueState } from './repeated-value.js';
import { switched, type WeComSwitches, type WeComSwitchSettings } from './switches.js';
import type { CorpHolder } from './token-holder.js';

/** Far from what is usual for self-built apps, so that the two do not meet. */
const FIRST_INSTALLED_ID = 1_000_100;

/** An uploaded file. */
export interface WeComMedia {
  readonly fileName: string;
  readonly contentType: string;
  readonly content: Buffer;
  readonly endsAt: number;
}

/** One company: a configured one, or one that has installed a suite and behaves as the suite's provider does. */
export class WeComCorp {
  readonly corpId: string;
  readonly name: string;
  readonly gate: Gate;
  readonly agents = new Map<string, Agent>();
  readonly jsapiTicket = new RepeatedValue(TICKET_CHARACTERS);
  readonly provider: Provider | undefined;
  /** What was uploaded, by media id: all agents of a company share it. */
  readonly media = new Map<string, WeComMedia>();
  callback: WeComCallback | undefined;
  #nextAgentId = FIRST_INSTALLED_ID;
  #switches: () => WeComSwitchSettings;

  constructor(
    corpId: string,
    name: string,
    clock: Clock,
    { settings, like }: { readonly settings?: WeComSettings; readonly like?: WeComCorp },
  ) {
    this.corpId = corpId;
    this.name = name;
    const own = settings?.switches;
    this.#switches = () => own ?? (like as WeComCorp).switches;
    this.gate = new Gate(() => this.switches, clock);
    for (const agent of settings?.agents ?? []) this.addAgent(agent);
    if (settings?.providerSecret !== undefined) this.provider = new Provider(this, settings.providerSecret);
    this.callback = settings?.callback;
  }

  get switches(): WeComSwitchSettings {
    return this.#switches();
  }

  configure(change: WeComSwitches): void {
    const settings = switched(this.switches, change);
    this.#switches = () => settings;
  }

  addAgent(agent: WeComAgent): void {
    const id = String(agent.agentId);
    if (this.agents.has(id)) throw new TypeError('"agentId" must be different for every agent of a company');
    if (this.holds(agent.secret)) throw new TypeError('"secret" must be different for every agent of a company');
    this.agents.set(id, new Agent(this, agent));
  }

  /** The number of the next app that is installed here. */
  newAgentId(): number {
    this.#nextAgentId += 1;
    return this.#nextAgentId - 1;
  }

  /** Whether one of the company's agents has this secret. */
  holds(secret: string): boolean {
    return this.agentOf(secret) !== undefined;
  }

  agentOf(secret: string): Agent | undefined {
    return [...this.agents.values()].find((agent) => agent.secret === secret);
  }

  /** The ticket for `wx.config` that this holder gets. */
  ticketFor(holder: CorpHolder): RepeatedValue {
    return this.switches.jsapiTicketPer === 'corp' ? this.jsapiTicket : holder.ownTicket;
  }

  /** Counts a ticket call; throws 45009 when the company or the agent has had its hour's share. */
  spendTicket(path: string, holder: CorpHolder): void {
    const { ticketCorpQuota, ticketAgentQuota } = this.switches;
    const now = this.gate.now();
    const [all, own] = [`${path} tickets`, `${path} tickets of ${holder.account} ${holder.agentId}`];
    this.gate.limits.check(all, now);
    this.gate.limits.check(own, now);
    this.gate.limits.count(own, 'hour', ticketAgentQuota, now);
    this.gate.limits.count(all, 'hour', ticketCorpQuota, now);
  }

  state(): WeComCorpState {
    return {
      corpId: this.corpId,
      name: this.name,
      agents: [...this.agents.values()].map((agent) => agent.state()),
      jsapiTicket: this.jsapiTicket.state(),
      ...(this.provider && { provider: this.provider.token.state() }),
      ...this.gate.limits.state(this.gate.now()),
      blockedAddresses: this.gate.blocked(),
      media: this.media.size,
    };
  }
}

/** What the sandbox tells about a company; no token, no ticket and no secret. */
export interface WeComCorpState extends WeComLimitState {
  /** CorpID. */
  readonly corpId: string;
  /** Its name. */
  readonly name: string;
  /** Its self-built apps. */
  readonly agents: readonly WeComAgentState[];
  /** The company's own ticket; with `jsapiTicketPer: 'agent'` there is one per agent instead. */
  readonly jsapiTicket: WeComValueState;
  /** Token of a provider. */
  readonly provider?: WeComValueState;
  /** Addresses that are shut out. */
  readonly blockedAddresses: readonly string[];
  /** How many files were uploaded. */
  readonly media: number;
}
