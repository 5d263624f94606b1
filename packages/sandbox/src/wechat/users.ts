import { assertKnownKeys, assertRecord, assertText, assertUnique } from '../check.js';
import { hexValue, urlSafeValue } from '../opaque.js';
import { WeChatError } from './errors.js';
import { assertList } from './switches.js';

/** A person who uses the account, in its web pages or in its mini program. */
export interface WeChatUser {
  /** Default: made of the app id and the place in the list. */
  readonly openid?: string;
  /** Default: none. */
  readonly unionid?: string;
  /** Default: the open id. */
  readonly nickname?: string;
}

/** A user with an open id and a name. */
export type WeChatUserSettings = Required<Pick<WeChatUser, 'openid' | 'nickname'>> & Pick<WeChatUser, 'unionid'>;

/** Lifetimes of what users hand out; read anew for every use. */
export interface UserRules {
  readonly expiresIn: number;
  readonly codeLifeMs: number;
  readonly userRefreshLifeMs: number;
  readonly userTokenRefresh: 'extend' | 'new';
}

/** One user's consent to one app, or to a component for it. */
interface UserGrant {
  readonly user: WeChatUserSettings;
  readonly scope: string;
  readonly component: string | undefined;
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
  accessToken: string;
  accessExpiresAt: number;
  /** The user changed the password. */
  dead: boolean;
}

interface Code {
  readonly user: WeChatUserSettings;
  readonly purpose: 'oauth' | 'login';
  readonly scope: string;
  readonly component: string | undefined;
  readonly expiresAt: number;
  used: boolean;
}

/** What an exchange or a refresh of a user's tokens answers. */
export interface UserTokens {
  readonly access_token: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly openid: string;
  readonly scope: string;
  readonly unionid?: string;
}

/** The users of one account, the codes they hand out, and the tokens those were exchanged for. */
export class UserBook {
  readonly users: readonly WeChatUserSettings[];
  readonly #codes = new Map<string, Code>();
  readonly #grants: UserGrant[] = [];
  readonly #rules: () => UserRules;

  constructor(users: readonly WeChatUserSettings[], rules: () => UserRules) {
    this.users = users;
    this.#rules = rules;
  }

  user(openid: string | null | undefined): WeChatUserSettings | undefined {
    return this.users.find((user) => user.openid === openid);
  }

  /** A code of web OAuth or of a mini program's login. It can be exchanged once. */
  code(user: WeChatUserSettings, now: number, how: Pick<Code, 'purpose' | 'scope' | 'component'>): string {
    const value = `0${urlSafeValue(31)}`;
    this.#codes.set(value, { ...how, user, expiresAt: now + this.#rules().codeLifeMs, used: false });
    return value;
  }

  /** Exchanges a code of web OAuth. */
  exchange(code: string | undefined, component: string | undefined, now: number): UserTokens {
    const { user, scope } = this.#take(code, 'oauth', component, now);
    const { userRefreshLifeMs } = this.#rules();
    const grant: UserGrant = {
      user,
      scope,
      component,
      refreshToken: newToken(),
      refreshExpiresAt: now + userRefreshLifeMs,
      ...this.#access(now),
      dead: false,
    };
    this.#grants.push(grant);
    return this.#answer(grant, now);
  }

  /** Exchanges a mini program's login code. */
  session(code: string | undefined, component: string | undefined, now: number) {
    const { user } = this.#take(code, 'login', component, now);
    const unionid = user.unionid === undefined ? {} : { unionid: user.unionid };
    return { openid: user.openid, session_key: Buffer.from(hexValue(16)).toString('base64'), ...unionid };
  }

  /** The same access token with a later end while it lives; a new one once it has expired. */
  refresh(refreshToken: string, component: string | undefined, now: number): UserTokens {
    const grant = this.#grants.find((each) => each.refreshToken === refreshToken && each.component === component);
    if (grant === undefined) throw new WeChatError(40030);
    if (grant.dead) throw new WeChatError(42007);
    if (now >= grant.refreshExpiresAt) throw new WeChatError(42002);
    const { userTokenRefresh, expiresIn } = this.#rules();
    if (userTokenRefresh === 'extend' && now < grant.accessExpiresAt) grant.accessExpiresAt = now + expiresIn * 1000;
    else Object.assign(grant, this.#access(now));
    return this.#answer(grant, now);
  }

  /** Whose access token it is; throws what a call with a dead one answers. Undefined for a token of somebody else. */
  check(accessToken: string, now: number): { user: WeChatUserSettings; scope: string } | undefined {
    const grant = this.#grants.find((each) => each.accessToken === accessToken);
    if (grant === undefined) return undefined;
    if (grant.dead) throw new WeChatError(42007);
    if (now >= grant.accessExpiresAt) throw new WeChatError(42001);
    return grant;
  }

  /** Whom a code or a token belongs to, dead or alive. */
  owner(value: string | null): WeChatUserSettings | undefined {
    if (value === null) return undefined;
    const grant = this.#grants.find(({ accessToken, refreshToken }) => [accessToken, refreshToken].includes(value));
    return grant?.user ?? this.#codes.get(value)?.user;
  }

  /** Ends every token of a user. Returns how many grants there were. */
  changePassword(openid: string): number {
    const concerned = this.#grants.filter(({ user }) => user.openid === openid);
    for (const grant of concerned) grant.dead = true;
    return concerned.length;
  }

  state(): readonly WeChatUserState[] {
    return this.users.map(({ openid }) => ({
      openid,
      grants: this.#grants
        .filter(({ user }) => user.openid === openid)
        .map(({ scope, accessExpiresAt, refreshExpiresAt, dead }) => ({
          scope,
          expiresAt: accessExpiresAt,
          refreshExpiresAt,
          dead,
        })),
    }));
  }

  #take(code: string | undefined, purpose: Code['purpose'], component: string | undefined, now: number): Code {
    const found = this.#codes.get(code ?? '');
    if (found === undefined || found.purpose !== purpose || found.component !== component) throw new WeChatError(40029);
    if (found.used) throw new WeChatError(40163);
    if (now >= found.expiresAt) throw new WeChatError(42003);
    found.used = true;
    return found;
  }

  #access(now: number): Pick<UserGrant, 'accessToken' | 'accessExpiresAt'> {
    return { accessToken: newToken(), accessExpiresAt: now + this.#rules().expiresIn * 1000 };
  }

  #answer({ accessToken, accessExpiresAt, refreshToken, user, scope }: UserGrant, now: number): UserTokens {
    return {
      access_token: accessToken,
      expires_in: Math.floor((accessExpiresAt - now) / 1000),
      refresh_token: refreshToken,
      openid: user.openid,
      scope,
      ...(user.unionid !== undefined && { unionid: user.unionid }),
    };
  }
}

/** Throws a `TypeError` that names the wrong member. */
export function checkUsers(users: unknown): void {
  const openids = assertList('users', users).map((user) => {
    const record = assertRecord('users', user);
    assertKnownKeys('a user', record, ['openid', 'unionid', 'nickname']);
    for (const [name, value] of Object.entries(record)) if (value !== undefined) assertText(name, value);
    return record['openid'];
  });
  assertUnique(
    'openid',
    openids.filter((openid) => typeof openid === 'string'),
  );
}

export function userSettings(users: readonly WeChatUser[], appId: string): WeChatUserSettings[] {
  return users.map(({ openid = '', unionid, nickname }, index) => {
    const id = openid || `o-${appId}-${index + 1}`;
    return { openid: id, nickname: nickname ?? id, ...(unionid !== undefined && { unionid }) };
  });
}

function newToken(): string {
  return `${60}_${urlSafeValue(100)}`;
}

/** What the sandbox tells about a user; holds no token and no code. */
export interface WeChatUserState {
  /** The person, for this account. */
  readonly openid: string;
  /** Pairs so far, one for each sign-in. */
  readonly grants: readonly {
    /** What the person agreed to. */
    readonly scope: string;
    /** End of the access token, Unix ms. */
    readonly expiresAt: number;
    /** End of the refresh token, Unix ms. */
    readonly refreshExpiresAt: number;
    /** Whether it was ended before its time. */
    readonly dead: boolean;
  }[];
}
