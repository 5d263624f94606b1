import type { WeChatApp } from './app.js';
import { WeChatError } from './errors.js';
import type { WeChatTokenKind } from './token-line.js';

/** Finds accounts by app id, and by every token that was ever issued to them. */
export class WeChatDirectory {
  readonly #apps = new Map<string, WeChatApp>();
  readonly #owners = new Map<string, { app: WeChatApp; kind: WeChatTokenKind }>();

  constructor(apps: Iterable<WeChatApp>) {
    for (const app of apps) this.#apps.set(app.settings.appId, app);
  }

  all(): WeChatApp[] {
    return [...this.#apps.values()];
  }

  app(appId: string | undefined): WeChatApp | undefined {
    return appId === undefined ? undefined : this.#apps.get(appId);
  }

  remember(token: string, app: WeChatApp, kind: WeChatTokenKind): void {
    this.#owners.set(token, { app, kind });
  }

  /** The account a token was issued to, dead or alive. */
  owner(token: string | null): WeChatApp | undefined {
    return token === null ? undefined : this.#owners.get(token)?.app;
  }

  /** The account of a token that works now; throws what a business call answers otherwise. */
  authenticate(token: string | null): WeChatApp {
    if (token === null || token === '') throw new WeChatError(41001);
    const owner = this.#owners.get(token);
    if (owner === undefined) throw new WeChatError(looksLikeToken(token) ? 40001 : 40014);
    const verdict = owner.app.lines[owner.kind].verdict(token, owner.app.now());
    if (verdict === 'refused') throw new WeChatError(40001);
    if (verdict === 'expired') throw new WeChatError(42001);
    return owner.app;
  }

  /** The account that an app id and a secret belong to; throws what a token endpoint answers otherwise. */
  credentials(appId: string | undefined, secret: string | undefined): WeChatApp {
    if (appId === undefined) throw new WeChatError(41002);
    if (secret === undefined) throw new WeChatError(41004);
    const app = this.#apps.get(appId);
    if (app === undefined) throw new WeChatError(40013);
    if (app.settings.secret === secret) return app;
    const others = this.all().some((other) => other.settings.secret === secret);
    throw others ? new WeChatError(40001, 'AppSecret error, it belongs to another account') : new WeChatError(40125);
  }
}

function looksLikeToken(token: string): boolean {
  return /^[\w-]{64,}$/.test(token);
}
