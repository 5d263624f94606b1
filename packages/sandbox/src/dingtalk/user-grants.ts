import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import { Renewable, type RenewableState } from './renewable.js';
import type { DingTalkCommonSettings } from './switches.js';
import type { DingTalkUserSettings } from './users.js';

/** Who signed in, and for which organisation if the scope asked for one. */
export interface SignIn {
  readonly user: DingTalkUserSettings;
  readonly corpId?: string;
}

/** What one sign-in, and every refresh after it, brings. */
export interface UserPair {
  readonly grant: UserGrant;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** One sign-in of a user and what came of it. */
export interface UserGrant extends SignIn {
  readonly access: Renewable;
}

interface RefreshToken {
  readonly grant: UserGrant;
  readonly endsAt: number;
}

/** The sign-ins of one client: refresh tokens that rotate, and the access tokens beside them. */
export class UserGrants {
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #seen = new Map<string, DingTalkUserSettings>();
  readonly #grants = new Set<UserGrant>();
  readonly #switches: () => DingTalkCommonSettings;
  readonly #clock: Clock;

  constructor(switches: () => DingTalkCommonSettings, clock: Clock) {
    this.#switches = switches;
    this.#clock = clock;
  }

  /** A sign-in; those before it stay as they are. */
  signIn(who: SignIn): UserPair {
    const terms = () => {
      const { expiresIn, userTokenRepeat: repeat, supersededUserTokens: superseded } = this.#switches();
      return { lifetimeMs: expiresIn * 1000, repeat, superseded };
    };
    const grant: UserGrant = { ...who, access: new Renewable(() => hexValue(32), terms) };
    this.#grants.add(grant);
    return this.#pair(grant, this.#clock.now() + this.#switches().userRefreshLifeMs);
  }

  /** The pair that a refresh token brings; undefined if it is spent, has ended, or is none. */
  refresh(token: string | undefined): UserPair | undefined {
    const known = token === undefined ? undefined : this.#refreshTokens.get(token);
    const now = this.#clock.now();
    if (token === undefined || known === undefined || now >= known.endsAt) return undefined;
    const { userRefresh, userRefreshRestarts, userRefreshLifeMs } = this.#switches();
    if (userRefresh === 'strict') this.#refreshTokens.delete(token);
    return this.#pair(known.grant, userRefreshRestarts ? now + userRefreshLifeMs : known.endsAt);
  }

  /** Whose refresh token it is, spent and ended ones included: for the log of calls. */
  userOf(token: string | undefined): DingTalkUserSettings | undefined {
    return token === undefined ? undefined : this.#seen.get(token);
  }

  /** Ends a user's access tokens, or everybody's. */
  kill(unionId: string | undefined, keepReturningSame: boolean): void {
    for (const { user, access } of this.#grants) {
      if (unionId === undefined || user.unionId === unionId) access.revoke(keepReturningSame);
    }
  }

  /** Ends everything a user's sign-ins brought: the user must sign in again. */
  end(unionId: string): void {
    for (const [token, { grant }] of this.#refreshTokens) {
      if (grant.user.unionId === unionId) this.#refreshTokens.delete(token);
    }
    this.kill(unionId, false);
  }

  state(): DingTalkUserState[] {
    return [...this.#grants].map(({ user, corpId, access }) => ({
      unionId: user.unionId,
      ...(corpId !== undefined && { corpId }),
      accessToken: access.state(),
    }));
  }

  #pair(grant: UserGrant, endsAt: number): UserPair {
    const refreshToken = hexValue(32);
    this.#refreshTokens.set(refreshToken, { grant, endsAt });
    this.#seen.set(refreshToken, grant.user);
    return { grant, accessToken: grant.access.fetch(this.#clock.now()).value, refreshToken };
  }
}

/** What can be shown of a sign-in; no token is in it. */
export interface DingTalkUserState {
  /** The person. */
  readonly unionId: string;
  /** The organisation of the sign-in. */
  readonly corpId?: string;
  /** The access token of the pair. */
  readonly accessToken: RenewableState;
}
