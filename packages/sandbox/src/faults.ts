import { assertCount, assertKnownKeys, assertOneOf, assertRecord, assertText } from './check.js';
import { PLATFORM_NAMES, type PlatformName } from './platform.js';

export const FAULT_KINDS = [
  'drop',
  'delay',
  'status',
  'malformed',
  'html',
  'code',
  'busy',
  'maintenance',
  'late',
] as const;

/**
 * What goes wrong:
 *
 * - `drop`: the work is done, then the connection is cut. The answer is lost.
 * - `delay`: the work is done at once, the answer leaves after `delayMs`.
 * - `status`: an HTTP status (503) with an empty body, as from a gateway. No work unless `work` is true.
 * - `malformed`: the work is done, and half of the JSON arrives.
 * - `html`: an HTML page (HTTP 200) where JSON is expected. No work unless `work` is true.
 * - `code`: the platform's own error envelope with `code`.
 * - `busy`, `maintenance`: the same with the platform's own code for it.
 * - `late`: the connection is cut at once and the work is done later: after `delayMs`, or when `runLate` is called.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A fault for the next calls that match. Members that are left out match every platform call. */
export interface FaultRule {
  /** What goes wrong. */
  readonly kind: FaultKind;
  /** Only calls of this platform. */
  readonly platform?: PlatformName;
  /** The path template as in the call log, or the path as requested. */
  readonly endpoint?: string;
  /** Only calls for this app id. */
  readonly account?: string;
  /** Only calls about this user, authorizer or corp. */
  readonly subject?: string;
  /** How many calls it hits before it is used up. Default: 1. */
  readonly count?: number | 'always';
  /** Real milliseconds. Required by `delay`; `late` without it waits for `runLate`. */
  readonly delayMs?: number;
  /** HTTP status of `status` (503), `html` (200) and DingTalk's new-style codes. */
  readonly status?: number;
  /** Required by `code`; for `busy` and `maintenance` another code than the usual one. */
  readonly code?: string | number;
  /** Text of the error envelope. */
  readonly message?: string;
  /** Whether the platform does the work before the faulty answer; the default depends on `kind`. */
  readonly work?: boolean;
  /** With `late`: leave the connection open, and answer when the work is done if the caller still waits. */
  readonly hold?: boolean;
}

const FAULT_KEYS = [
  'kind',
  'platform',
  'endpoint',
  'account',
  'subject',
  'count',
  'delayMs',
  'status',
  'code',
  'message',
  'work',
  'hold',
] as const;

/** Accepts a rule as written by hand or received as JSON. Throws a `TypeError` that names the wrong member. */
export function checkFaultRule(value: unknown): FaultRule {
  const rule = assertRecord('fault', value);
  assertKnownKeys('fault', rule, FAULT_KEYS);
  assertOneOf('kind', rule['kind'], FAULT_KINDS);
  if (rule['platform'] !== undefined) assertOneOf('platform', rule['platform'], PLATFORM_NAMES);
  for (const key of ['endpoint', 'account', 'subject', 'message']) {
    if (rule[key] !== undefined) assertText(key, rule[key]);
  }
  if (rule['count'] !== undefined && rule['count'] !== 'always') assertCount('count', rule['count'], 1);
  if (rule['delayMs'] !== undefined || rule['kind'] === 'delay') assertCount('delayMs', rule['delayMs'], 0);
  if (rule['status'] !== undefined) assertCount('status', rule['status'], 200, 599);
  if (rule['code'] !== undefined || rule['kind'] === 'code') {
    if (!['string', 'number'].includes(typeof rule['code'])) throw new TypeError('"code" must be the platform\'s code');
  }
  for (const key of ['work', 'hold']) {
    if (rule[key] !== undefined && typeof rule[key] !== 'boolean') throw new TypeError(`"${key}" must be a boolean`);
  }
  return { ...rule } as unknown as FaultRule;
}
