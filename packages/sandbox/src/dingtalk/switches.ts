import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** What an internal app and a suite have in common. All can be changed while the sandbox runs. */
export interface DingTalkCommonSwitches {
  /** Lifetime of a token or ticket since its last renewal, in seconds. Default: 7200. */
  readonly expiresIn?: number;
  /** A JS ticket ends this long after its creation, however often it was renewed. Default: 86 400 000 (24 h). */
  readonly ticketMaxLifeMs?: number;
  /** What a JS ticket call says in `expireIn` when the end of its life is nearer. Default: `constant`. */
  readonly ticketExpiresIn?: 'constant' | 'remaining';
  /** Whether a repeated call brings the same JS ticket, or (2016) a new one that ends the one before. Default: `same`. */
  readonly ticketRepeat?: 'same' | 'new';
  /** What a repeated call of `/v1.0/oauth2/{corpId}/token` brings. Not documented. Default: `same`. */
  readonly unifiedRepeat?: 'same' | 'new';
  /** What the old API answers to an expired token. Default: 40014, as observed. */
  readonly expiredCode?: 40014 | 42001;
  /** The lifetime field of token answers, as seen in the wild. Default: `normal`. */
  readonly lifetimeField?: 'normal' | 'missing' | 'zero';
  /** HTTP status of `unauthorized.client`: the sources disagree. Default: 401. */
  readonly unauthorizedClientStatus?: 400 | 401;
  /** Addresses that may make business calls, one `*` in each allowed; others get 60020 or IpNotInWhiteList. Default: everybody. */
  readonly ipAllowList?: readonly string[];
  /** Whether the list guards token endpoints as well. Not documented. Default: false. */
  readonly ipListGuardsTokens?: boolean;
  /** Business calls of one path (and, of a suite, one organisation) in a second of sandbox time; 90018 beyond. 0: no limit. Default: 0. */
  readonly callsPerSecond?: number;
  /** The same for token endpoints. Default: 0. */
  readonly tokenCallsPerSecond?: number;
  /** Business calls of one organisation in a month, contacts excepted; 90020 beyond. 0: no limit. Default: 0. */
  readonly monthlyCalls?: number;
  /** How long the code of the login page, of a scan or of the admin console works. Default: 5 min. */
  readonly codeLifeMs?: number;
  /** How long a user's refresh token works. Default: 30 days. */
  readonly userRefreshLifeMs?: number;
  /** Whether a refresh token works once, or beside its successor. Default: `strict`. */
  readonly userRefresh?: 'strict' | 'lenient';
  /** Whether each refresh starts the 30 days anew. Default: true. */
  readonly userRefreshRestarts?: boolean;
  /** What a refresh does to the access token: a new one, or the same, renewed. Default: `new`. */
  readonly userTokenRepeat?: 'new' | 'same';
  /** Whether an access token works beside the one that a refresh brought. Default: `valid`. */
  readonly supersededUserTokens?: 'valid' | 'dead';
  /** How the lifetime of a user's token is spelt. Default: `expireIn`. */
  readonly userLifetimeField?: 'expireIn' | 'expiresIn';
  /** What the new API answers to an expired user token. Default: `accesstoken.expired`. */
  readonly userExpiredCode?: 'accesstoken.expired' | 'InvalidAuthentication';
  /** What a spent code and a dead refresh token get. Default: `invalidParameter.authCode.notFound`. */
  readonly userRefusedCode?: 'invalidParameter.authCode.notFound' | 'invalidCode';
  /** Lifetime of an SSO token, in seconds; only the new API tells it. Default: 3600. */
  readonly ssoExpiresIn?: number;
  /** What a repeated call for an SSO token brings. Not documented. Default: `same`. */
  readonly ssoRepeat?: 'same' | 'new';
  /** Sandbox time between two tries of a push that nobody acknowledged. Default: 5 s. */
  readonly repushEveryMs?: number;
  /** How often a push is tried in all. Default: 100. */
  readonly repushTries?: number;
  /** What the signature of a push is called in the URL. Default: `signature`. */
  readonly signatureParameter?: 'signature' | 'msg_signature' | 'both';
  /** Real milliseconds a Stream client may take to acknowledge an event. Default: 5000. */
  readonly streamAckMs?: number;
}

/** Switches of an internal app. */
export interface DingTalkSwitches extends DingTalkCommonSwitches {
  /** Whether `/v1.0/oauth2/{corpId}/token` has a token of its own. Not documented. Default: `own`. */
  readonly unifiedToken?: 'own' | 'shared';
}

/** Switches of a suite. */
export interface DingTalkSuiteSwitches extends DingTalkCommonSwitches {
  /** Sandbox time between two suite tickets; 0: never by itself. Default: 5 h. */
  readonly suiteTicketEveryMs?: number;
  /** How long a ticket works beside its successor. Not documented. Default: 0. */
  readonly suiteTicketGraceMs?: number;
  /** Whether tickets are not pushed by themselves. Default false. */
  readonly suiteTicketsStopped?: boolean;
  /** A test or custom app takes any text for a ticket. Default: false. */
  readonly anySuiteTicket?: boolean;
  /** What a repeated call for a suite token brings. Not documented. Default: `same`. */
  readonly suiteTokenRepeat?: 'same' | 'new';
  /** Whether a suite token works beside its successor. Default: `valid`. */
  readonly supersededSuiteTokens?: 'valid' | 'dead';
  /** Whether an organisation's token works beside its successor. Not documented. Default: `valid`. */
  readonly supersededCorpTokens?: 'valid' | 'dead';
  /** How far the time of a signed request may be off. Default: 60 000. */
  readonly signatureToleranceMs?: number;
  /** What a signed request with an old ticket gets. Default: 853005. */
  readonly staleTicketCode?: 853005 | 40085;
  /** What a dead suite token gets at `/service/...`. Default: 40082. */
  readonly killedSuiteCode?: 40082 | 42009;
  /** What the old API answers for an organisation that has not enabled the suite. Default: 40084. */
  readonly notAuthorizedCode?: 40084 | 40013 | 40091;
  /** HTTP status of `invalidSuiteTicket`: the sources disagree. Default: 400. */
  readonly invalidSuiteTicketStatus?: 400 | 500;
  /** Whether successes of `/service/...` carry no `errcode`, as in 2016. Default: false. */
  readonly bareSuccess?: boolean;
  /** How events are told: in SyncHTTP's envelope, plainly as before, or over Stream. Default: `syncHttp`; without a callback URL `stream`. */
  readonly pushMode?: 'auto' | 'syncHttp' | 'legacy' | 'stream';
  /** What `biz_data` is in SyncHTTP's envelope. Default: `string`. */
  readonly bizData?: 'string' | 'object';
  /** What must come back for `check_create_suite_url` and `check_update_suite_url`: today `success`, in 2016 the `Random`. Default: `success`. */
  readonly checkReply?: 'success' | 'random';
}

type Settings<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };
/** Switches with nothing left open. */
export type DingTalkCommonSettings = Settings<DingTalkCommonSwitches>;
export type DingTalkSwitchSettings = Settings<DingTalkSwitches>;
export type DingTalkSuiteSwitchSettings = Settings<DingTalkSuiteSwitches>;

type Check = (name: string, value: unknown) => unknown;
type Table<T> = { readonly [Name in keyof T]-?: readonly [initial: Exclude<T[Name], undefined>, check: Check] };

const atLeast =
  (min: number): Check =>
  (name, value) =>
    assertCount(name, value, min);

function oneOf<T extends string | number>(...allowed: readonly [T, ...T[]]): readonly [T, Check] {
  return [allowed[0], (name, value) => assertOneOf(name, value, allowed)];
}

function addresses(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" must be an array of addresses`);
  for (const address of value) assertText(name, address);
}

const COMMON: Table<DingTalkCommonSwitches> = {
  expiresIn: [7200, atLeast(1)],
  ticketMaxLifeMs: [DAY_MS, atLeast(1)],
  ticketExpiresIn: oneOf('constant', 'remaining'),
  ticketRepeat: oneOf('same', 'new'),
  unifiedRepeat: oneOf('same', 'new'),
  expiredCode: oneOf(40014, 42001),
  lifetimeField: oneOf('normal', 'missing', 'zero'),
  unauthorizedClientStatus: oneOf(401, 400),
  ipAllowList: [[], addresses],
  ipListGuardsTokens: [false, assertBoolean],
  callsPerSecond: [0, atLeast(0)],
  tokenCallsPerSecond: [0, atLeast(0)],
  monthlyCalls: [0, atLeast(0)],
  codeLifeMs: [5 * MINUTE_MS, atLeast(1)],
  userRefreshLifeMs: [30 * DAY_MS, atLeast(1)],
  userRefresh: oneOf('strict', 'lenient'),
  userRefreshRestarts: [true, assertBoolean],
  userTokenRepeat: oneOf('new', 'same'),
  supersededUserTokens: oneOf('valid', 'dead'),
  userLifetimeField: oneOf('expireIn', 'expiresIn'),
  userExpiredCode: oneOf('accesstoken.expired', 'InvalidAuthentication'),
  userRefusedCode: oneOf('invalidParameter.authCode.notFound', 'invalidCode'),
  ssoExpiresIn: [3600, atLeast(1)],
  ssoRepeat: oneOf('same', 'new'),
  repushEveryMs: [5000, atLeast(0)],
  repushTries: [100, atLeast(1)],
  signatureParameter: oneOf('signature', 'msg_signature', 'both'),
  streamAckMs: [5000, atLeast(1)],
};

const APP: Table<DingTalkSwitches> = { ...COMMON, unifiedToken: oneOf('own', 'shared') };

const SUITE: Table<DingTalkSuiteSwitches> = {
  ...COMMON,
  suiteTicketEveryMs: [5 * HOUR_MS, atLeast(0)],
  suiteTicketGraceMs: [0, atLeast(0)],
  suiteTicketsStopped: [false, assertBoolean],
  anySuiteTicket: [false, assertBoolean],
  suiteTokenRepeat: oneOf('same', 'new'),
  supersededSuiteTokens: oneOf('valid', 'dead'),
  supersededCorpTokens: oneOf('valid', 'dead'),
  signatureToleranceMs: [MINUTE_MS, atLeast(0)],
  staleTicketCode: oneOf(853005, 40085),
  killedSuiteCode: oneOf(40082, 42009),
  notAuthorizedCode: oneOf(40084, 40013, 40091),
  invalidSuiteTicketStatus: oneOf(400, 500),
  bareSuccess: [false, assertBoolean],
  pushMode: oneOf('auto', 'syncHttp', 'legacy', 'stream'),
  bizData: oneOf('string', 'object'),
  checkReply: oneOf('success', 'random'),
};

export const APP_SWITCHES = Object.keys(APP);
export const SUITE_SWITCHES = Object.keys(SUITE);

/** The defaults of an app's switches, or what they were, with a checked change laid over them. */
export function appSwitched(change: DingTalkSwitches, before = initial(APP)): DingTalkSwitchSettings {
  return switched(APP, before, change);
}

/** The same for a suite. */
export function suiteSwitched(change: DingTalkSuiteSwitches, before = initial(SUITE)): DingTalkSuiteSwitchSettings {
  return switched(SUITE, before, change);
}

function initial<T>(table: Table<T>): Settings<T> {
  const rows = Object.entries(table) as [string, readonly [unknown, Check]][];
  return Object.fromEntries(rows.map(([name, [value]]) => [name, value])) as Settings<T>;
}

function switched<T extends object>(table: Table<T>, before: Settings<T>, change: T): Settings<T> {
  assertKnownKeys('the switches', assertRecord('switches', change), Object.keys(table));
  for (const [name, value] of Object.entries(change)) table[name as keyof T][1](name, value);
  return { ...before, ...change };
}

/** The members of an account that are switches. */
export function switchesOf<T extends object>(account: T, names: readonly string[]): Partial<T> {
  return Object.fromEntries(Object.entries(account).filter(([name]) => names.includes(name))) as Partial<T>;
}
