import { urlSafeValue } from '../opaque.js';

/** Tokens come in two isolated kinds: `/cgi-bin/token` makes legacy ones, `/cgi-bin/stable_token` stable ones. */
export type WeChatTokenKind = 'legacy' | 'stable';

export type TokenVerdict = 'valid' | 'expired' | 'refused';

interface Generation {
  readonly value: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  revoked: boolean;
}

/**
 * The tokens of one kind: the current one and its immediate predecessor. The predecessor works for the overlap, but
 * not beyond its own expiry; anything older is refused at once.
 */
export class TokenLine {
  #current: Generation | undefined;
  #previous: Generation | undefined;
  #issued = 0;
  readonly #lifetimeMs: number;
  readonly #overlapMs: number;

  constructor(lifetimeMs: number, overlapMs: number) {
    this.#lifetimeMs = lifetimeMs;
    this.#overlapMs = overlapMs;
  }

  /** How many tokens were issued: the number of the current generation. */
  get issued(): number {
    return this.#issued;
  }

  issue(now: number): string {
    this.#previous = this.#current;
    // Real tokens begin with digits and an underscore, and are longer than people expect.
    const value = `${50 + (this.#issued % 50)}_${urlSafeValue(133)}`;
    this.#current = { value, issuedAt: now, expiresAt: now + this.#lifetimeMs, revoked: false };
    this.#issued += 1;
    return value;
  }

  /** The current token and its remaining milliseconds, unless there is none or it was revoked or has expired. */
  usable(now: number): { value: string; remainingMs: number } | undefined {
    if (!this.#current || this.#current.revoked || now >= this.#current.expiresAt) return undefined;
    return { value: this.#current.value, remainingMs: this.#current.expiresAt - now };
  }

  verdict(value: string, now: number): TokenVerdict {
    if (value === this.#current?.value) {
      if (this.#current.revoked) return 'refused';
      return now < this.#current.expiresAt ? 'valid' : 'expired';
    }
    if (value !== this.#previous?.value || this.#previous.revoked || this.#current === undefined) return 'refused';
    if (now >= this.#current.issuedAt + this.#overlapMs) return 'refused';
    return now < this.#previous.expiresAt ? 'valid' : 'expired';
  }

  /** Ends the current token early, as an operator of the platform would. */
  revoke(): void {
    if (this.#current) this.#current.revoked = true;
  }

  state(): WeChatTokenState {
    return {
      issued: this.#issued,
      ...(this.#current && {
        issuedAt: this.#current.issuedAt,
        expiresAt: this.#current.expiresAt,
        revoked: this.#current.revoked,
      }),
    };
  }
}

/** What can be shown of a kind of token: never its value. */
export interface WeChatTokenState {
  readonly issued: number;
  readonly issuedAt?: number;
  readonly expiresAt?: number;
  readonly revoked?: boolean;
}
