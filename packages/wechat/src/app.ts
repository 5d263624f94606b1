import {
  ACCOUNT_OPTIONS,
  type CallbackRequest,
  type Clock,
  fingerprint,
  optionProblems,
  type Random,
  type RefreshOptions,
  type SourceKind,
  systemClock,
  systemRandom,
  TokenError,
} from '@evertoken/core';
import type { CallTarget } from './client.js';
import { type FetchDispatcher, throughDispatcher } from './egress.js';
import type { Push } from './push/open-push.js';
import { type PushKeys, pushKeyProblems } from './push/push-keys.js';
import { SIGN_IN_HOST, WECHAT_API } from './wechat-wire.js';

/** First part of every key, and `platform` of every account. */
export const PLATFORM = 'wechat';

/** The two ways to an access token. Their tokens live side by side and do not touch each other. */
export type AccessTokenEndpoint = 'stable_token' | 'token';

/** How an account's own pushes (messages and events) are judged: what the console has under "server configuration". */
export interface PushOptions extends PushKeys {
  /** For whom pushes may be. Default: the account's app id. */
  readonly receiveId?: string | undefined;
  /** Also takes pushes in plain mode, whose signature does not cover their content. Default false. */
  readonly plain?: boolean | undefined;
}

/** What `officialAccount`, `miniProgram` and `miniGame` take. Missing values are reported by the manager's constructor, not here. */
export interface AppOptions {
  /** What configuration, injection and messages call the account; unique among a manager's accounts. */
  readonly name: string;
  /** AppID of the console. */
  readonly appId: string | undefined;
  /** AppSecret of the console. */
  readonly secret: string | undefined;
  /**
   * Where access tokens come from. `stable_token` gives every caller the same token; `token` makes a new one each time,
   * ends the one before it five minutes later, and needs a store that all processes share. With both, the account keeps two
   * tokens side by side, and the client uses the first. Default: `stable_token`.
   */
  readonly endpoint?: AccessTokenEndpoint | readonly AccessTokenEndpoint[] | undefined;
  /** Another address than `https://api.weixin.qq.com`: a proxy, a sandbox. May have a path. */
  readonly baseUrl?: string | undefined;
  /** How the account's tokens are kept fresh. Default: the manager's `refresh`. */
  readonly refresh?: RefreshOptions | undefined;
  /** Used for this account's requests, by the manager and by the client. Default: the manager's, and the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Given to each `fetch`: an agent of undici, such as its `ProxyAgent`, for a fixed address. Default: Node's own. */
  readonly dispatcher?: FetchDispatcher | undefined;
  /** The account's own pushes, for `openPush`; several pairs while they are being changed. */
  readonly push?: PushOptions | readonly PushOptions[] | undefined;
  /** By what signatures, waits and pushes are reckoned, for tests. Default: the machine's clocks. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions, for tests. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** Options of accounts whose users sign in on the web. */
export interface SignInHost {
  /**
   * Keep the tokens of users who sign in with `snsapi_userinfo`, for calls as them later. They are grants: the manager wants a
   * durable store for them. Default false: a sign-in tells who it was, and nothing is kept.
   */
  readonly userTokens?: boolean | undefined;
  /** Another host of the sign-in page than `https://open.weixin.qq.com`: a sandbox. */
  readonly signInBaseUrl?: string | undefined;
}

/** Options read once, for the sources. Holds the secret: never part of an account. */
export interface App {
  readonly account: string;
  /** The app id; empty where the configuration lacks a usable one. */
  readonly id: string;
  /** The app id as keys have it: never empty, so that building a key cannot fail. */
  readonly keyId: string;
  readonly secret: string;
  /** At least one; the client uses the first. */
  readonly endpoints: readonly [AccessTokenEndpoint, ...AccessTokenEndpoint[]];
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Through the dispatcher, where there is one. */
  readonly fetch?: typeof globalThis.fetch;
  readonly push: readonly PushOptions[];
  /** Whether the tokens of users who signed in are kept. */
  readonly userTokens: boolean;
  /** Of the page that asks users; without a slash at its end. */
  readonly signInBaseUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Fingerprint of the secret. */
  readonly credentials: () => string;
}

const ENDPOINTS: readonly unknown[] = ['stable_token', 'token'] satisfies AccessTokenEndpoint[];
const APP_ID = /^[\x21-\x7e]{1,128}$/;

/** Reads the options; never throws for what they lack. */
export function readApp(options: AppOptions & SignInHost): App {
  const id = isAppId(options.appId) ? options.appId : '';
  const secret = typeof options.secret === 'string' ? options.secret : '';
  const fetch = throughDispatcher(options);
  let credentials: string | undefined;
  return {
    account: options.name,
    id,
    // Doubles are given handles of accounts that nobody configured: two of them must not share a key.
    keyId: id || `?${String(options.name).slice(0, 32).toWellFormed()}`,
    secret,
    endpoints: endpointsIn(options.endpoint),
    baseUrl: baseUrlOf(options.baseUrl, WECHAT_API),
    userTokens: options.userTokens === true,
    signInBaseUrl: baseUrlOf(options.signInBaseUrl, SIGN_IN_HOST),
    ...(fetch && { fetch }),
    push: pushesIn(options.push),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    credentials() {
      credentials ??= fingerprint(secret);
      return credentials;
    },
  };
}

/** Of an account somebody else calls for: what needs the secret is refused. */
export function appWithoutSecret(account: {
  readonly name: string;
  readonly id: string;
  readonly baseUrl: string;
  readonly fetch?: typeof globalThis.fetch;
}): App {
  const { name, id: appId, baseUrl, fetch } = account;
  return readApp({ name, appId, secret: undefined, baseUrl, fetch });
}

/** Refuses to send half a request. */
export function assertSecret({ account, secret }: App): void {
  if (secret !== '') return;
  const message = `"secret" of account "${account}" is needed for this, and is not there`;
  throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account });
}

function baseUrlOf(given: unknown, fallback: string): string {
  return typeof given === 'string' ? given.replace(/\/+$/, '') : fallback;
}

function endpointsIn(given: AppOptions['endpoint']): App['endpoints'] {
  const [first = 'stable_token', ...others] = new Set([given].flat().filter(isEndpoint));
  return [first, ...others];
}

function pushesIn(given: AppOptions['push']): readonly PushOptions[] {
  return [given].flat().filter((each) => each !== undefined && each !== null);
}

/** Options that only some accounts have. */
export interface MoreOptions {
  readonly names: readonly string[];
  readonly problems: () => readonly string[];
}

/** What every account of this platform says of itself, whichever tokens it has. */
export function accountFacts(
  app: App,
  options: AppOptions,
  { kinds, more }: { readonly kinds: readonly SourceKind[]; readonly more?: MoreOptions },
) {
  const names = kinds.map(({ kind }) => kind);
  return {
    platform: PLATFORM,
    name: app.account,
    id: app.id,
    baseUrl: app.baseUrl,
    kinds: Object.freeze([...kinds]),
    ...(options.refresh && { refresh: options.refresh }),
    ...(app.fetch && { fetch: app.fetch }),
    problems: () => appProblems(options, names, more),
    openPush: (request: CallbackRequest) => openOwnPush(app, request),
  };
}

/** Where an account's calls go. */
export function targetOf({ account, baseUrl, fetch, clock, random }: App): CallTarget {
  return { name: account, baseUrl, fetch, clock, random };
}

/** Judges a push for the account itself. Never rejects for what came; rejects where the account has no keys. */
async function openOwnPush(app: App, request: CallbackRequest): Promise<Push> {
  const [first] = app.push;
  if (!first) {
    throw new TokenError(
      'ERR_TOKEN_CONFIGURATION',
      `"push" of account "${app.account}" is missing: pushes cannot be opened without { token, encodingAESKey }`,
      { account: app.account },
    );
  }
  const { openPush } = await import('./push/open-push.js');
  return openPush(request, {
    keys: app.push,
    receiveIds: app.push.map(({ receiveId = app.id }) => receiveId),
    now: () => app.clock.now(),
    plain: app.push.some(({ plain }) => plain === true),
  });
}

/** What is wrong with the options, as sentences that begin with the quoted option; none shows a value. */
function appProblems(options: AppOptions, kinds: readonly string[], more?: MoreOptions): string[] {
  const problems = optionProblems(options, {
    required: ['name', 'appId', 'secret'],
    optional: [
      'endpoint',
      'baseUrl',
      'dispatcher',
      'push',
      'clock',
      'random',
      ...(more?.names ?? []),
      ...ACCOUNT_OPTIONS,
    ],
  });
  const { appId, secret, endpoint, baseUrl, refresh, fetch, dispatcher, push } = options;
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

function isEndpoint(value: unknown): value is AccessTokenEndpoint {
  return ENDPOINTS.includes(value);
}

function isEndpointOption(value: unknown): boolean {
  if (!Array.isArray(value)) return isEndpoint(value);
  return value.length > 0 && value.every(isEndpoint) && new Set(value).size === value.length;
}

function isAppId(value: unknown): value is string {
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
