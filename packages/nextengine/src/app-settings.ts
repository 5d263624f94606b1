import {
  ACCOUNT_OPTIONS,
  type Clock,
  optionProblems,
  type Random,
  type RefreshOptions,
  systemClock,
  systemRandom,
} from '@evertoken/core';
import { BASE_URLS } from './nextengine-wire.js';
import {
  type NextEngineSignInOptions,
  type SignInSettings,
  signInProblems,
  signInSettingsOf,
} from './sign-in-options.js';
import type { NextEngineUserAdapter } from './user-facts.js';

/** Options of `nextEngineApp`. Credentials may be missing here; the manager's constructor names what is. */
export interface NextEngineAppOptions {
  /** Unique among a manager's accounts. */
  readonly name: string;
  /** "クライアントID" on the app's API tab. Test and production have their own pairs. */
  readonly clientId: string | undefined;
  /** "クライアントシークレット" beside it. */
  readonly clientSecret: string | undefined;
  /** Where the browser comes back to. Must be the registered one, which NextEngine also takes where this is left out. */
  readonly redirectUri?: string | undefined;
  /** How `callback`, which serves the redirect URI, answers. Default: it redirects to `/` after a sign-in. */
  readonly signIn?: NextEngineSignInOptions | undefined;
  /** Other hosts: a sandbox, a proxy. Defaults: `https://api.next-engine.org`, `https://base.next-engine.org`. */
  readonly baseUrls?:
    | {
        /** Where calls go. Default `https://api.next-engine.org`. */
        readonly api?: string | undefined;
        /** Where browsers sign in. Default `https://base.next-engine.org`. */
        readonly base?: string | undefined;
      }
    | undefined;
  /** First distance of a call's repetitions while NextEngine is busy, ms; doubles, with full jitter. Default 5 s. */
  readonly retryIntervalMs?: number;
  /** Whether users of a company that no longer uses the app are left alone. Default true: one more call in 12 hours per process. */
  readonly checkCompanies?: boolean;
  /** Whether a user's mail address is kept beside the pair. Default false: it is personal data. */
  readonly keepMailAddress?: boolean;
  /** Keeps facts of users in the application's own table. Default: they lie beside the pairs alone. */
  readonly users?: NextEngineUserAdapter;
  /** When to warn that the free allowance is nearly used up. */
  readonly quota?: QuotaOptions;
  /** How the users' tokens are kept fresh. Default: the manager's. */
  readonly refresh?: RefreshOptions;
  /** Used instead of the manager's `fetch`. */
  readonly fetch?: typeof fetch;
  /** By what sign-ins, repetitions and months are reckoned, for tests. Default: the machine's clocks. */
  readonly clock?: Clock;
  /** Jitter of repetitions, for tests. Default: the machine's. */
  readonly random?: Random;
}

/** The free allowance of calls. */
export interface QuotaOptions {
  /** Calls in a calendar month of Japan. Default 1000 (sheet §9, COM). */
  readonly freeCallsPerMonth?: number;
  /** The share of it at which a process warning of type `NextEngineQuota` is emitted, once a month. Default 0.8. */
  readonly warnAtShare?: number;
}

/** Options as they are worked with: read once, empty where missing, with every default filled in. */
export interface AppSettings {
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri?: string;
  readonly signIn: SignInSettings;
  readonly apiUrl: string;
  readonly baseUrl: string;
  readonly retryIntervalMs: number;
  readonly checkCompanies: boolean;
  readonly keepMailAddress: boolean;
  readonly users?: NextEngineUserAdapter;
  readonly quota: Required<QuotaOptions>;
  readonly fetch?: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
}

/** Every number of an account, with its reason. */
export const DEFAULTS = Object.freeze({
  /** 5 s: busy states last; half of what the vendor's sample waits, because the jitter is full. */
  retryIntervalMs: 5_000,
  /** 1000 calls: the free allowance that users report (§9). */
  freeCallsPerMonth: 1_000,
  /** 0.8: days before it is used up at an even pace. */
  warnAtShare: 0.8,
});

export function settingsOf(options: NextEngineAppOptions): AppSettings {
  const { name, clientId = '', clientSecret = '', redirectUri, baseUrls, users, quota, fetch } = options;
  return {
    name,
    clientId,
    clientSecret,
    ...(redirectUri && { redirectUri }),
    signIn: signInSettingsOf(options.signIn, clientId),
    apiUrl: baseUrlOf(baseUrls?.api, BASE_URLS.api),
    baseUrl: baseUrlOf(baseUrls?.base, BASE_URLS.base),
    retryIntervalMs: options.retryIntervalMs ?? DEFAULTS.retryIntervalMs,
    checkCompanies: options.checkCompanies ?? true,
    keepMailAddress: options.keepMailAddress ?? false,
    ...(users && { users }),
    quota: {
      freeCallsPerMonth: quota?.freeCallsPerMonth ?? DEFAULTS.freeCallsPerMonth,
      warnAtShare: quota?.warnAtShare ?? DEFAULTS.warnAtShare,
    },
    ...(fetch && { fetch }),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

const OWN_OPTIONS = [
  'redirectUri',
  'signIn',
  'baseUrls',
  'retryIntervalMs',
  'checkCompanies',
  'keepMailAddress',
  'users',
  'quota',
  'clock',
  'random',
] as const;
const BASE_NAMES = Object.keys(BASE_URLS);
const QUOTA_NAMES = ['freeCallsPerMonth', 'warnAtShare'];

/** What is wrong with the options; each sentence begins with the quoted option, none shows a value. */
export function problemsOf(options: NextEngineAppOptions): string[] {
  const problems = optionProblems(options, {
    required: ['name', 'clientId', 'clientSecret'],
    optional: [...OWN_OPTIONS, ...ACCOUNT_OPTIONS],
  });
  const check = (right: boolean, problem: string) => right || problems.push(problem);
  const { redirectUri, retryIntervalMs, users, clock, random } = options;
  check(!redirectUri || isHttpUrl(redirectUri), '"redirectUri" must be an http or https URL');
  problems.push(...signInProblems(options.signIn, 'signIn'));
  for (const [name, url] of Object.entries(options.baseUrls ?? {})) {
    check(BASE_NAMES.includes(name), `"baseUrls.${name}" is no option; expected "api", "base"`);
    check(!BASE_NAMES.includes(name) || !url || isHttpUrl(url), `"baseUrls.${name}" must be an http or https URL`);
  }
  check(retryIntervalMs === undefined || isPositive(retryIntervalMs), '"retryIntervalMs" must be a positive number');
  for (const name of ['checkCompanies', 'keepMailAddress'] as const) {
    check(options[name] === undefined || typeof options[name] === 'boolean', `"${name}" must be true or false`);
  }
  for (const method of users === undefined ? [] : (['save', 'list', 'remove'] as const)) {
    check(
      hasMethod(users, method),
      `"users" must be an adapter with save, list and remove; its "${method}" is missing`,
    );
  }
  for (const method of clock === undefined ? [] : (['now', 'monotonic', 'after'] as const)) {
    check(hasMethod(clock, method), `"clock" must be a Clock; its "${method}" is missing`);
  }
  check(random === undefined || typeof random === 'function', '"random" must be a function');
  for (const [name, value] of Object.entries(options.quota ?? {})) {
    check(QUOTA_NAMES.includes(name), `"quota.${name}" is no option; expected "freeCallsPerMonth", "warnAtShare"`);
    check(!QUOTA_NAMES.includes(name) || isPositive(value), `"quota.${name}" must be a positive number`);
  }
  return problems;
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function hasMethod(object: unknown, method: string): boolean {
  return typeof (object as Readonly<Record<string, unknown>> | null)?.[method] === 'function';
}

function isHttpUrl(text: unknown): boolean {
  return typeof text === 'string' && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Paths begin with a slash, so a base must not end with one. A wrong one is reported, not thrown. */
function baseUrlOf(url: unknown, usual: string): string {
  if (typeof url !== 'string' || url === '') return usual;
  return url.endsWith('/') ? url.slice(0, -1) : url;
}
