import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

/** How an app's simulator behaves. Can be given with the account and changed while the sandbox runs. */
export interface NextEngineSwitches {
  /** The registered redirect URI; the sign-in page refuses any other. Default: every URI is accepted. */
  readonly redirectUri?: string;
  /** Lifetime of an access token, for pairs issued from now on. Default: 86 400 000 (1 day). */
  readonly accessTokenLifeMs?: number;
  /** Lifetime of a refresh token, for pairs issued from now on. Default: 259 200 000 (3 days). */
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
  /** The main function is overloaded; `wait` keeps calls with `wait_flag=1` waiting. Default: false. */
  readonly overload?: false | '003001' | '003002' | 'wait';
  /** Real milliseconds that `wait_flag=1` waits for; less if the overload is switched off meanwhile. Default: 0. */
  readonly overloadWaitMs?: number;
  /** What such a wait ends with: the call runs, or 003001 because there is no connection yet. Default: `run`. */
  readonly overloadWaitEnd?: 'run' | '003001';
  /** The platform (002007), the main function's host (003004) or the main function (003005) is down. Default: false. */
  readonly maintenance?: false | '002007' | '003004' | '003005';
  /** All companies' NextEngine (002003) or main function (003003) is suspended. Default: false. */
  readonly suspended?: false | '002003' | '003003';
  /** What a user's calls get once the company has cancelled: nothing is known, so calls go on by default. Default: false. */
  readonly cancelledCode?: false | string;
  /** `count` as text, as in the platform's samples, or as a number. Default: `text`. */
  readonly countType?: 'text' | 'number';
  /** What `count` of a search counts: the sources disagree. Default: `total`. */
  readonly searchCount?: 'total' | 'page';
  /** How many orders there are to search. Default: 25. */
  readonly orders?: number;
  /** Calls a month that are free. More are counted as `over`, never refused. Default: 1000. */
  readonly monthlyFreeCalls?: number;
}

/** Switches with nothing left open but the redirect URI. */
export type NextEngineSwitchSettings = Required<Omit<NextEngineSwitches, 'redirectUri'>> & {
  readonly redirectUri: string | undefined;
};

const DAY_MS = 86_400_000;

export const DEFAULT_SWITCHES: NextEngineSwitchSettings = Object.freeze({
  redirectUri: undefined,
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
  overloadWaitEnd: 'run',
  maintenance: false,
  suspended: false,
  cancelledCode: false,
  countType: 'text',
  searchCount: 'total',
  orders: 25,
  monthlyFreeCalls: 1000,
});

export const SWITCH_NAMES: readonly string[] = Object.keys(DEFAULT_SWITCHES);

export const SUSPENSIONS = [false, '002003', '003003'] as const;

/** Lowest value of the switches that are numbers. */
const COUNTS = {
  accessTokenLifeMs: 1,
  refreshTokenLifeMs: 1,
  stateLifeMs: 1,
  graceMs: 0,
  overloadWaitMs: 0,
  orders: 0,
  monthlyFreeCalls: 0,
} as const;

const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  authErrorResult: ['error', 'redirect'],
  overload: [false, '003001', '003002', 'wait'],
  overloadWaitEnd: ['run', '003001'],
  maintenance: [false, '002007', '003004', '003005'],
  suspended: SUSPENSIONS,
  countType: ['text', 'number'],
  searchCount: ['total', 'page'],
};

const FLAGS = [
  'neauthEndDates',
  'signInRotates',
  'stateSingleUse',
  'errorsCarryTokens',
  'dropResponseAfterRenewal',
] as const;

/** Puts some switches over those that stand. Throws a `TypeError` for one that does not exist or cannot be. */
export function switched(standing: NextEngineSwitchSettings, change: NextEngineSwitches): NextEngineSwitchSettings {
  assertKnownKeys('the NextEngine switches', assertRecord('switches', change), SWITCH_NAMES);
  const settings: NextEngineSwitchSettings = { ...standing, ...change };
  if (settings.redirectUri !== undefined) assertText('redirectUri', settings.redirectUri);
  for (const [name, min] of Object.entries(COUNTS)) assertCount(name, settings[name as keyof typeof COUNTS], min);
  for (const name of FLAGS) assertBoolean(name, settings[name]);
  for (const [name, choices] of Object.entries(CHOICES))
    assertOneOf(name, settings[name as keyof NextEngineSwitchSettings], choices);
  if (settings.cancelledCode !== false && !/^\d{6}$/.test(assertText('cancelledCode', settings.cancelledCode)))
    throw new TypeError('"cancelledCode" must be false or a code of six digits');
  return settings;
}
