import {
  assertBoolean,
  assertCount,
  assertKnownKeys,
  assertOneOf,
  assertRecord,
  assertText,
  assertUnique,
} from '../check.js';

/** A person who can sign in. Members that are left out are filled with made-up values. */
export interface NextEngineUser {
  readonly uid: string;
  /** The company at the main function, and at the platform. */
  readonly companyId?: string;
  readonly companyNeId?: string;
  readonly companyName?: string;
  readonly companyKana?: string;
  readonly picId?: string;
  readonly picNeId?: string;
  readonly picName?: string;
  readonly picKana?: string;
  readonly picMailAddress?: string;
  /** The company no longer uses the app: `/api_app/company` leaves it out. Default: false. */
  readonly cancelled?: boolean;
  /** A pair the user holds from the start, issued at `issuedAt` (sandbox time, default: the start). */
  readonly pair?: { readonly accessToken: string; readonly refreshToken: string; readonly issuedAt?: number };
}

/** One app and its users, with the switches of its simulator. */
export interface NextEngineAccount {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The registered redirect URI; the sign-in page refuses any other. Default: every URI is accepted. */
  readonly redirectUri?: string;
  /** Who can sign in; the `uid`s differ. */
  readonly users: readonly NextEngineUser[];
  /** Lifetime of an access token. Default: 86 400 000 (1 day). */
  readonly accessTokenLifeMs?: number;
  /** Lifetime of a refresh token. Default: 259 200 000 (3 days). */
  readonly refreshTokenLifeMs?: number;
  /** Lifetime of the `state` of a sign-in. Default: 300 000. */
  readonly stateLifeMs?: number;
  /** How long a superseded access token still works; such a call gets the current pair. Default: 0. */
  readonly graceMs?: number;
  /** Send end dates from `/api_neauth`. Default: false. */
  readonly neauthEndDates?: boolean;
  /** `result` next to 002002 and 002004. Default: `error`. */
  readonly authErrorResult?: 'error' | 'redirect';
  /** A sign-in replaces a living pair. Default: true. */
  readonly signInRotates?: boolean;
  /** A `state` can be exchanged once. Default: true. */
  readonly stateSingleUse?: boolean;
  /** Errors carry tokens, except 002002, 002004 and 999999. Default: true. */
  readonly errorsCarryTokens?: boolean;
  /** Every answer that carries a renewed pair is lost on its way. Default: false. */
  readonly dropResponseAfterRenewal?: boolean;
  /** The main function is overloaded; `wait` lets calls with `wait_flag=1` through after `overloadWaitMs`. Default: false. */
  readonly overload?: false | '003001' | '003002' | 'wait';
  /** Real milliseconds that `wait_flag=1` waits for. Default: 0. */
  readonly overloadWaitMs?: number;
  /** The platform (002007), the main function's host (003004) or the main function (003005) is down. Default: false. */
  readonly maintenance?: false | '002007' | '003004' | '003005';
  /** The company's NextEngine (002003) or its main function (003003) is suspended. Default: false. */
  readonly suspended?: false | '002003' | '003003';
  /** What `count` of a search counts: the sources disagree. Default: `total`. */
  readonly searchCount?: 'total' | 'page';
  /** How many orders there are to search. Default: 25. */
  readonly orders?: number;
}

/** An account with nothing left open but the redirect URI. */
export type NextEngineSettings = Required<Omit<NextEngineAccount, 'redirectUri' | 'users'>> & {
  readonly redirectUri: string | undefined;
  readonly users: readonly NextEngineUser[];
};

const DAY_MS = 86_400_000;

const DEFAULTS: Omit<NextEngineSettings, 'clientId' | 'clientSecret' | 'redirectUri' | 'users'> = {
  accessTokenLifeMs: DAY_MS,
  refreshTokenLifeMs: 3 * DAY_MS,
  stateLifeMs: 300_000,
  graceMs: 0,
  neauthEndDates: false,
  authErrorResult: 'error',
  signInRotates: true,
  stateSingleUse: true,
  errorsCarryTokens: true,
  dropResponseAfterRenewal: false,
  overload: false,
  overloadWaitMs: 0,
  maintenance: false,
  suspended: false,
  searchCount: 'total',
  orders: 25,
};

const USER_KEYS = [
  'uid',
  'companyId',
  'companyNeId',
  'companyName',
  'companyKana',
  'picId',
  'picNeId',
  'picName',
  'picKana',
  'picMailAddress',
  'cancelled',
  'pair',
];

export function nextEngineSettings(account: NextEngineAccount): NextEngineSettings {
  const known = ['clientId', 'clientSecret', 'redirectUri', 'users', ...Object.keys(DEFAULTS)];
  assertKnownKeys('a NextEngine account', assertRecord('nextengine', account), known);
  const settings: NextEngineSettings = { ...DEFAULTS, redirectUri: undefined, ...account };
  assertText('clientId', settings.clientId);
  assertText('clientSecret', settings.clientSecret);
  if (settings.redirectUri !== undefined) assertText('redirectUri', settings.redirectUri);
  for (const key of ['accessTokenLifeMs', 'refreshTokenLifeMs', 'stateLifeMs'] as const)
    assertCount(key, settings[key], 1);
  for (const key of ['graceMs', 'overloadWaitMs', 'orders'] as const) assertCount(key, settings[key], 0);
  for (const [key, value] of Object.entries(DEFAULTS)) {
    if (value === true || (value === false && !(key in CHOICES)))
      assertBoolean(key, settings[key as keyof typeof DEFAULTS]);
  }
  for (const [key, choices] of Object.entries(CHOICES))
    assertOneOf(key, settings[key as keyof typeof DEFAULTS], choices);
  checkUsers(settings.users);
  return settings;
}

const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  authErrorResult: ['error', 'redirect'],
  overload: [false, '003001', '003002', 'wait'],
  maintenance: [false, '002007', '003004', '003005'],
  suspended: [false, '002003', '003003'],
  searchCount: ['total', 'page'],
};

function checkUsers(users: unknown): void {
  if (!Array.isArray(users)) throw new TypeError('"users" must be an array');
  for (const user of users) {
    assertKnownKeys('a NextEngine user', assertRecord('users', user), USER_KEYS);
    assertText('uid', user.uid);
    if (user.pair === undefined) continue;
    assertText('pair.accessToken', user.pair.accessToken);
    assertText('pair.refreshToken', user.pair.refreshToken);
  }
  assertUnique(
    'uid',
    users.map(({ uid }) => uid),
  );
}
