import type { NextEngineApp } from './app.js';
import type { NextEngineGrant } from './grant.js';
import type { NextEnginePair } from './pair.js';

/** Finds apps by client id, and grants by every access token that was ever issued. */
export class NextEngineDirectory {
  readonly #apps: ReadonlyMap<string, NextEngineApp>;
  readonly #owners = new Map<string, { app: NextEngineApp; grant: NextEngineGrant }>();

  constructor(apps: readonly NextEngineApp[]) {
    this.#apps = new Map(apps.map((app) => [app.settings.clientId, app]));
    for (const app of apps) {
      for (const grant of app.grants.values()) if (grant.pair) this.remember(app, grant, grant.pair);
    }
  }

  all(): NextEngineApp[] {
    return [...this.#apps.values()];
  }

  app(clientId: string | null | undefined): NextEngineApp | undefined {
    return this.#apps.get(clientId ?? '');
  }

  owner(accessToken: string | null): { app: NextEngineApp; grant: NextEngineGrant } | undefined {
    return this.#owners.get(accessToken ?? '');
  }

  /** `result` for a token that belongs to nobody: as the switch says where all accounts agree. */
  authErrorResult(): 'error' | 'redirect' {
    return this.all().every(({ settings }) => settings.authErrorResult === 'redirect') ? 'redirect' : 'error';
  }

  remember(app: NextEngineApp, grant: NextEngineGrant, pair: NextEnginePair): void {
    this.#owners.set(pair.accessToken, { app, grant });
  }
}
