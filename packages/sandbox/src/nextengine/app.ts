import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import type { NextEngineSettings } from './account.js';
import { NextEngineError } from './errors.js';
import { NextEngineGrant, type NextEngineUserState } from './grant.js';
import type { NextEnginePair } from './pair.js';

interface SignInState {
  readonly uid: string;
  readonly expiresAt: number;
}

/** What the platform knows of one app: its users' grants, and the sign-ins that wait for their exchange. */
export class NextEngineApp {
  readonly settings: NextEngineSettings;
  readonly grants: ReadonlyMap<string, NextEngineGrant>;
  readonly #states = new Map<string, SignInState>();
  readonly #clock: Clock;

  constructor(settings: NextEngineSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    const now = clock.now();
    this.grants = new Map(settings.users.map((user) => [user.uid, new NextEngineGrant(settings, user, now)]));
  }

  now(): number {
    return this.#clock.now();
  }

  /** The user has signed in: a `state` that can be exchanged for five minutes. The pair is not touched yet. */
  signIn(uid: string): { uid: string; state: string } {
    const state = hexValue(64);
    this.#states.set(state, { uid, expiresAt: this.now() + this.settings.stateLifeMs });
    return { uid, state };
  }

  /** Takes a `state` back; throws for one that is unknown, used, too old, or another user's. */
  redeem(uid: string, state: string): void {
    const known = this.#states.get(state);
    if (known === undefined || known.uid !== uid || this.now() >= known.expiresAt) throw new NextEngineError('001002');
    if (this.settings.stateSingleUse) this.#states.delete(state);
  }

  state(): NextEngineAccountState {
    return { clientId: this.settings.clientId, users: [...this.grants.values()].map((grant) => grant.state()) };
  }
}

/** What the sandbox tells about a NextEngine app; holds no token and no secret. */
export interface NextEngineAccountState {
  readonly clientId: string;
  readonly users: readonly NextEngineUserState[];
}

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
