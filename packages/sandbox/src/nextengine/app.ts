import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import { checkUser, type NextEngineSettings, type NextEngineUser } from './account.js';
import { CompanyBook, type NextEngineCompanyChange } from './company-book.js';
import { NextEngineError } from './errors.js';
import { NextEngineGrant, type NextEngineUserState } from './grant.js';
import { companyIdOf, companySummary } from './profile.js';
import { type NextEngineSwitches, type NextEngineSwitchSettings, switched } from './switches.js';
import { type NextEngineMonthUsage, type NextEngineUsage, UsageBook } from './usage-book.js';

interface SignInState {
  readonly uid: string;
  readonly expiresAt: number;
}

/** What the platform knows of one app: its users' grants, their companies, and the sign-ins that wait for their exchange. */
export class NextEngineApp {
  readonly grants = new Map<string, NextEngineGrant>();
  readonly companies = new CompanyBook();
  #settings: NextEngineSettings;
  readonly #states = new Map<string, SignInState>();
  readonly #usage = new UsageBook();
  readonly #waiting = new Set<() => void>();
  readonly #clock: Clock;

  constructor(settings: NextEngineSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    for (const user of settings.users) this.#join(user);
  }

  get settings(): NextEngineSettings {
    return this.#settings;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Changes switches; what is left out stays. Calls that wait for the end of an overload go on once it is over. */
  configure(change: NextEngineSwitches): void {
    this.#settings = { ...this.#settings, ...switched(switchesOf(this.#settings), change) };
    if (this.#settings.overload !== 'wait') this.release();
  }

  switches(): NextEngineSwitchSettings {
    return switchesOf(this.#settings);
  }

  /** Another person who can sign in. */
  addUser(user: NextEngineUser): NextEngineGrant {
    checkUser(user);
    if (this.grants.has(user.uid)) throw new TypeError('"uid" is a user of this account already');
    return this.#join(user);
  }

  changeCompany(companyId: string, change: NextEngineCompanyChange): void {
    if (![...this.grants.values()].some(({ user }) => companyIdOf(user) === companyId))
      throw new TypeError('"companyId" is no company of a user of this account');
    this.companies.change(companyId, change);
  }

  /** What a user's calls are refused with because of suspension: everybody's, or that of the user's company. */
  suspension(user: NextEngineUser): string | undefined {
    return this.#settings.suspended || this.companies.suspended(user) || undefined;
  }

  /** The user has signed in: a `state` that can be exchanged for five minutes. The pair is not touched yet. */
  signIn(uid: string): { uid: string; state: string } {
    const state = hexValue(64);
    this.#states.set(state, { uid, expiresAt: this.now() + this.#settings.stateLifeMs });
    return { uid, state };
  }

  /** Takes a `state` back; throws for one that is unknown, used, too old, or another user's. */
  redeem(uid: string, state: string): void {
    const known = this.#states.get(state);
    if (known === undefined || known.uid !== uid || this.now() >= known.expiresAt) throw new NextEngineError('001002');
    if (this.#settings.stateSingleUse) this.#states.delete(state);
  }

  /** Every `state` is too old from now on; how many there were. */
  expireStates(): number {
    const now = this.now();
    const living = [...this.#states.values()].filter(({ expiresAt }) => now < expiresAt).length;
    this.#states.clear();
    return living;
  }

  /** `id` of a launch from the menu: one value per company, app and main function. */
  launchId(user: NextEngineUser): string {
    const { company_id, company_ne_id } = companySummary(user);
    const text = JSON.stringify([this.#settings.clientId, company_ne_id, company_id]);
    return createHash('sha256').update(text).digest('hex').slice(0, 32);
  }

  count(user?: NextEngineUser): void {
    this.#usage.count(this.now(), user);
  }

  usage(): NextEngineUsage {
    const { clientId, monthlyFreeCalls } = this.#settings;
    return { clientId, monthlyFreeCalls, months: this.#usage.months(monthlyFreeCalls) };
  }

  /** Calls `go` when the overload is over. */
  waitForOverload(go: () => void): void {
    this.#waiting.add(go);
  }

  release(): void {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  state(): NextEngineAccountState {
    return {
      clientId: this.#settings.clientId,
      usage: this.#usage.month(this.now(), this.#settings.monthlyFreeCalls),
      users: [...this.grants.values()].map((grant) => this.#userState(grant)),
    };
  }

  #userState(grant: NextEngineGrant): NextEngineAccountState['users'][number] {
    const suspended = this.companies.suspended(grant.user);
    return {
      ...grant.state(),
      companyId: companyIdOf(grant.user),
      ...(suspended && { suspended }),
      ...(this.companies.cancelled(grant.user) && { cancelled: true }),
    };
  }

  #join(user: NextEngineUser): NextEngineGrant {
    const grant = new NextEngineGrant(() => this.#settings, user, this.now());
    this.grants.set(user.uid, grant);
    return grant;
  }
}

function switchesOf(settings: NextEngineSettings): NextEngineSwitchSettings {
  const { clientId: _id, clientSecret: _secret, users: _users, ...switches } = settings;
  return switches;
}

/** What the sandbox tells about a NextEngine app; holds no token and no secret. */
export interface NextEngineAccountState {
  /** Client id of the app. */
  readonly clientId: string;
  /** This month's calls. */
  readonly usage: NextEngineMonthUsage;
  /** Its users. */
  readonly users: readonly (NextEngineUserState & {
    /** The company a user belongs to. */
    readonly companyId: string;
    /** Only where it is. */
    readonly suspended?: '002003' | '003003';
    /** Whether the company has cancelled the app. */
    readonly cancelled?: true;
  })[];
}
