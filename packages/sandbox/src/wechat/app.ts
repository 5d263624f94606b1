import type { Clock } from '../clock.js';
import { urlSafeValue } from '../opaque.js';
import type { SandboxRequest } from '../request.js';
import { type WeChatAccountSwitches, type WeChatSettings, weChatSwitched } from './account.js';
import { WeChatError } from './errors.js';
import { MediaStore } from './media-store.js';
import { AddressGate, type Party, type TokenOwner } from './owner.js';
import { QuotaBook } from './quota-book.js';
import { RiskGate } from './risk-gate.js';
import { type IssuedValue, TokenLine, type WeChatTokenKind, type WeChatTokenState } from './token-line.js';
import { UserBook, userSettings, type WeChatUserState } from './users.js';

export type TicketType = 'jsapi' | 'wx_card';

interface Ticket {
  readonly value: string;
  readonly expiresAt: number;
}

/** What the platform knows of one account: its tokens, tickets and counters. */
export class WeChatApp implements TokenOwner {
  readonly kind = 'account';
  readonly quotas: QuotaBook;
  readonly lines: Readonly<Record<WeChatTokenKind, TokenLine>>;
  readonly addresses = new AddressGate(() => (this.#settings.riskConfirmation ? [] : this.#settings.ipAllowList));
  readonly risk = new RiskGate();
  readonly media = new MediaStore();
  readonly users: UserBook;
  #settings: WeChatSettings;
  #tickets = new Map<TicketType, Ticket>();
  #lastForcedAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;

  constructor(settings: WeChatSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.quotas = new QuotaBook(quotaRules(() => this.#settings));
    this.users = new UserBook(userSettings(settings.users, settings.appId), () => this.#settings);
    const line = () => new TokenLine(() => this.#settings);
    this.lines = { legacy: line(), stable: line() };
  }

  get app(): this {
    return this;
  }

  get appId(): string {
    return this.#settings.appId;
  }

  get secret(): string {
    return this.#settings.secret;
  }

  get settings(): WeChatSettings {
    return this.#settings;
  }

  get party(): Party {
    return { account: this.appId, style: this.#settings };
  }

  now(): number {
    return this.#clock.now();
  }

  configure(change: WeChatAccountSwitches): void {
    this.#settings = weChatSwitched(this.#settings, change);
  }

  /** The account gets another secret; its tokens live on unless they are ended with it. */
  resetSecret(secret: string, endTokens: boolean): void {
    this.#settings = { ...this.#settings, secret };
    if (endTokens) for (const line of Object.values(this.lines)) line.revokeAll();
  }

  admit(path: string): void {
    if (this.#settings.unauthorizedPaths.includes(path)) throw new WeChatError(48001);
  }

  /** Lets a request with the right secret reach a token endpoint, and counts it; throws what stands in its way. */
  enter(path: string, request: SandboxRequest): void {
    if (this.#settings.tokenRefusal !== false) throw new WeChatError(this.#settings.tokenRefusal);
    this.addresses.check(request, 40164);
    const { riskConfirmation, ipAllowList } = this.#settings;
    if (riskConfirmation && !ipAllowList.includes(request.ip)) this.risk.check(request.ip, this.now());
    this.quotas.spend(path, this.now());
  }

  /** Every call makes a new token; the one before it keeps working for the overlap. */
  issueLegacy(): IssuedValue {
    return this.lines.legacy.issue(this.now());
  }

  /** The same token with its remaining seconds, until no more than the overlap is left of it. */
  stable(): IssuedValue {
    const usable = this.lines.stable.usable(this.now());
    if (usable === undefined || usable.remainingMs <= this.#settings.overlapMs) return this.#issueStable();
    return { value: usable.value, expiresIn: Math.floor(usable.remainingMs / 1000) };
  }

  /** A new token, unless the last forced one is less than the interval ago: then as if not forced. */
  forceStable(): IssuedValue {
    const now = this.now();
    if (now - this.#lastForcedAt < this.#settings.forcedIntervalMs) {
      const usable = this.lines.stable.usable(now);
      if (usable) return { value: usable.value, expiresIn: Math.floor(usable.remainingMs / 1000) };
    }
    this.quotas.spendForced(now);
    this.#lastForcedAt = now;
    const issued = this.#issueStable();
    if (this.#settings.forcedEnds === 'atOnce') this.lines.stable.endPredecessors();
    return issued;
  }

  /** The same ticket until it expires; `expires_in` does not tell how much of it is left. */
  ticket(type: TicketType): IssuedValue {
    const now = this.now();
    const known = this.#tickets.get(type);
    const ticket =
      known && now < known.expiresAt
        ? known
        : { value: `kgt8ON7yVITDhtdwci0qe${urlSafeValue(65)}`, expiresAt: now + this.#settings.expiresIn * 1000 };
    this.#tickets.set(type, ticket);
    const remaining = Math.floor((ticket.expiresAt - now) / 1000);
    const expiresIn = this.#settings.ticketExpiresIn === 'constant' ? this.#settings.expiresIn : remaining;
    return { value: ticket.value, expiresIn };
  }

  /** The next call gets another ticket. No server sees that the old one is dead; only browsers do. */
  endTicket(type: TicketType): void {
    this.#tickets.delete(type);
  }

  state(): WeChatAccountState {
    return {
      appId: this.appId,
      kind: this.#settings.kind,
      legacy: this.lines.legacy.state(),
      stable: this.lines.stable.state(),
      tickets: this.ticketState(),
      callsToday: this.quotas.state(this.now()),
      users: this.users.state(),
      media: this.media.size,
      blockedIps: this.addresses.blocked,
      risk: this.risk.state(),
    };
  }

  ticketState(): WeChatAccountState['tickets'] {
    return Object.fromEntries([...this.#tickets].map(([type, { expiresAt }]) => [type, { expiresAt }]));
  }

  #issueStable(): IssuedValue {
    return this.lines.stable.issue(this.now());
  }
}

/** What the platform says of single paths. */
const MINUTE_QUOTAS: Readonly<Record<string, number>> = { '/sns/oauth2/refresh_token': 50_000 };

function quotaRules(settings: () => WeChatSettings) {
  return {
    daily(path: string): number {
      const { dailyQuotas, dailyTokenQuota, dailyStableQuota, dailyCallQuota } = settings();
      if (path === '/cgi-bin/token') return dailyQuotas[path] ?? dailyTokenQuota;
      if (path === '/cgi-bin/stable_token') return dailyQuotas[path] ?? dailyStableQuota;
      return dailyQuotas[path] ?? dailyCallQuota;
    },
    minute(path: string): number | undefined {
      const { minuteQuotas, minuteStableQuota } = settings();
      if (path === '/cgi-bin/stable_token') return minuteQuotas[path] ?? minuteStableQuota;
      return minuteQuotas[path] ?? MINUTE_QUOTAS[path];
    },
    get forced() {
      return settings().dailyForcedQuota;
    },
  };
}

/** What the sandbox tells about a WeChat account; holds no token and no secret. */
export interface WeChatAccountState {
  /** AppID. */
  readonly appId: string;
  /** What kind of account it is. */
  readonly kind: 'officialAccount' | 'miniProgram';
  /** Tokens of `cgi-bin/token`. */
  readonly legacy: WeChatTokenState;
  /** Tokens of `cgi-bin/stable_token`. */
  readonly stable: WeChatTokenState;
  /** Its tickets, by type; when each ends, Unix ms. */
  readonly tickets: Readonly<Record<string, { readonly expiresAt: number }>>;
  /** Counted calls of the natural day in China, by path. */
  readonly callsToday: Readonly<Record<string, number>>;
  /** People who signed in. */
  readonly users: readonly WeChatUserState[];
  /** How many files were uploaded. */
  readonly media: number;
  /** Addresses that are shut out. */
  readonly blockedIps: readonly string[];
  /** Addresses the administrator was asked about. */
  readonly risk: Readonly<Record<string, 'pending' | 'confirmed' | 'refused'>>;
}
