import type { WeChatApp } from './app.js';
import { WeChatError } from './errors.js';
import type { OpenPlatform } from './open-platform/open-platform.js';
import type { TokenKind, TokenOwner } from './owner.js';
import type { TokenLine } from './token-line.js';

/** Finds accounts and Open Platforms by app id, and by every token that was ever issued to them. */
export class WeChatDirectory {
  readonly #apps = new Map<string, WeChatApp>();
  readonly #platforms = new Map<string, OpenPlatform>();
  readonly #owners = new Map<string, { owner: TokenOwner; line: TokenLine }>();

  constructor(apps: Iterable<WeChatApp>) {
    for (const app of apps) this.#apps.set(app.appId, app);
  }

  addPlatform(platform: OpenPlatform): void {
    this.#platforms.set(platform.appId, platform);
  }

  all(): WeChatApp[] {
    return [...this.#apps.values()];
  }

  platforms(): OpenPlatform[] {
    return [...this.#platforms.values()];
  }

  app(appId: string | null | undefined): WeChatApp | undefined {
    return this.#apps.get(appId ?? '');
  }

  platform(appId: string | null | undefined): OpenPlatform | undefined {
    return this.#platforms.get(appId ?? '');
  }

  /** An account that is configured, or known only because it authorized a component. */
  business(appId: string | null | undefined): WeChatApp | undefined {
    return this.app(appId) ?? this.platforms().flatMap((platform) => platform.authorizer(appId)?.app ?? [])[0];
  }

  /** Every account there is, each once. */
  businesses(): WeChatApp[] {
    const authorizers = this.platforms().flatMap((platform) => platform.authorizers());
    return [...new Set([...this.all(), ...authorizers.map(({ app }) => app)])];
  }

  remember(token: string, owner: TokenOwner, line: TokenLine): void {
    this.#owners.set(token, { owner, line });
  }

  /** Whom a token was issued to, dead or alive. */
  owner(query: URLSearchParams): TokenOwner | undefined {
    return this.#owners.get(tokenIn(query) ?? '')?.owner;
  }

  /** The owner of a token that works now for a path; throws what a call answers otherwise. */
  authenticate(query: URLSearchParams, path: string, wanted: 'account' | 'component' | 'any'): TokenOwner {
    const token = tokenIn(query);
    if (token === undefined) throw new WeChatError(wanted === 'component' ? 41021 : 41001);
    const found = this.#owners.get(token);
    if (found === undefined) throw new WeChatError(looksLikeToken(token) ? 40001 : 40014);
    const { owner, line } = found;
    if (wanted !== 'any') checkKind(owner.kind, wanted);
    owner.admit(path);
    const verdict = line.verdict(token, owner.now());
    if (verdict === 'refused') throw new WeChatError(40001);
    if (verdict === 'expired') throw new WeChatError(owner.kind === 'component' ? this.#expiredCode(owner) : 42001);
    return owner;
  }

  /** The account that an app id and a secret belong to; throws what a token endpoint answers otherwise. */
  credentials(appId: string | undefined, secret: string | undefined): WeChatApp {
    if (appId === undefined) throw new WeChatError(41002);
    if (secret === undefined) throw new WeChatError(41004);
    const app = this.#apps.get(appId);
    if (app === undefined) throw new WeChatError(this.#platforms.has(appId) ? 61024 : 40013);
    this.#checkSecret(app.secret, secret);
    return app;
  }

  /** The component that an app id and a secret belong to. */
  componentCredentials(appId: string | undefined, secret: string | undefined): OpenPlatform {
    if (appId === undefined) throw new WeChatError(41018);
    if (secret === undefined) throw new WeChatError(41004);
    const platform = this.#platforms.get(appId);
    if (platform === undefined) throw new WeChatError(this.business(appId) ? 61011 : 40013);
    this.#checkSecret(platform.secret, secret);
    return platform;
  }

  #checkSecret(right: string, given: string): void {
    if (right === given) return;
    const others = [...this.all(), ...this.platforms()].some(({ secret }) => secret === given);
    throw others ? new WeChatError(40001, 'AppSecret error, it belongs to another account') : new WeChatError(40125);
  }

  #expiredCode(owner: TokenOwner): number {
    return this.#platforms.get(owner.appId)?.settings.expiredCode ?? 42001;
  }
}

/** Older pages of the documents call a component's token `component_access_token`, newer ones `access_token`. */
function tokenIn(query: URLSearchParams): string | undefined {
  return query.get('access_token') || query.get('component_access_token') || undefined;
}

function checkKind(kind: TokenKind, wanted: 'account' | 'component'): void {
  if (wanted === 'component' && kind !== 'component') throw new WeChatError(61014);
  if (wanted === 'account' && kind === 'component') throw new WeChatError(61015);
}

function looksLikeToken(token: string): boolean {
  return /^[\w-]{64,}$/.test(token);
}
