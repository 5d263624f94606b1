import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import type { SandboxRequest } from '../request.js';
import type { DingTalkSettings } from './account.js';
import { Renewable, type RenewableState } from './renewable.js';

/** The tokens of an app: that of app key and secret, that of corp id and secret, that of the unified endpoint. */
export type DingTalkTokenKind = 'app' | 'corp' | 'unified';

/** What the platform knows of one app. */
export class DingTalkApp {
  readonly settings: DingTalkSettings;
  readonly tokens: Readonly<Record<DingTalkTokenKind, Renewable>>;
  readonly #ticket: Renewable;
  readonly #clock: Clock;

  constructor(settings: DingTalkSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    const lifetimeMs = settings.expiresIn * 1000;
    const token = () => new Renewable(() => hexValue(32), lifetimeMs);
    const app = token();
    this.tokens = { app, corp: token(), unified: settings.unifiedToken === 'shared' ? app : token() };
    this.#ticket = new Renewable(() => hexValue(64), lifetimeMs, settings.ticketMaxLifeMs);
  }

  now(): number {
    return this.#clock.now();
  }

  /** Asking too often changes nothing but the expiry: the answer always says the full lifetime. */
  token(kind: DingTalkTokenKind): string {
    return this.tokens[kind].fetch(this.now()).value;
  }

  /** One ticket per app, the same through both hosts. */
  ticket(): { value: string; expiresIn: number } {
    const { value, expiresAt } = this.#ticket.fetch(this.now());
    const remaining = Math.floor((expiresAt - this.now()) / 1000);
    return { value, expiresIn: this.settings.ticketExpiresIn === 'constant' ? this.settings.expiresIn : remaining };
  }

  /** The lifetime member of a token answer, or none, as the switch says. */
  lifetime(name: string): Record<string, number> {
    const { lifetimeField, expiresIn } = this.settings;
    if (lifetimeField === 'missing') return {};
    return { [name]: lifetimeField === 'zero' ? 0 : expiresIn };
  }

  admits(request: SandboxRequest): boolean {
    const { ipAllowList } = this.settings;
    return ipAllowList.length === 0 || ipAllowList.includes(request.ip);
  }

  revoke(keepReturningSame: boolean): void {
    for (const token of new Set(Object.values(this.tokens))) token.revoke(keepReturningSame);
  }

  state(): DingTalkAccountState {
    const { app, corp, unified } = this.tokens;
    return {
      appKey: this.settings.appKey,
      ...(this.settings.corpId !== undefined && { corpId: this.settings.corpId }),
      tokens: { app: app.state(), corp: corp.state(), unified: unified.state() },
      ticket: this.#ticket.state(),
    };
  }
}

/** What the sandbox tells about a DingTalk app; holds no token and no secret. */
export interface DingTalkAccountState {
  readonly appKey: string;
  readonly corpId?: string;
  readonly tokens: Readonly<Record<DingTalkTokenKind, RenewableState>>;
  readonly ticket: RenewableState;
}
