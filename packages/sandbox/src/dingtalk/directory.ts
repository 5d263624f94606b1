import type { DingTalkApp, DingTalkTokenKind } from './app.js';

/** A token that is known, and whether it works now. */
export interface DingTalkSession {
  readonly app: DingTalkApp;
  readonly verdict: 'valid' | 'expired' | 'refused';
}

/** Finds apps by key, by organisation, and by every token that was ever issued to them. */
export class DingTalkDirectory {
  readonly #apps: readonly DingTalkApp[];
  readonly #byKey: ReadonlyMap<string, DingTalkApp>;
  readonly #owners = new Map<string, { app: DingTalkApp; kind: DingTalkTokenKind }>();

  constructor(apps: readonly DingTalkApp[]) {
    this.#apps = apps;
    this.#byKey = new Map(apps.map((app) => [app.settings.appKey, app]));
  }

  all(): readonly DingTalkApp[] {
    return this.#apps;
  }

  byKey(appKey: string | undefined): DingTalkApp | undefined {
    return appKey === undefined ? undefined : this.#byKey.get(appKey);
  }

  byCorp(corpId: string | undefined): DingTalkApp[] {
    return corpId === undefined ? [] : this.#apps.filter((app) => app.settings.corpId === corpId);
  }

  issue(app: DingTalkApp, kind: DingTalkTokenKind): string {
    const value = app.token(kind);
    this.#owners.set(value, { app, kind });
    return value;
  }

  session(token: string | undefined): DingTalkSession | undefined {
    const owner = token === undefined ? undefined : this.#owners.get(token);
    if (token === undefined || owner === undefined) return undefined;
    return { app: owner.app, verdict: owner.app.tokens[owner.kind].verdict(token, owner.app.now()) };
  }
}
