import { ACCOUNT_OPTIONS, asObject, optionProblems } from '@evertoken/core';
import type { AccessTokenEndpoint, AppOptions, PushOptions } from './app.js';
import { pushKeyProblems } from './push/push-keys.js';

/** Options that only some accounts have. */
export interface MoreOptions {
  readonly names: readonly string[];
  readonly problems: () => readonly string[];
}

const ENDPOINTS: readonly unknown[] = ['stable_token', 'token'] satisfies AccessTokenEndpoint[];
const APP_ID = /^[\x21-\x7e]{1,128}$/;

/** 5 min: what others do. */
export const PROBE_MS = 5 * 60_000;

/** What is wrong with the options, as sentences that begin with the quoted option; none shows a value. */
export function appProblems(options: AppOptions, kinds: readonly string[], more?: MoreOptions): string[] {
  const problems = optionProblems(options, {
    required: ['name', 'appId', 'secret'],
    optional: [
      'endpoint',
      'baseUrl',
      'dispatcher',
      'probe',
      'push',
      'clock',
      'random',
      ...(more?.names ?? []),
      ...ACCOUNT_OPTIONS,
    ],
  });
  const { appId, secret, endpoint, baseUrl, refresh, fetch, dispatcher, probe, push } = options;
  if (isFilled(appId) && !isAppId(appId)) problems.push('"appId" must be 1 to 128 visible ASCII characters');
  if (isFilled(secret) && secret !== secret.trim()) problems.push('"secret" must not begin or end with blanks');
  if (endpoint !== undefined && !isEndpointOption(endpoint)) {
    problems.push('"endpoint" must be "stable_token" or "token", or a list of both');
  }
  if (baseUrl !== undefined && !isBaseUrl(baseUrl)) {
    problems.push('"baseUrl" must be an http or https URL without credentials, query and fragment');
  }
  if (fetch !== undefined && typeof fetch !== 'function')
    problems.push(`"fetch" must be a function, got ${typeof fetch}`);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    problems.push('"dispatcher" must have a function "dispatch", as the agents of undici have');
  }
  if (probe !== undefined && typeof probe !== 'boolean' && !isProbe(probe)) {
    problems.push('"probe" must be true, false or { everyMs }, a positive number of milliseconds');
  }
  problems.push(...pushProblems(push), ...(more?.problems() ?? []));
  // Its shape is core's to judge; which kinds there are, only we know.
  const wanted: readonly string[] = Array.isArray(refresh?.kinds) ? refresh.kinds : [];
  const strange = wanted.filter((kind) => !kinds.includes(kind));
  if (strange.length > 0) {
    problems.push(`"refresh.kinds" may name ${quoted(kinds)}; this account has no ${quoted(strange)}`);
  }
  return problems;
}

function pushProblems(push: AppOptions['push']): string[] {
  if (push === undefined) return [];
  const several = Array.isArray(push);
  const problems = [push as PushOptions].flat().flatMap((each, at) => {
    const option = several ? `push[${at}]` : 'push';
    if (typeof each !== 'object' || each === null) return pushKeyProblems(each, option);
    const { receiveId, plain, ...keys } = each;
    const own = pushKeyProblems(keys, option);
    if (receiveId !== undefined && typeof receiveId !== 'string') own.push(`"${option}.receiveId" must be a string`);
    if (plain !== undefined && typeof plain !== 'boolean') own.push(`"${option}.plain" must be true or false`);
    return own;
  });
  return several && push.length === 0
    ? ['"push" must have at least one pair of "token" and "encodingAESKey"']
    : problems;
}

export function isEndpoint(value: unknown): value is AccessTokenEndpoint {
  return ENDPOINTS.includes(value);
}

function isEndpointOption(value: unknown): boolean {
  if (!Array.isArray(value)) return isEndpoint(value);
  return value.length > 0 && value.every(isEndpoint) && new Set(value).size === value.length;
}

export function isAppId(value: unknown): value is string {
  return typeof value === 'string' && APP_ID.test(value);
}

/** What is missing or blank has its own sentence already. */
function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

/** For `problems`: whether it can stand before a path. */
export function isBaseUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function isProbe(value: unknown): boolean {
  const { everyMs = PROBE_MS, ...others } = asObject(value) ?? { everyMs: '' };
  return isDuration(everyMs) && Object.keys(others).length === 0;
}

export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
