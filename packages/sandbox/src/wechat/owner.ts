import type { SandboxRequest } from '../request.js';
import type { WeChatApp } from './app.js';
import { WeChatError } from './errors.js';
import type { QuotaBook } from './quota-book.js';

/** How successful answers look. */
export interface AnswerStyle {
  readonly omit: readonly string[];
  readonly textPlain: boolean;
  readonly rid: boolean;
}

/** Whom a request concerns, for the call log and for the look of the answer. */
export interface Party {
  readonly account: string;
  readonly subject?: string;
  readonly style: AnswerStyle;
}

/** What a token opens: an account by its own secret, an account through a component, or a component. */
export type TokenKind = 'account' | 'authorizer' | 'component';

/** Whom tokens are issued to. */
export interface TokenOwner {
  readonly kind: TokenKind;
  readonly party: Party;
  /** Whose calls are counted; `clear_quota` wants this app id. */
  readonly appId: string;
  readonly quotas: QuotaBook;
  /** The account whose business is done; undefined for a component. */
  readonly app: WeChatApp | undefined;
  now(): number;
  /** Throws what a call of this path gets although its token lives: a missing permission, an authorization withdrawn. */
  admit(path: string): void;
}

/** Addresses that may call, and those that were blocked at run time. */
export class AddressGate {
  readonly #blocked = new Set<string>();
  readonly #allowed: () => readonly string[];

  constructor(allowed: () => readonly string[]) {
    this.#allowed = allowed;
  }

  get blocked(): readonly string[] {
    return [...this.#blocked];
  }

  block(ip: string): void {
    this.#blocked.add(ip);
  }

  unblock(ip: string): void {
    this.#blocked.delete(ip);
  }

  /** Throws the code for an address that may not call. */
  check({ ip }: SandboxRequest, code: 40164 | 61004): void {
    const allowed = this.#allowed();
    if (!this.#blocked.has(ip) && (allowed.length === 0 || allowed.includes(ip))) return;
    throw new WeChatError(code, `invalid ip ${ip} ipv6 ::ffff:${ip}, not in whitelist`);
  }
}
