import {
  ACCOUNT_OPTIONS,
  fingerprint,
  optionProblems,
  type RefreshOptions,
  type SourceKind,
  type TokenSource,
} from '@evertoken/core';
import type { ApiTarget } from './client.js';
import { WECHAT_API } from './wechat-wire.js';

/** First part of every key, and `platform` of every account. */
export const PLATFORM = 'wechat';

/** The two ways to an access token. Their tokens live side by side and do not touch each other. */
export type AccessTokenEndpoint = 'stable_token' | 'token';

/** What `officialAccount` and `miniProgram` take. Missing values are reported by the manager's constructor, not here. */
export interface AppOptions {
  /** What configuration, injection and messages call the account; unique among a manager's accounts. */
  readonly name: string;
  /** AppID of the console. */
  readonly appId: string | undefined;
  /** AppSecret of the console. */
  readonly secret: string | undefined;
  /**
   * Where access tokens come from. `stable_token` gives every caller the same token; `token` makes a new one each time,
   * ends the one before it five minutes later, and needs a store that all processes share. Default: `stable_token`.
   */
  readonly endpoint?: AccessTokenEndpoint | undefined;
  /** Another address than `https://api.weixin.qq.com`: a proxy, a sandbox. May have a path. */
  readonly baseUrl?: string | undefined;
  /** How the account's tokens are kept fresh. Default: the manager's `refresh`. */
  readonly refresh?: RefreshOptions | undefined;
  /** Used for this account's requests, by the manager and by the client. Default: the manager's, and the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** Options read once, for the sources. Holds the secret: never part of an account. */
export interface App {
  readonly account: string;
  /** The app id; empty where the configuration lacks a usable one. */
  readonly id: string;
  /** The app id as keys have it: never empty, so that building a key cannot fail. */
  readonly keyId: string;
  readonly secret: string;
  readonly endpoint: AccessTokenEndpoint;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Fingerprint of the secret. */
  readonly credentials: () => string;
}

const ENDPOINTS: readonly unknown[] = ['stable_token', 'token'] satisfies AccessTokenEndpoint[];
const APP_ID = /^[\x21-\x7e]{1,128}$/;

/** Reads the options; never throws for what they lack. */
export function readApp(options: AppOptions): App {
  const id = isAppId(options.appId) ? options.appId : '';
  const secret = typeof options.secret === 'string' ? options.secret : '';
  let credentials: string | undefined;
  return {
    account: options.name,
    id,
    // Doubles are given handles of accounts that nobody configured: two of them must not share a key.
    keyId: id || `?${String(options.name).slice(0, 32).toWellFormed()}`,
    secret,
    endpoint: options.endpoint === 'token' ? 'token' : 'stable_token',
    baseUrl: typeof options.baseUrl === 'string' ? options.baseUrl.replace(/\/+$/, '') : WECHAT_API,
    credentials() {
      credentials ??= fingerprint(secret);
      return credentials;
    },
  };
}

/** What every account of this platform says of itself, whichever tokens it has. */
export function accountFacts(app: App, options: AppOptions, kinds: readonly SourceKind[]) {
  const names = kinds.map(({ kind }) => kind);
  return {
    platform: PLATFORM,
    name: app.account,
    id: app.id,
    baseUrl: app.baseUrl,
    kinds: Object.freeze([...kinds]),
    ...(options.refresh && { refresh: options.refresh }),
    ...(options.fetch && { fetch: options.fetch }),
    problems: () => appProblems(options, names),
  };
}

/** Where an account's own calls go. */
export function targetOf(account: {
  readonly name: string;
  readonly baseUrl: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly accessToken: TokenSource;
}): ApiTarget {
  const { name, baseUrl, fetch, accessToken } = account;
  return { name, baseUrl, fetch, token: accessToken };
}

/** What is wrong with the options, as sentences that begin with the quoted option; none shows a value. */
function appProblems(options: AppOptions, kinds: readonly string[]): string[] {
  const problems = optionProblems(options, {
    required: ['name', 'appId', 'secret'],
    optional: ['endpoint', 'baseUrl', ...ACCOUNT_OPTIONS],
  });
  const { appId, secret, endpoint, baseUrl, refresh, fetch } = options;
  if (isFilled(appId) && !isAppId(appId)) problems.push('"appId" must be 1 to 128 visible ASCII characters');
  if (isFilled(secret) && secret !== secret.trim()) problems.push('"secret" must not begin or end with blanks');
  if (endpoint !== undefined && !ENDPOINTS.includes(endpoint)) {
    problems.push('"endpoint" must be "stable_token" or "token"');
  }
  if (baseUrl !== undefined && !isBaseUrl(baseUrl)) {
    problems.push('"baseUrl" must be an http or https URL without credentials, query and fragment');
  }
  if (fetch !== undefined && typeof fetch !== 'function')
    problems.push(`"fetch" must be a function, got ${typeof fetch}`);
  // Its shape is core's to judge; which kinds there are, only we know.
  const wanted: readonly string[] = Array.isArray(refresh?.kinds) ? refresh.kinds : [];
  const strange = wanted.filter((kind) => !kinds.includes(kind));
  if (strange.length > 0) {
    problems.push(`"refresh.kinds" may name ${quoted(kinds)}; this account has no ${quoted(strange)}`);
  }
  return problems;
}

function isAppId(value: unknown): value is string {
  return typeof value === 'string' && APP_ID.test(value);
}

/** What is missing or blank has its own sentence already. */
function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

function isBaseUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
