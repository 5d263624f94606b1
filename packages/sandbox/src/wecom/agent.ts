import type { WeComAgent } from './account.js';
import type { WeComCorp } from './corp.js';
import { RepeatedValue, type WeComValueState } from './repeated-value.js';
import type { CorpHolder } from './token-holder.js';

export const TOKEN_CHARACTERS = 214;
export const TICKET_CHARACTERS = 86;

/** One secret of a company, and what it opens. */
export class Agent implements CorpHolder {
  readonly lane = 'corp';
  readonly corp: WeComCorp;
  readonly agentId: number | string;
  readonly name: string;
  secret: string;
  disabled = false;
  readonly token = new RepeatedValue(TOKEN_CHARACTERS);
  readonly agentTicket = new RepeatedValue(TICKET_CHARACTERS);
  readonly ownTicket = new RepeatedValue(TICKET_CHARACTERS);

  constructor(corp: WeComCorp, { agentId, secret, name }: WeComAgent) {
    this.corp = corp;
    this.agentId = agentId;
    this.secret = secret;
    this.name = name ?? `Agent ${agentId}`;
  }

  get account(): string {
    return this.corp.corpId;
  }

  get subject(): string {
    return String(this.agentId);
  }

  get gate() {
    return this.corp.gate;
  }

  get spender() {
    return this.corp.gate;
  }

  get killedCode(): number {
    return this.corp.switches.killedCode;
  }

  get refusal(): number | undefined {
    return this.disabled ? 50003 : undefined;
  }

  state(): WeComAgentState {
    return {
      agentId: this.agentId,
      name: this.name,
      disabled: this.disabled,
      token: this.token.state(),
      agentTicket: this.agentTicket.state(),
    };
  }
}

/** What the sandbox tells about an agent; no token and no secret. */
export interface WeComAgentState {
  /** AgentId. */
  readonly agentId: number | string;
  /** Name of the app. */
  readonly name: string;
  /** Whether the administrator has switched it off. */
  readonly disabled: boolean;
  /** Its access token. */
  readonly token: WeComValueState;
  /** Its own JS-SDK ticket. */
  readonly agentTicket: WeComValueState;
}
