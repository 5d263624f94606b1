import type { Clock } from '../clock.js';
import type { DingTalkCallback, DingTalkSettings } from './account.js';
import { type DingTalkChannelState, DingTalkClient } from './client.js';
import type { Renewable, RenewableState } from './renewable.js';
import { appSwitched, type DingTalkSwitches, type DingTalkSwitchSettings } from './switches.js';
import type { DingTalkUserState } from './user-grants.js';

/** The tokens of an app: that of app key and secret, that of corp id and secret, that of the unified endpoint. */
export type DingTalkTokenKind = 'app' | 'corp' | 'unified';

/** What the platform knows of one internal app. */
export class DingTalkApp extends DingTalkClient {
  readonly settings: DingTalkSettings;
  readonly tokens: Readonly<Record<DingTalkTokenKind, Renewable>>;
  readonly ticket: Renewable;
  /** Where its events go; without it, over Stream. */
  callback: DingTalkCallback | undefined;
  #switches: DingTalkSwitchSettings;
  readonly #ownUnified: Renewable;

  constructor(settings: DingTalkSettings, clock: Clock) {
    const { appKey, appSecret, corpId, ssoSecret, users } = settings;
    super({ account: appKey, secret: appSecret, corpId, ssoSecret, users }, clock);
    this.settings = settings;
    this.callback = settings.callback;
    this.#switches = settings.switches;
    const app = this.line(() => ({}));
    this.#ownUnified = this.line(() => ({ repeat: this.#switches.unifiedRepeat, superseded: 'valid' }));
    const unified = () => (this.#switches.unifiedToken === 'shared' ? app : this.#ownUnified);
    this.tokens = {
      app,
      corp: this.line(() => ({})),
      get unified() {
        return unified();
      },
    };
    this.ticket = this.ticketLine();
  }

  override get switches(): DingTalkSwitchSettings {
    return this.#switches;
  }

  configure(change: DingTalkSwitches): void {
    this.#switches = appSwitched(change, this.#switches);
  }

  revoke(keepReturningSame: boolean): void {
    for (const token of [this.tokens.app, this.tokens.corp, this.#ownUnified]) token.revoke(keepReturningSame);
  }

  state(): Omit<DingTalkAccountState, keyof DingTalkChannelState> {
    const { app, corp, unified } = this.tokens;
    return {
      appKey: this.account,
      ...(this.corpId !== undefined && { corpId: this.corpId }),
      tokens: { app: app.state(), corp: corp.state(), unified: unified.state() },
      ticket: this.ticket.state(),
      sso: this.ssoToken.state(),
      sns: this.sns.token.state(),
      users: this.grants.state(),
      callsThisMonth: this.gate.used(),
    };
  }
}

/** What the sandbox tells about a DingTalk app; holds no token and no secret. */
export interface DingTalkAccountState extends DingTalkChannelState {
  /** AppKey, also called client id. */
  readonly appKey: string;
  /** The organisation the app belongs to. */
  readonly corpId?: string;
  /** The app's tokens, by the endpoint that gives them. */
  readonly tokens: Readonly<Record<DingTalkTokenKind, RenewableState>>;
  /** Its JSAPI ticket. */
  readonly ticket: RenewableState;
  /** Its token for signing in administrators. */
  readonly sso: RenewableState;
  /** Its token for signing in people by QR code. */
  readonly sns: RenewableState;
  /** The sign-ins so far. */
  readonly users: readonly DingTalkUserState[];
  /** Business calls of this month, by organisation; null once they are exhausted by hand. */
  readonly callsThisMonth: Readonly<Record<string, number | null>>;
}
