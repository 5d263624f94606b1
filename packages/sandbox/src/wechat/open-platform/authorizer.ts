import { urlSafeValue } from '../../opaque.js';
import type { WeChatApp } from '../app.js';
import { WeChatError } from '../errors.js';
import type { Party, TokenOwner } from '../owner.js';
import { type IssuedValue, TokenLine, type WeChatTokenState } from '../token-line.js';
import type { OpenPlatformAuthorizerSettings, OpenPlatformSettings } from './account.js';

/** A grant of an account to a component: what an exchange or a refresh hands out. */
export interface AuthorizerTokens {
  readonly accessToken: IssuedValue;
  readonly refreshToken: string;
}

interface AuthorizationCode {
  readonly value: string;
  readonly expiresAt: number;
  /** What the exchange brought. */
  answer?: AuthorizerTokens;
}

/** One account in the eyes of one component. */
export class Authorizer implements TokenOwner {
  readonly kind = 'authorizer';
  readonly app: WeChatApp;
  readonly line: TokenLine;
  readonly name: string;
  permissions: readonly number[];
  #authorizedAt: number | undefined;
  #code: AuthorizationCode | undefined;
  #refreshToken = '';
  #exchanged = false;
  #authorizations = 0;
  #refreshes = 0;
  readonly #componentAppId: string;
  readonly #settings: () => OpenPlatformSettings;

  constructor(
    { name, permissions }: OpenPlatformAuthorizerSettings,
    app: WeChatApp,
    settings: () => OpenPlatformSettings,
  ) {
    this.app = app;
    this.name = name;
    this.permissions = permissions;
    this.#settings = settings;
    this.#componentAppId = settings().appId;
    this.line = new TokenLine(settings);
  }

  get appId(): string {
    return this.app.appId;
  }

  get quotas() {
    return this.app.quotas;
  }

  get party(): Party {
    return { account: this.#componentAppId, subject: this.appId, style: this.#settings() };
  }

  /** Unix milliseconds; undefined while the component is not authorized. */
  get authorizedAt(): number | undefined {
    return this.#authorizedAt;
  }

  /** Undefined while the component is not authorized. */
  get refreshToken(): string | undefined {
    return this.#refreshToken || undefined;
  }

  /** Empty where the authorization code was never exchanged. */
  get knownRefreshToken(): string {
    return this.#exchanged ? this.#refreshToken : '';
  }

  now(): number {
    return this.app.now();
  }

  admit(path: string): void {
    if (this.#authorizedAt === undefined) throw new WeChatError(61003);
    if (this.#settings().notGranted.includes(path)) throw new WeChatError(61007);
    this.app.admit(path);
  }

  /** A new authorization: an earlier one's tokens and codes are dead. */
  authorize(): { code: string; expiresAt: number } {
    this.#end();
    this.#authorizedAt = this.now();
    this.#authorizations += 1;
    this.#refreshToken = `refreshtoken@@@${urlSafeValue(64)}`;
    const expiresAt = this.now() + this.#settings().authorizationCodeSeconds * 1000;
    const value = `queryauthcode@@@${urlSafeValue(64)}`;
    this.#code = { value, expiresAt };
    return { code: value, expiresAt };
  }

  /** As if the component had been authorized, and the code exchanged, long before. */
  settle(refreshToken?: string): void {
    this.authorize();
    if (refreshToken !== undefined) this.#refreshToken = refreshToken;
    this.#code = undefined;
    this.#exchanged = true;
  }

  cancel(): void {
    this.#end();
    this.#authorizedAt = undefined;
  }

  hasCode(code: string): boolean {
    return this.#code?.value === code;
  }

  /** Exchanges the code that `hasCode` has found. */
  exchange(): AuthorizerTokens {
    const code = this.#code;
    if (code === undefined) throw new WeChatError(61009);
    if (this.now() >= code.expiresAt) throw new WeChatError(61010);
    if (code.answer) {
      if (this.#settings().codeReuse === 'refused') throw new WeChatError(61009);
      return code.answer;
    }
    this.#exchanged = true;
    code.answer = { accessToken: this.line.issue(this.now()), refreshToken: this.#refreshToken };
    return code.answer;
  }

  refresh(refreshToken: string | undefined): AuthorizerTokens {
    if (this.#authorizedAt === undefined) throw new WeChatError(61003);
    if (refreshToken === undefined || refreshToken !== this.knownRefreshToken) throw new WeChatError(61023);
    const { rotateRefreshToken, authorizerTokens } = this.#settings();
    if (rotateRefreshToken) this.replaceRefreshToken();
    this.#refreshes += 1;
    const now = this.now();
    const accessToken = authorizerTokens === 'same' ? this.line.repeat(now) : this.line.issue(now);
    return { accessToken, refreshToken: this.#refreshToken };
  }

  /** The refresh token in use is dead, and nobody was told. */
  replaceRefreshToken(): void {
    this.#refreshToken = `refreshtoken@@@${urlSafeValue(64)}`;
  }

  state(): OpenPlatformAuthorizerState {
    return {
      appId: this.appId,
      kind: this.app.settings.kind,
      authorized: this.#authorizedAt !== undefined,
      exchanged: this.#exchanged,
      authorizations: this.#authorizations,
      refreshes: this.#refreshes,
      accessToken: this.line.state(),
      tickets: this.app.ticketState(),
      callsToday: this.quotas.state(this.now()),
    };
  }

  #end(): void {
    this.line.revokeAll();
    this.#code = undefined;
    this.#refreshToken = '';
    this.#exchanged = false;
  }
}

/** What the sandbox tells about an authorizer; holds no token and no code. */
export interface OpenPlatformAuthorizerState {
  /** AppID of the authorizer. */
  readonly appId: string;
  /** What kind of account it is. */
  readonly kind: 'officialAccount' | 'miniProgram';
  /** Whether the component may act for it. */
  readonly authorized: boolean;
  /** Whether the code of its authorization was exchanged. */
  readonly exchanged: boolean;
  /** How often it has authorized the component. */
  readonly authorizations: number;
  /** How often `api_authorizer_token` brought a token. */
  readonly refreshes: number;
  /** Its authorizer access token. */
  readonly accessToken: WeChatTokenState;
  /** Its tickets, by type; when each ends, Unix ms. */
  readonly tickets: Readonly<Record<string, { readonly expiresAt: number }>>;
  /** Counted calls of the natural day in China, by path. */
  readonly callsToday: Readonly<Record<string, number>>;
}
