import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

/** Switches that a company and a suite both have. Can be given with the account and changed while the sandbox runs. */
export interface WeComCommonSwitches {
  /** Lifetime of a token or ticket, in seconds; for those issued from now on. Default: 7200. */
  readonly expiresIn?: number;
  /** What a repeated token call says in `expires_in`. Default: `constant`, as reported. */
  readonly repeatExpiresIn?: 'constant' | 'remaining';
  /** Calls of one path in a minute; more are refused for 60 seconds. Default: 10 000. */
  readonly minuteCallQuota?: number;
  /** Calls of one path in an hour; more are refused for 60 minutes. Default: 150 000. */
  readonly hourCallQuota?: number;
  /** Calls of one path in a natural day of China; more are refused for the rest of it. Default: false, no limit. */
  readonly dailyCallQuota?: number | false;
  /** Addresses that may call; others get 60020. Default: everybody. */
  readonly ipAllowList?: readonly string[];
  /** Fields that successful answers lack. Default: none. */
  readonly omit?: readonly ('errcode' | 'expires_in')[];
  /** Send JSON as `text/plain`. Default: false. */
  readonly textPlain?: boolean;
  /** End every `errmsg` with a hint, the caller's address and a link. Default: true. */
  readonly hint?: boolean;
  /** Real milliseconds that every answer takes. Default: 0. */
  readonly answerMs?: number;
  /** Calls that may be under way at once; more get 45033. Wants `answerMs`. Default: false, no limit. */
  readonly concurrency?: number | false;
}

/** How a company's simulator behaves. */
export interface WeComSwitches extends WeComCommonSwitches {
  /** What a repeated ticket call says in `expires_in`. Default: `constant`, as the platform does. */
  readonly ticketExpiresIn?: 'constant' | 'remaining';
  /** Whether the agents of a company get one ticket for `wx.config`, or one each. Default: `corp`. */
  readonly jsapiTicketPer?: 'corp' | 'agent';
  /** Ticket calls of one path in an hour by the whole company; more are refused for 60 minutes. Default: 400. */
  readonly ticketCorpQuota?: number;
  /** The same by one agent. Default: 100. */
  readonly ticketAgentQuota?: number;
  /** Failed calls of `gettoken` in an hour, after which all are refused for 60 minutes. Default: 2000. */
  readonly failedTokenQuota?: number | false;
  /** What a call with a token gets that died before its end. Default: 40014. */
  readonly killedCode?: 40014 | 42001;
  /** Whether the provider's token is the same until its end, or new with each call and the one before dead. Default: `same`. */
  readonly providerToken?: 'same' | 'new';
}

/** How a suite's simulator behaves. */
export interface WeComSuiteSwitches extends WeComCommonSwitches {
  /** How often a suite ticket is pushed. Default: 600 000; 0: never by itself. */
  readonly ticketEveryMs?: number;
  /** How long a suite ticket works. Default: 1 800 000. */
  readonly ticketLifeMs?: number;
  /** No suite ticket is pushed, until this is false again. Default: false. */
  readonly ticketsStopped?: boolean;
  /** Length of suite tickets, 32 to 512. Default: 512, the longest the platform allows. */
  readonly ticketBytes?: number;
  /** Lifetime of a pre-auth code, in seconds. Default: 1200. */
  readonly preAuthCodeSeconds?: number;
  /** Lifetime of an auth code, in seconds. Default: 600. */
  readonly authCodeSeconds?: number;
  /** Length of auth codes, 64 to 512. Default: 512. */
  readonly authCodeBytes?: number;
  /** Length of permanent codes, 32 to 512. Default: 512. */
  readonly permanentCodeBytes?: number;
  /** `get_suite_token` and `get_corp_token` send no `errcode` with a success. Default: true. */
  readonly bareSuccess?: boolean;
  /** An installation on the install page is pushed as `create_auth`, too. Default: true. */
  readonly redirectPushes?: boolean;
  /** What a call with a suite token gets that died before its end. Default: 40082. */
  readonly killedCode?: 40082 | 42009;
}

export type WeComCommonSettings = Required<WeComCommonSwitches>;
export type WeComSwitchSettings = Required<WeComSwitches>;
export type WeComSuiteSwitchSettings = Required<WeComSuiteSwitches>;

const COMMON: WeComCommonSettings = {
  expiresIn: 7200,
  repeatExpiresIn: 'constant',
  minuteCallQuota: 10_000,
  hourCallQuota: 150_000,
  dailyCallQuota: false,
  ipAllowList: [],
  omit: [],
  textPlain: false,
  hint: true,
  answerMs: 0,
  concurrency: false,
};

export const DEFAULT_SWITCHES: WeComSwitchSettings = Object.freeze({
  ...COMMON,
  ticketExpiresIn: 'constant',
  jsapiTicketPer: 'corp',
  ticketCorpQuota: 400,
  ticketAgentQuota: 100,
  failedTokenQuota: 2000,
  killedCode: 40014,
  providerToken: 'same',
});

export const DEFAULT_SUITE_SWITCHES: WeComSuiteSwitchSettings = Object.freeze({
  ...COMMON,
  ticketEveryMs: 600_000,
  ticketLifeMs: 1_800_000,
  ticketsStopped: false,
  ticketBytes: 512,
  preAuthCodeSeconds: 1200,
  authCodeSeconds: 600,
  authCodeBytes: 512,
  permanentCodeBytes: 512,
  bareSuccess: true,
  redirectPushes: true,
  killedCode: 40082,
});

type Check = (name: string, value: unknown) => unknown;

const from =
  (min: number, max?: number): Check =>
  (name, value) =>
    assertCount(name, value, min, max);
const fromOrFalse =
  (min: number): Check =>
  (name, value) =>
    value === false || assertCount(name, value, min);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (name, value) =>
    assertOneOf(name, value, allowed);
const listOf =
  (check: Check): Check =>
  (name, value) => {
    if (!Array.isArray(value)) throw new TypeError(`"${name}" must be an array`);
    for (const each of value) check(name, each);
  };

const COMMON_CHECKS: Readonly<Record<keyof WeComCommonSettings, Check>> = {
  expiresIn: from(1),
  repeatExpiresIn: oneOf('constant', 'remaining'),
  minuteCallQuota: from(0),
  hourCallQuota: from(0),
  dailyCallQuota: fromOrFalse(0),
  ipAllowList: listOf(assertText),
  omit: listOf(oneOf('errcode', 'expires_in')),
  textPlain: assertBoolean,
  hint: assertBoolean,
  answerMs: from(0),
  concurrency: fromOrFalse(1),
};

const CHECKS: Readonly<Record<keyof WeComSwitchSettings, Check>> = {
  ...COMMON_CHECKS,
  ticketExpiresIn: oneOf('constant', 'remaining'),
  jsapiTicketPer: oneOf('corp', 'agent'),
  ticketCorpQuota: from(0),
  ticketAgentQuota: from(0),
  failedTokenQuota: fromOrFalse(1),
  killedCode: oneOf(40014, 42001),
  providerToken: oneOf('same', 'new'),
};

const SUITE_CHECKS: Readonly<Record<keyof WeComSuiteSwitchSettings, Check>> = {
  ...COMMON_CHECKS,
  ticketEveryMs: from(0),
  ticketLifeMs: from(1),
  ticketsStopped: assertBoolean,
  ticketBytes: from(32, 512),
  preAuthCodeSeconds: from(1),
  authCodeSeconds: from(1),
  authCodeBytes: from(64, 512),
  permanentCodeBytes: from(32, 512),
  bareSuccess: assertBoolean,
  redirectPushes: assertBoolean,
  killedCode: oneOf(40082, 42009),
};

export const SWITCH_NAMES: readonly string[] = Object.keys(CHECKS);
export const SUITE_SWITCH_NAMES: readonly string[] = Object.keys(SUITE_CHECKS);

/** Puts some switches over those that stand. Throws a `TypeError` for one that does not exist or cannot be. */
export function switched(standing: WeComSwitchSettings, change: WeComSwitches): WeComSwitchSettings {
  return checked('the switches of a WeCom company', CHECKS, { ...standing, ...present(change) });
}

/** The same for a suite. */
export function suiteSwitched(
  standing: WeComSuiteSwitchSettings,
  change: WeComSuiteSwitches,
): WeComSuiteSwitchSettings {
  return checked('the switches of a WeCom suite', SUITE_CHECKS, { ...standing, ...present(change) });
}

function checked<T extends object>(what: string, checks: Readonly<Record<keyof T, Check>>, settings: T): T {
  assertKnownKeys(what, settings, Object.keys(checks));
  for (const [name, value] of Object.entries(settings)) checks[name as keyof T](name, value);
  return settings;
}

/** What is there but undefined counts as left out. */
function present(change: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(assertRecord('switches', change)).filter(([, value]) => value !== undefined),
  );
}
