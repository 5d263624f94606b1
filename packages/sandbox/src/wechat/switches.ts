import { assertBoolean, assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from '../check.js';

/** What accounts and Open Platforms have in common. Can be given with them and changed while the sandbox runs. */
export interface WeChatSwitches {
  /** Calls of any counted endpoint per natural day in China. The platform tells no number. Default: 100 000. */
  readonly dailyCallQuota?: number;
  /** The same for single paths, such as `{ '/cgi-bin/ticket/getticket': 10 }`; it goes before the other quotas. Default: none. */
  readonly dailyQuotas?: Readonly<Record<string, number>>;
  /** Calls per minute of single paths. Default: none, but for what accounts say. */
  readonly minuteQuotas?: Readonly<Record<string, number>>;
  /** Lifetime of a token or ticket, in seconds. Default: 7200. */
  readonly expiresIn?: number;
  /** How long a token works next to its successor, and how early `stable_token` makes one. Default: 300 000. */
  readonly overlapMs?: number;
  /** A token two generations back: `refused` at once, or good for its own `overlap`. Default: `refused`. */
  readonly olderTokens?: 'refused' | 'overlap';
  /** Fields that successful answers lack, as seen behind proxies. Default: none. */
  readonly omit?: readonly ('errcode' | 'expires_in')[];
  /** Send JSON as `text/plain`. Default: false. */
  readonly textPlain?: boolean;
  /** End every `errmsg` with a request id. Default: true. */
  readonly rid?: boolean;
  /** Addresses that may ask for tokens; others get 40164, of an Open Platform 61004. Default: everybody. */
  readonly ipAllowList?: readonly string[];
  /** What token endpoints answer whatever is asked, such as 40243 (secret frozen), 50004 or 50007. Default: false. */
  readonly tokenRefusal?: false | number;
  /** Paths that answer 48001, because the account may not use them. Default: none. */
  readonly unauthorizedPaths?: readonly string[];
}

export const COMMON_SWITCHES: Required<WeChatSwitches> = Object.freeze({
  dailyCallQuota: 100_000,
  dailyQuotas: {},
  minuteQuotas: {},
  expiresIn: 7200,
  overlapMs: 300_000,
  olderTokens: 'refused',
  omit: [],
  textPlain: false,
  rid: true,
  ipAllowList: [],
  tokenRefusal: false,
  unauthorizedPaths: [],
});

/** Throws a `TypeError` that names the first of the common switches that cannot be. */
export function checkCommonSwitches(switches: Required<WeChatSwitches>): void {
  assertCount('dailyCallQuota', switches.dailyCallQuota, 0);
  for (const name of ['dailyQuotas', 'minuteQuotas'] as const)
    for (const quota of Object.values(assertRecord(name, switches[name]))) assertCount(name, quota, 0);
  assertCount('expiresIn', switches.expiresIn, 1);
  assertCount('overlapMs', switches.overlapMs, 0);
  assertOneOf('olderTokens', switches.olderTokens, ['refused', 'overlap']);
  for (const field of assertList('omit', switches.omit)) assertOneOf('omit', field, ['errcode', 'expires_in']);
  assertBoolean('textPlain', switches.textPlain);
  assertBoolean('rid', switches.rid);
  for (const name of ['ipAllowList', 'unauthorizedPaths'] as const)
    for (const each of assertList(name, switches[name])) assertText(name, each);
  assertCode('tokenRefusal', switches.tokenRefusal);
}

/** A change of switches over those that stand; throws a `TypeError` for what is no switch. */
export function overlaid<T extends object>(what: string, standing: T, change: object, known: readonly string[]): T {
  assertKnownKeys(what, assertRecord('switches', change), known);
  return { ...standing, ...change };
}

export function assertList(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" must be an array`);
  return value;
}

export function assertUrl(name: string, value: unknown): string {
  const text = assertText(name, value);
  if (!URL.canParse(text) || !['http:', 'https:'].includes(new URL(text).protocol))
    throw new TypeError(`"${name}" must be an http or https URL`);
  return text;
}

function assertCode(name: string, value: unknown): void {
  if (value !== false && (typeof value !== 'number' || !Number.isInteger(value) || value === 0))
    throw new TypeError(`"${name}" must be false or an errcode`);
}
