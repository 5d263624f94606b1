import type { WeComCorp } from './corp.js';
import type { Gate } from './gate.js';
import type { RepeatedValue } from './repeated-value.js';

/** What a token is sent as; a token of one lane is a stranger on the others. */
export type TokenLane = 'corp' | 'suite' | 'provider';

/** Whoever tokens are issued to. */
export interface TokenHolder {
  readonly lane: TokenLane;
  /** Corp id or suite id, as the call log names it. */
  readonly account: string;
  /** Agent, or the company that has installed the suite. */
  readonly subject?: string;
  readonly token: RepeatedValue;
  /** Addresses, and how answers look. */
  readonly gate: Gate;
  /** Whose call limits are spent. */
  readonly spender: Gate;
  /** What a call gets whose token died before its end. */
  readonly killedCode: number;
  /** Why the holder may not call at all now: 50003 for a disabled app. */
  readonly refusal?: number | undefined;
}

/** A holder that acts inside a company: a self-built app, a special secret, or an installed suite. */
export interface CorpHolder extends TokenHolder {
  readonly lane: 'corp';
  readonly corp: WeComCorp;
  /** The agent that it is; a text for a secret that belongs to no app. */
  readonly agentId: number | string;
  readonly name: string;
  readonly agentTicket: RepeatedValue;
  readonly ownTicket: RepeatedValue;
}
