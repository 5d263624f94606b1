import { assertBoolean, assertKnownKeys, assertOneOf, assertRecord, assertText, assertUnique } from '../check.js';
import {
  DEFAULT_SWITCHES,
  type NextEngineSwitches,
  type NextEngineSwitchSettings,
  SUSPENSIONS,
  SWITCH_NAMES,
  switched,
} from './switches.js';

/** A person who can sign in. Members that are left out are filled with made-up values. */
export interface NextEngineUser {
  /** The user's id. */
  readonly uid: string;
  /** The company at the main function, and at the platform. Users without one are of company `1000`. */
  readonly companyId?: string;
  /** Company id of the main function. */
  readonly companyNeId?: string;
  /** Company name. */
  readonly companyName?: string;
  /** Company name in kana. */
  readonly companyKana?: string;
  /** The person's id on the platform. */
  readonly picId?: string;
  /** The person's id of the main function. */
  readonly picNeId?: string;
  /** The person's name. */
  readonly picName?: string;
  /** The person's name in kana. */
  readonly picKana?: string;
  /** The person's mail address. */
  readonly picMailAddress?: string;
  /** The user's NextEngine (002003, and 001007 at sign-in) or main function (003003) is suspended. Default: false. */
  readonly suspended?: false | '002003' | '003003';
  /** The user's company no longer uses the app: `/api_app/company` leaves it out. Default: false. */
  readonly cancelled?: boolean;
  /** A pair the user holds from the start, issued at `issuedAt` (sandbox time, default: the start). */
  readonly pair?: {
    /** Access token. */
    readonly accessToken: string;
    /** Refresh token. */
    readonly refreshToken: string;
    /** When it was issued, Unix ms. */
    readonly issuedAt?: number;
  };
}

/** One app and its users, with the switches of its simulator. */
export interface NextEngineAccount extends NextEngineSwitches {
  /** Client id of the app. */
  readonly clientId: string;
  /** Client secret of the app. */
  readonly clientSecret: string;
  /** Who can sign in; the `uid`s differ. */
  readonly users: readonly NextEngineUser[];
}

/** An account with nothing left open but the redirect URI. */
export interface NextEngineSettings extends NextEngineSwitchSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly users: readonly NextEngineUser[];
}

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
  'suspended',
  'cancelled',
  'pair',
];

/** Checks an account and fills in the defaults. Throws a `TypeError` that begins with the wrong member. */
export function nextEngineSettings(account: NextEngineAccount): NextEngineSettings {
  const known = ['clientId', 'clientSecret', 'users', ...SWITCH_NAMES];
  assertKnownKeys('a NextEngine account', assertRecord('nextengine', account), known);
  const { clientId, clientSecret, users, ...switches } = account;
  assertText('clientId', clientId);
  assertText('clientSecret', clientSecret);
  checkUsers(users);
  return { ...switched(DEFAULT_SWITCHES, switches), clientId, clientSecret, users };
}

function checkUsers(users: unknown): void {
  if (!Array.isArray(users)) throw new TypeError('"users" must be an array');
  users.forEach(checkUser);
  assertUnique(
    'uid',
    users.map(({ uid }) => uid),
  );
}

/** Throws a `TypeError` that begins with the wrong member. */
export function checkUser(user: NextEngineUser): void {
  assertKnownKeys('a NextEngine user', assertRecord('user', user), USER_KEYS);
  assertText('uid', user.uid);
  if (user.suspended !== undefined) assertOneOf('suspended', user.suspended, SUSPENSIONS);
  if (user.cancelled !== undefined) assertBoolean('cancelled', user.cancelled);
  if (user.pair === undefined) return;
  assertText('pair.accessToken', user.pair.accessToken);
  assertText('pair.refreshToken', user.pair.refreshToken);
}
