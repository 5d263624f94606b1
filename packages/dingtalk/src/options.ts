import {
  ACCOUNT_OPTIONS,
  type Clock,
  fingerprint,
  optionProblems,
  type Random,
  type RefreshOptions,
  systemClock,
  systemRandom,
} from '@evertoken/core';
import type { DingTalkPushHandler } from './app-callback.js';
import { type CallbackKeys, callbackKeyProblems } from './callback/callback-keys.js';
import { Circuit } from './circuit.js';
import { type EgressOptions, egressOf } from './egress.js';

/** DingTalk's hosts: the two API families and the page where users sign in; mainland China. */
export const DINGTALK_BASE_URLS = Object.freeze({
  api: 'https://api.dingtalk.com',
  oapi: 'https://oapi.dingtalk.com',
  login: 'https://login.dingtalk.com',
});

/**
 * Where tokens and tickets come from: `v1` asks `api.dingtalk.com`, `legacy` asks `oapi.dingtalk.com`; `unified` asks the former
 * for the token of one organisation, which is another one.
 */
export type DingTalkTokenApi = 'v1' | 'legacy' | 'unified';

/** Other addresses for the hosts: the international ones, a proxy, the sandbox. */
export interface DingTalkBaseUrls {
  /** Default `https://api.dingtalk.com`. */
  readonly api?: string | undefined;
  /** Default `https://oapi.dingtalk.com`. */
  readonly oapi?: string | undefined;
  /** Default `https://login.dingtalk.com`. */
  readonly login?: string | undefined;
}

/** What all accounts of DingTalk take. */
export interface DingTalkCommonOptions extends EgressOptions {
  /** Unique among a manager's accounts; what messages and the command line call it. */
  readonly name: string;
  /** Other addresses of the platform. */
  readonly baseUrls?: DingTalkBaseUrls | undefined;
  /** How its tokens are kept fresh; what is left out follows the manager's options. */
  readonly refresh?: RefreshOptions | undefined;
  /** By what waits and signatures are reckoned, for tests. Default: the machine's clocks. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions, for tests. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** Token and EncodingAESKey of the console's event subscription. */
export type DingTalkPushKeys = { readonly [Name in keyof CallbackKeys]: CallbackKeys[Name] | undefined };

/** An internal app, known by the key and secret of DingTalk's console. */
export interface DingTalkAppOptions extends DingTalkCommonOptions {
  /** The console's AppKey, today also called Client ID. */
  readonly appKey: string | undefined;
  /** The console's AppSecret, today also called Client Secret. Case-sensitive. */
  readonly appSecret: string | undefined;
  /** The organisation the app belongs to; `jsApiConfig` passes it on to the page. Needed for `api: 'unified'`. */
  readonly corpId?: string | undefined;
  /** Who is asked for tokens and tickets; they work on both hosts. Default `'v1'`. */
  readonly api?: DingTalkTokenApi | undefined;
  /**
   * Keep the tokens of users who sign in, for calls as them later. They are grants: the manager wants a durable store for them.
   * Default false: a sign-in tells who it was, and nothing is kept.
   */
  readonly userTokens?: boolean | undefined;
  /** What the console has under event subscription, for `callback` and `openPush`; several pairs while they are being changed. */
  readonly push?: DingTalkPushKeys | readonly DingTalkPushKeys[] | undefined;
  /** Told of the events that come by HTTP, once genuine. Served by `callback`. Default: they are answered, and nobody is told. */
  readonly onPush?: DingTalkPushHandler | undefined;
}

/** The oldest form, before apps had keys: an organisation and one of its secrets. Only `oapi.dingtalk.com` knows it. */
export interface DingTalkCorpOptions extends DingTalkCommonOptions {
  /** The organisation. */
  readonly corpId: string | undefined;
  /** Each secret of an organisation yields a token of its own. */
  readonly corpSecret: string | undefined;
  /** What the console has under event subscription, for `callback` and `openPush`; several pairs while they are being changed. */
  readonly push?: DingTalkPushKeys | readonly DingTalkPushKeys[] | undefined;
  /** Told of the events that come by HTTP, once genuine. Served by `callback`. Default: they are answered, and nobody is told. */
  readonly onPush?: DingTalkPushHandler | undefined;
}

/** What obtains the access token. */
export type DingTalkCredentials =
  | { readonly form: 'app'; readonly appKey: string; readonly appSecret: string }
  | { readonly form: 'corp'; readonly corpId: string; readonly corpSecret: string };

/** What every account's options come to; whether they make sense is for its problems to say. */
export interface CommonSettings {
  readonly name: string;
  /** Without a slash at the end. */
  readonly baseUrls: { readonly api: string; readonly oapi: string; readonly login: string };
  /** Through the dispatcher, where there is one. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: Random;
  /** What all callers of the account share. */
  readonly circuit: Circuit;
}

/** An app's options, read once. Holds the secret: never part of an account. */
export interface DingTalkSettings extends CommonSettings {
  readonly credentials: DingTalkCredentials;
  readonly api: DingTalkTokenApi;
  readonly corpId?: string;
  readonly userTokens: boolean;
  readonly push: readonly CallbackKeys[];
}

/** Options of every account of DingTalk, for `optionProblems`. */
export const COMMON_OPTIONS: readonly string[] = Object.freeze([
  'baseUrls',
  'dispatcher',
  'clock',
  'random',
  ...ACCOUNT_OPTIONS,
]);

const CORP_OPTIONS = { required: ['name', 'corpId', 'corpSecret'], optional: ['push', 'onPush', ...COMMON_OPTIONS] };
const APP_OPTIONS = {
  required: ['name', 'appKey', 'appSecret'],
  optional: ['corpId', 'api', 'userTokens', 'push', 'onPush', ...COMMON_OPTIONS],
};

/** Reads what all accounts have in common; never throws. */
export function commonSettingsOf(options: DingTalkCommonOptions): CommonSettings {
  const { name, baseUrls, clock = systemClock, random = systemRandom } = options;
  const fetch = egressOf(options);
  return {
    name,
    baseUrls: {
      api: withoutSlash(baseUrls?.api ?? DINGTALK_BASE_URLS.api),
      oapi: withoutSlash(baseUrls?.oapi ?? DINGTALK_BASE_URLS.oapi),
      login: withoutSlash(baseUrls?.login ?? DINGTALK_BASE_URLS.login),
    },
    ...(fetch && { fetch }),
    clock,
    random,
    circuit: new Circuit(),
  };
}

/** Reads an app's options; never throws. */
export function settingsOf(options: DingTalkAppOptions | DingTalkCorpOptions): DingTalkSettings {
  const corpId = textOf(options.corpId);
  const push = [options.push ?? []].flat().map(({ token, encodingAESKey }) => ({
    token: textOf(token),
    encodingAESKey: textOf(encodingAESKey),
  }));
  const common = { ...commonSettingsOf(options), push, ...(corpId !== '' && { corpId }) };
  if (isCorp(options)) {
    const credentials = { form: 'corp', corpId, corpSecret: textOf(options.corpSecret) } as const;
    return { ...common, credentials, api: 'legacy', userTokens: false };
  }
  const { api = 'v1', userTokens } = options;
  const credentials = { form: 'app', appKey: textOf(options.appKey), appSecret: textOf(options.appSecret) } as const;
  return { ...common, credentials, api, userTokens: userTokens === true };
}

/** Sentences that begin with the quoted option; none shows a value. */
export function problemsOf(options: DingTalkAppOptions | DingTalkCorpOptions): string[] {
  const problems = optionProblems(options, isCorp(options) ? CORP_OPTIONS : APP_OPTIONS);
  if (isCorp(options)) return [...problems, ...pushProblems(options), ...commonProblems(options)];
  const { api, corpId, userTokens } = options;
  if (api !== undefined && api !== 'v1' && api !== 'legacy' && api !== 'unified') {
    problems.push('"api" must be "v1", "legacy" or "unified"');
  }
  if (corpId !== undefined && textOf(corpId).trim() === '') {
    problems.push('"corpId" must be a non-empty string where it is given');
  } else if (corpId === undefined && api === 'unified') {
    problems.push('"corpId" must be the organisation whose token "api": "unified" asks for, it is missing');
  }
  if (userTokens !== undefined && typeof userTokens !== 'boolean') {
    problems.push(`"userTokens" must be true or false, got ${typeof userTokens}`);
  }
  return [...problems, ...pushProblems(options), ...commonProblems(options)];
}

/** The problems of what all accounts have in common. */
export function commonProblems({ baseUrls, dispatcher, clock, random }: DingTalkCommonOptions): string[] {
  const problems = baseUrlProblems(baseUrls);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    problems.push('"dispatcher" must be an agent of undici');
  }
  if (clock !== undefined && typeof clock?.now !== 'function') problems.push('"clock" must be a clock');
  if (random !== undefined && typeof random !== 'function') problems.push('"random" must be a function');
  return problems;
}

function pushProblems({ push, onPush }: DingTalkAppOptions | DingTalkCorpOptions): string[] {
  const problems = push === undefined ? [] : callbackKeyProblems(push, 'push');
  if (onPush === undefined) return problems;
  if (typeof onPush !== 'function') return [...problems, `"onPush" must be a function, got ${typeof onPush}`];
  return push === undefined
    ? ['"push" must be { token, encodingAESKey } where "onPush" is given: pushes cannot be opened without']
    : problems;
}

/** The problem of a default lifetime. */
export function lifetimeProblems(defaultLifetimeMs: unknown): string[] {
  const isDuration =
    typeof defaultLifetimeMs === 'number' && Number.isFinite(defaultLifetimeMs) && defaultLifetimeMs > 0;
  return defaultLifetimeMs === undefined || isDuration
    ? []
    : ['"defaultLifetimeMs" must be a number of milliseconds above zero'];
}

/** An app key decides: half an app is an app with something missing, not an organisation. */
function isCorp(options: DingTalkAppOptions | DingTalkCorpOptions): options is DingTalkCorpOptions {
  return 'corpSecret' in options && !('appKey' in options) && !('appSecret' in options);
}

function baseUrlProblems(baseUrls: unknown): string[] {
  if (baseUrls === undefined) return [];
  if (typeof baseUrls !== 'object' || baseUrls === null) return ['"baseUrls" must be an object with "api" and "oapi"'];
  return Object.entries(baseUrls).flatMap(([name, url]: [string, unknown]) => {
    if (!(name in DINGTALK_BASE_URLS)) return [`"baseUrls.${name}" is no option; expected "api", "oapi", "login"`];
    return url === undefined || isBaseUrl(url)
      ? []
      : [`"baseUrls.${name}" must be an http or https URL without credentials, query and fragment`];
  });
}

function isBaseUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '' && !/[?#]/.test(value);
}

function withoutSlash(url: unknown): string {
  return textOf(url).replace(/\/+$/, '');
}

/** An option as text; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A handle must be at hand where nothing is configured too: in every test of the user's code. Never empty. */
export function keyIdOf(id: string, name: unknown): string {
  return id || `unconfigured:${String(name).slice(0, 64).toWellFormed()}`;
}

/** A secret's fingerprint, made when it is first asked for. */
export function credentialsOf(secret: string): () => string {
  return onceOf(() => fingerprint(secret));
}

/** Built when first asked for: importing a file of accounts must cost nothing. */
export function onceOf<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
