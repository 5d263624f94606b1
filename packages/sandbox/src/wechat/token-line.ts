import { urlSafeValue } from '../opaque.js';

/** Tokens come in two isolated kinds: `/cgi-bin/token` makes legacy ones, `/cgi-bin/stable_token` stable ones. */
export type WeChatTokenKind = 'legacy' | 'stable';

export type TokenVerdict = 'valid' | 'expired' | 'refused';

/** How long tokens live; read anew for every token and every check. */
export interface TokenRules {
  /** Seconds. */
  readonly expiresIn: number;
  readonly overlapMs: number;
  readonly olderTokens: 'refused' | 'overlap';
}

export interface IssuedValue {
  readonly value: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** Predecessors that are told apart from tokens that never were. */
const KEPT = 100;

interface Generation {
  readonly value: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When its successor was issued. */
  replacedAt?: number;
  revoked: boolean;
}

/**
 * The tokens of one kind: the current one and those before it. The immediate predecessor works for the overlap, but not
 * beyond its own expiry; anything older is refused at once, unless the rules give it its own overlap.
 */
export class TokenLine {
  /** The newest last. */
  #generations: Generation[] = [];
  #issued = 0;
  readonly #rules: () => TokenRules;

  constructor(rules: () => TokenRules) {
    this.#rules = rules;
  }

  issue(now: number): IssuedValue {
    const { expiresIn } = this.#rules();
    const current = this.#generations.at(-1);
    if (current) current.replacedAt = now;
    // Real tokens begin with digits and an underscore, and are longer than people expect.
    const value = `${50 + (this.#issued % 50)}_${urlSafeValue(133)}`;
    const generation = { value, issuedAt: now, expiresAt: now + expiresIn * 1000, revoked: false };
    this.#generations = [...this.#generations.slice(-KEPT), generation];
    this.#issued += 1;
    return { value, expiresIn };
  }

  /** The current token and its remaining milliseconds, unless there is none or it was revoked or has expired. */
  usable(now: number): { value: string; remainingMs: number } | undefined {
    const current = this.#generations.at(-1);
    if (!current || current.revoked || now >= current.expiresAt) return undefined;
    return { value: current.value, remainingMs: current.expiresAt - now };
  }

  /** The current token with its remaining seconds while it lives, else a new one. */
  repeat(now: number): IssuedValue {
    const usable = this.usable(now);
    if (usable === undefined) return this.issue(now);
    return { value: usable.value, expiresIn: Math.floor(usable.remainingMs / 1000) };
  }

  verdict(value: string, now: number): TokenVerdict {
    const { overlapMs, olderTokens } = this.#rules();
    const index = this.#generations.findIndex((generation) => generation.value === value);
    const generation = this.#generations[index];
    if (!generation || generation.revoked) return 'refused';
    const age = this.#generations.length - 1 - index;
    if (age > 1 && olderTokens === 'refused') return 'refused';
    if (generation.replacedAt !== undefined && now >= generation.replacedAt + overlapMs) return 'refused';
    return now < generation.expiresAt ? 'valid' : 'expired';
  }

  /** Ends the current token early, as an operator of the platform would. */
  revoke(): void {
    const current = this.#generations.at(-1);
    if (current) current.revoked = true;
  }

  /** Ends every token, those included that work next to the current one. */
  revokeAll(): void {
    for (const generation of this.#generations) generation.revoked = true;
  }

  /** Ends those that work next to the current one. */
  endPredecessors(): void {
    for (const generation of this.#generations.slice(0, -1)) generation.revoked = true;
  }

  state(): WeChatTokenState {
    const current = this.#generations.at(-1);
    return {
      issued: this.#issued,
      ...(current && { issuedAt: current.issuedAt, expiresAt: current.expiresAt, revoked: current.revoked }),
    };
  }
}

/** What can be shown of a kind of token: never its value. */
export interface WeChatTokenState {
  /** Tokens so far. */
  readonly issued: number;
  /** When the present one was issued, Unix ms. */
  readonly issuedAt?: number;
  /** Its end, Unix ms. */
  readonly expiresAt?: number;
  /** Whether it was ended before its time. */
  readonly revoked?: boolean;
}
