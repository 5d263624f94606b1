import type { Clock } from '../clock.js';
import { urlSafeValue } from '../opaque.js';
import type { SandboxRequest } from '../request.js';
import type { WeChatSettings } from './account.js';
import { WeChatError } from './errors.js';
import { QuotaBook } from './quota-book.js';
import { TokenLine, type WeChatTokenKind, type WeChatTokenState } from './token-line.js';

export type TicketType = 'jsapi' | 'wx_card';

interface Ticket {
  readonly value: string;
  readonly expiresAt: number;
}

/** What the platform knows of one account: its tokens, tickets and counters. */
export class WeChatApp {
  readonly settings: WeChatSettings;
  readonly quotas: QuotaBook;
  readonly lines: Readonly<Record<WeChatTokenKind, TokenLine>>;
  #tickets = new Map<TicketType, Ticket>();
  #lastForcedAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;

  constructor(settings: WeChatSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    this.quotas = new QuotaBook(settings);
    const line = () => new TokenLine(settings.expiresIn * 1000, settings.overlapMs);
    this.lines = { legacy: line(), stable: line() };
  }

  now(): number {
    return this.#clock.now();
  }

  spend(path: string): void {
    this.quotas.spend(path, this.now());
  }

  checkAddress(request: SandboxRequest): void {
    const { ipAllowList } = this.settings;
    if (ipAllowList.length === 0 || ipAllowList.includes(request.ip)) return;
    throw new WeChatError(40164, `invalid ip ${request.ip} ipv6 ::ffff:${request.ip}, not in whitelist`);
  }

  /** Every call makes a new token; the one before it keeps working for the overlap. */
  issueLegacy(): { value: string; expiresIn: number } {
    return { value: this.lines.legacy.issue(this.now()), expiresIn: this.settings.expiresIn };
  }

  /** The same token with its remaining seconds, until no more than the overlap is left of it. */
  stable(): { value: string; expiresIn: number } {
    const usable = this.lines.stable.usable(this.now());
    if (usable === undefined || usable.remainingMs <= this.settings.overlapMs) return this.#issueStable();
    return { value: usable.value, expiresIn: Math.floor(usable.remainingMs / 1000) };
  }

  /** A new token, unless the last forced one is less than the interval ago: then as if not forced. */
  forceStable(): { value: string; expiresIn: number } {
    const now = this.now();
    if (now - this.#lastForcedAt < this.settings.forcedIntervalMs) {
      const usable = this.lines.stable.usable(now);
      if (usable) return { value: usable.value, expiresIn: Math.floor(usable.remainingMs / 1000) };
    }
    this.quotas.spendForced(now);
    this.#lastForcedAt = now;
    return this.#issueStable();
  }

  /** The same ticket until it expires; `expires_in` does not tell how much of it is left. */
  ticket(type: TicketType): { value: string; expiresIn: number } {
    const now = this.now();
    const known = this.#tickets.get(type);
    const ticket =
      known && now < known.expiresAt
        ? known
        : { value: `kgt8ON7yVITDhtdwci0qe${urlSafeValue(65)}`, expiresAt: now + this.settings.expiresIn * 1000 };
    this.#tickets.set(type, ticket);
    const remaining = Math.floor((ticket.expiresAt - now) / 1000);
    const expiresIn = this.settings.ticketExpiresIn === 'constant' ? this.settings.expiresIn : remaining;
    return { value: ticket.value, expiresIn };
  }

  state(): WeChatAccountState {
    return {
      appId: this.settings.appId,
      kind: this.settings.kind,
      legacy: this.lines.legacy.state(),
      stable: this.lines.stable.state(),
      tickets: Object.fromEntries([...this.#tickets].map(([type, { expiresAt }]) => [type, { expiresAt }])),
      callsToday: this.quotas.state(this.now()),
    };
  }

  #issueStable(): { value: string; expiresIn: number } {
    return { value: this.lines.stable.issue(this.now()), expiresIn: this.settings.expiresIn };
  }
}

/** What the sandbox tells about a WeChat account; holds no token and no secret. */
export interface WeChatAccountState {
  readonly appId: string;
  readonly kind: 'officialAccount' | 'miniProgram';
  readonly legacy: WeChatTokenState;
  readonly stable: WeChatTokenState;
  readonly tickets: Readonly<Record<string, { readonly expiresAt: number }>>;
  /** Counted calls of the natural day in China, by path. */
  readonly callsToday: Readonly<Record<string, number>>;
}
