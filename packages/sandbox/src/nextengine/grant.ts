import type { NextEngineUser } from './account.js';
import { NextEngineError } from './errors.js';
import { makePair, type NextEnginePair } from './pair.js';
import type { NextEngineSwitchSettings } from './switches.js';

/** The tokens an answer carries: the ones that were sent, or the new pair. */
export interface Echo {
  readonly accessToken: string;
  /** Absent if the call sent none and the pair was not renewed. */
  readonly refreshToken: string | undefined;
  readonly pair: NextEnginePair;
}

export interface Admission {
  readonly echo: Echo;
  readonly renewed: boolean;
}

/** What one user has granted to one app: the current pair, and the memory of those before it. */
export class NextEngineGrant {
  readonly user: NextEngineUser;
  readonly #settings: () => NextEngineSwitchSettings;
  #pair: NextEnginePair | undefined;
  readonly #supersededAt = new Map<string, number>();
  #signIns = 0;
  #renewals = 0;

  /** `settings`: the switches as they stand when they are asked for. */
  constructor(settings: () => NextEngineSwitchSettings, user: NextEngineUser, now: number) {
    this.#settings = settings;
    this.user = user;
    if (user.pair) this.#pair = makePair(user.pair.issuedAt ?? now, settings(), user.pair);
  }

  get pair(): NextEnginePair | undefined {
    return this.#pair;
  }

  /** Issues a pair as a sign-in does; without rotation a living pair stays. */
  signIn(now: number, rotate = this.#settings().signInRotates): NextEnginePair {
    this.#signIns += 1;
    if (!rotate && this.#pair && now < this.#pair.accessTokenExpiresAt) return this.#pair;
    return this.#replace(now);
  }

  /**
   * Lets a call in, renewing the pair if its access token has expired; throws what the platform answers otherwise.
   * Nothing else renews: a call made early changes nothing.
   */
  admit(accessToken: string, refreshToken: string | undefined, now: number): Admission {
    const pair = this.#pair;
    if (pair === undefined || pair.accessToken !== accessToken) return this.#admitSuperseded(accessToken, now);
    if (now < pair.accessTokenExpiresAt) return { echo: { accessToken, refreshToken, pair }, renewed: false };
    if (refreshToken === undefined) throw new NextEngineError('002004', { result: 'redirect' });
    if (refreshToken !== pair.refreshToken || now >= pair.refreshTokenExpiresAt) throw this.#refused('002004');
    this.#renewals += 1;
    return { echo: whole(this.#replace(now)), renewed: true };
  }

  /** The tokens an error carries that comes before authentication: those sent, if they are current. */
  peek(accessToken: string, refreshToken: string | undefined): Echo | undefined {
    const pair = this.#pair;
    return pair?.accessToken === accessToken ? { accessToken, refreshToken, pair } : undefined;
  }

  state(): NextEngineUserState {
    return {
      uid: this.user.uid,
      signIns: this.#signIns,
      renewals: this.#renewals,
      ...(this.#pair && {
        accessTokenEndDate: this.#pair.accessTokenEndDate,
        refreshTokenEndDate: this.#pair.refreshTokenEndDate,
        accessTokenExpiresAt: this.#pair.accessTokenExpiresAt,
        refreshTokenExpiresAt: this.#pair.refreshTokenExpiresAt,
      }),
    };
  }

  #admitSuperseded(accessToken: string, now: number): Admission {
    const supersededAt = this.#supersededAt.get(accessToken);
    const inGrace = supersededAt !== undefined && now < supersededAt + this.#settings().graceMs;
    if (!inGrace || this.#pair === undefined) throw this.#refused('002002');
    return { echo: whole(this.#pair), renewed: false };
  }

  #replace(now: number): NextEnginePair {
    if (this.#pair) this.#supersededAt.set(this.#pair.accessToken, now);
    this.#pair = makePair(now, this.#settings());
    return this.#pair;
  }

  #refused(code: string): NextEngineError {
    return new NextEngineError(code, { result: this.#settings().authErrorResult });
  }
}

function whole(pair: NextEnginePair): Echo {
  return { accessToken: pair.accessToken, refreshToken: pair.refreshToken, pair };
}

/** What the sandbox tells about a user; holds no token. */
export interface NextEngineUserState {
  /** The user's id. */
  readonly uid: string;
  /** Sign-ins so far. */
  readonly signIns: number;
  /** Renewals of the pair so far. */
  readonly renewals: number;
  /** End of the access token, as the platform writes it. */
  readonly accessTokenEndDate?: string;
  /** End of the refresh token, as the platform writes it. */
  readonly refreshTokenEndDate?: string;
  /** End of the access token, Unix ms. */
  readonly accessTokenExpiresAt?: number;
  /** End of the refresh token, Unix ms. */
  readonly refreshTokenExpiresAt?: number;
}
