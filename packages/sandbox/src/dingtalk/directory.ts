import type { DingTalkApp } from './app.js';
import type { DingTalkClient } from './client.js';
import type { Installation } from './installation.js';
import type { Renewable } from './renewable.js';
import type { DingTalkSuite } from './suite.js';
import type { DingTalkUserSettings } from './users.js';

/** What a token is: an internal app's, a suite's in an organisation, a suite's own, a user's, one of SSO or of a scan login. */
export type SessionKind = 'app' | 'corp' | 'suite' | 'user' | 'sso' | 'sns' | 'snsUser';

/** Whose token it is. */
export interface TokenOwner {
  readonly kind: SessionKind;
  readonly client: DingTalkClient;
  /** What tells whether the token works. */
  readonly line: Renewable;
  /** For the call log: an organisation's id, a user's union id or open id. */
  readonly subject?: string;
  readonly installation?: Installation;
  readonly user?: DingTalkUserSettings;
}

/** A token that is known, and whether it works now. */
export interface DingTalkSession extends TokenOwner {
  readonly verdict: 'valid' | 'expired' | 'refused';
}

/** Finds apps and suites by key, by organisation, and by every token that was ever issued to them. */
export class DingTalkDirectory {
  readonly apps: readonly DingTalkApp[];
  readonly suites: readonly DingTalkSuite[];
  readonly #clients: ReadonlyMap<string, DingTalkClient>;
  readonly #owners = new Map<string, TokenOwner>();

  constructor(apps: readonly DingTalkApp[], suites: readonly DingTalkSuite[]) {
    this.apps = apps;
    this.suites = suites;
    this.#clients = new Map([...apps, ...suites].map((client) => [client.account, client]));
  }

  app(appKey: string | undefined): DingTalkApp | undefined {
    return this.apps.find(({ account }) => account === appKey);
  }

  suite(suiteKey: string | undefined): DingTalkSuite | undefined {
    return this.suites.find(({ account }) => account === suiteKey);
  }

  /** An app or a suite, by its key. */
  client(key: string | undefined): DingTalkClient | undefined {
    return key === undefined ? undefined : this.#clients.get(key);
  }

  clients(): readonly DingTalkClient[] {
    return [...this.#clients.values()];
  }

  byCorp(corpId: string | undefined): DingTalkApp[] {
    return corpId === undefined ? [] : this.apps.filter((app) => app.corpId === corpId);
  }

  /** Whether anybody here belongs to the organisation. */
  knowsCorp(corpId: string): boolean {
    return (
      this.clients().some((client) => client.corpId === corpId) ||
      this.suites.some(({ installations }) => installations.has(corpId))
    );
  }

  /** Fetches from the owner's line, and remembers whose token it is. */
  issue(owner: TokenOwner): string {
    return this.remember(owner.line.fetch(owner.client.now()).value, owner);
  }

  remember(value: string, owner: TokenOwner): string {
    this.#owners.set(value, owner);
    return value;
  }

  session(token: string | undefined): DingTalkSession | undefined {
    const owner = token === undefined ? undefined : this.#owners.get(token);
    if (token === undefined || owner === undefined) return undefined;
    return { ...owner, verdict: owner.line.verdict(token, owner.client.now()) };
  }
}
