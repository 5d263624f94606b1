import { assertBoolean, assertCount, assertKnownKeys, assertRecord, assertText } from '../../check.js';
import type { Clock } from '../../clock.js';
import type { PushSender } from '../../push-sender.js';
import type { SandboxRequest } from '../../request.js';
import { weChatSettings } from '../account.js';
import { WeChatApp } from '../app.js';
import { WeChatError } from '../errors.js';
import { AddressGate, type Party, type TokenOwner } from '../owner.js';
import { QuotaBook } from '../quota-book.js';
import { type IssuedValue, TokenLine, type WeChatTokenState } from '../token-line.js';
import {
  assertEncodingAESKey,
  authorizerSettings,
  checkPermissions,
  type OpenPlatformAuthorizer,
  type OpenPlatformSettings,
  type OpenPlatformSwitches,
  openPlatformSwitched,
} from './account.js';
import { Authorizer, type OpenPlatformAuthorizerState } from './authorizer.js';
import { PlatformPushes, type Telling } from './platform-pushes.js';
import { PreAuthCodes } from './pre-auth-codes.js';
import { TicketBook } from './ticket-book.js';
import { TicketSchedule } from './ticket-schedule.js';

export interface OpenPlatformParts {
  readonly clock: Clock;
  readonly pushes: PushSender;
  /** The account with this app id, where one is configured or another component knows it. */
  readonly business: (appId: string) => WeChatApp | undefined;
}

/** How a withdrawal is told. */
export interface CancellationOrder {
  /** Whether the event is pushed. Default: true. */
  readonly push?: boolean;
  /** `CreateTime` of the event, Unix seconds. Default: now. */
  readonly createTime?: number;
}

/** What is authorized, and how that is told. */
export interface AuthorizationOrder extends CancellationOrder {
  /** Ids of the permission sets it grants. Default: those it had. */
  readonly permissions?: readonly number[];
  /** The pre-auth code of the page it came through. */
  readonly preAuthCode?: string;
}

/** What pushes are signed and encrypted with. */
export interface PushKeys {
  /** What signatures are made with. */
  readonly token?: string;
  /** What bodies are encrypted with: 43 characters. */
  readonly encodingAESKey?: string;
}

/** What an authorization by an account's owner brings. */
export interface Authorization {
  /** The code the component exchanges, once. */
  readonly authorizationCode: string;
  /** Seconds, as the redirect has it. */
  readonly expiresIn: number;
}

/** What the platform knows of one component: its tickets, its token, and the accounts that can authorize it. */
export class OpenPlatform implements TokenOwner {
  readonly kind = 'component';
  readonly app = undefined;
  readonly quotas: QuotaBook;
  readonly line: TokenLine;
  readonly tickets = new TicketBook();
  readonly preAuthCodes = new PreAuthCodes();
  readonly addresses = new AddressGate(() => this.#settings.ipAllowList);
  readonly schedule: TicketSchedule;
  readonly pushes: PlatformPushes;
  #settings: OpenPlatformSettings;
  readonly #authorizers = new Map<string, Authorizer>();
  readonly #parts: OpenPlatformParts;

  constructor(settings: OpenPlatformSettings, parts: OpenPlatformParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.quotas = new QuotaBook({
      daily: (path) => this.#settings.dailyQuotas[path] ?? this.#settings.dailyCallQuota,
      minute: (path) => this.#settings.minuteQuotas[path],
      forced: 0,
    });
    this.line = new TokenLine(() => this.#settings);
    this.pushes = new PlatformPushes(() => this.#settings, this.tickets, parts);
    this.schedule = new TicketSchedule(
      () => this.#settings,
      parts.clock,
      () => void this.pushes.ticket(),
    );
    const { verifyTicket: known, ticketLifeMs } = settings;
    if (known) this.tickets.remember(known.ticket, known.createTime, ticketLifeMs);
    for (const authorizer of settings.authorizers) this.addAuthorizer(authorizer);
  }

  get appId(): string {
    return this.#settings.appId;
  }

  get secret(): string {
    return this.#settings.secret;
  }

  get settings(): OpenPlatformSettings {
    return this.#settings;
  }

  get party(): Party {
    return { account: this.appId, style: this.#settings };
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** Changes switches; what is left out stays. A callback URL, or the end of `ticketsStopped`, brings a ticket at once. */
  configure(change: OpenPlatformSwitches): void {
    const before = this.#settings;
    this.#settings = openPlatformSwitched(before, change);
    this.schedule.changed(before);
  }

  resetSecret(secret: string): void {
    this.#settings = { ...this.#settings, secret };
  }

  /** Later pushes are signed and encrypted with these. */
  setKeys(keys: PushKeys): void {
    assertKnownKeys('the push keys', assertRecord('keys', keys), ['token', 'encodingAESKey']);
    const { token, encodingAESKey } = { ...this.#settings, ...keys };
    assertText('token', token);
    assertEncodingAESKey(encodingAESKey);
    this.#settings = { ...this.#settings, token, encodingAESKey };
  }

  admit(path: string): void {
    if (this.#settings.unauthorizedPaths.includes(path)) throw new WeChatError(48001);
  }

  /** Lets a request of the component reach an endpoint, and counts it; throws what stands in its way. */
  enter(path: string, request: SandboxRequest): void {
    this.addresses.check(request, 61004);
    this.quotas.spend(path, this.now());
  }

  issueToken(): IssuedValue {
    return this.#settings.componentTokens === 'same' ? this.line.repeat(this.now()) : this.line.issue(this.now());
  }

  addAuthorizer(given: OpenPlatformAuthorizer): Authorizer {
    const settings = authorizerSettings(given);
    const { appId, kind } = settings;
    if (this.#authorizers.has(appId)) throw new TypeError('"appId" is an authorizer of this platform already');
    const app = this.#parts.business(appId) ?? accountWithoutSecret(appId, kind, this.#parts.clock);
    const authorizer = new Authorizer(settings, app, () => this.#settings);
    this.#authorizers.set(appId, authorizer);
    if (settings.authorized) authorizer.settle(settings.refreshToken);
    return authorizer;
  }

  authorizers(): Authorizer[] {
    return [...this.#authorizers.values()];
  }

  authorizer(appId: string | null | undefined): Authorizer | undefined {
    return this.#authorizers.get(appId ?? '');
  }

  /** An account that has authorized the component; throws 61003 for any other. */
  authorized(appId: string | undefined): Authorizer {
    const authorizer = this.authorizer(appId);
    if (authorizer?.authorizedAt === undefined) throw new WeChatError(61003);
    return authorizer;
  }

  authorizerOfCode(code: string | undefined): Authorizer | undefined {
    return code === undefined ? undefined : this.authorizers().find((authorizer) => authorizer.hasCode(code));
  }

  /** An account authorizes the component, for the first time or again, and the platform pushes what happened. */
  authorize(authorizer: Authorizer, order: AuthorizationOrder): Authorization {
    assertKnownKeys('an authorization', order, ['permissions', 'preAuthCode', 'push', 'createTime']);
    const { permissions = authorizer.permissions, preAuthCode } = order;
    if (preAuthCode !== undefined) assertText('preAuthCode', preAuthCode);
    const how = telling(order);
    const known = authorizer.authorizedAt !== undefined;
    const same = String(authorizer.permissions) === String(checkPermissions(permissions));
    authorizer.permissions = permissions;
    const { code, expiresAt } = authorizer.authorize();
    const silent = known && same && this.#settings.updateEvents === 'onChange';
    const event = known ? 'updateauthorized' : 'authorized';
    const told = { code, expiresAt, preAuthCode };
    this.pushes.authorized(authorizer, event, { ...how, push: how.push && !silent }, told);
    return { authorizationCode: code, expiresIn: this.#settings.authorizationCodeSeconds };
  }

  /** An account withdraws its authorization. */
  cancel(authorizer: Authorizer, order: CancellationOrder): void {
    assertKnownKeys('a cancellation', order, ['push', 'createTime']);
    const how = telling(order);
    authorizer.cancel();
    this.pushes.unauthorized(authorizer, how);
  }

  state(): OpenPlatformState {
    const ticket = this.tickets.newest();
    return {
      appId: this.appId,
      verifyTickets: {
        issued: this.tickets.made,
        stopped: this.#settings.ticketsStopped,
        ...(ticket && { createTime: ticket.createTime, expiresAt: ticket.expiresAt }),
      },
      componentToken: this.line.state(),
      callsToday: this.quotas.state(this.now()),
      blockedIps: this.addresses.blocked,
      authorizers: this.authorizers().map((authorizer) => authorizer.state()),
    };
  }
}

function telling({ push = true, createTime }: CancellationOrder): Telling {
  if (createTime !== undefined) assertCount('createTime', createTime, 0);
  return { push: assertBoolean('push', push), createTime };
}

/** An account that no `wechat` entry describes: it has no secret of its own that could be known. */
function accountWithoutSecret(appId: string, kind: 'officialAccount' | 'miniProgram', clock: Clock): WeChatApp {
  return new WeChatApp(weChatSettings({ appId, kind, secret: 'none' }), clock);
}

/** What the sandbox tells about an Open Platform; holds no ticket, token, code or secret. */
export interface OpenPlatformState {
  /** AppID of the component. */
  readonly appId: string;
  /** Its pushed tickets. */
  readonly verifyTickets: {
    /** Tickets so far. */
    readonly issued: number;
    /** Whether they are not pushed by themselves. */
    readonly stopped: boolean;
    /** `CreateTime` of the newest, Unix seconds. */
    readonly createTime?: number;
    /** End of the newest one, Unix ms. */
    readonly expiresAt?: number;
  };
  /** Its component access token. */
  readonly componentToken: WeChatTokenState;
  /** Counted calls of the natural day in China, by path. */
  readonly callsToday: Readonly<Record<string, number>>;
  /** Addresses that are shut out. */
  readonly blockedIps: readonly string[];
  /** Accounts it acts, or acted, for. */
  readonly authorizers: readonly OpenPlatformAuthorizerState[];
}
