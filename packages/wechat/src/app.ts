import {
  type CallbackRequest,
  type Clock,
  fingerprint,
  type Random,
  type RefreshOptions,
  type SourceKind,
  systemClock,
  systemRandom,
  TokenError,
} from '@evertoken/core';
import { noPushKeys } from './app-callback.js';
import { appProblems, isAppId, isDuration, isEndpoint, type MoreOptions, PROBE_MS } from './app-problems.js';
import type { CallTarget } from './client.js';
import { type FetchDispatcher, throughDispatcher } from './egress.js';
import type { Push } from './push/open-push.js';
import type { PushKeys } from './push/push-keys.js';
import { SIGN_IN_HOST, WECHAT_API } from './wechat-wire.js';

export { isBaseUrl } from './app-problems.js';

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
  /**
   * Have sweeps ask the platform whether the access token still works, and replace one that died before its time: one process of
   * all, every `everyMs` (default 5 min), one call each. Default false.
   */
  readonly probe?: boolean | { readonly everyMs?: number | undefined } | undefined;
  /** The account's own pushes, for `callback` and `openPush`; several pairs while they are being changed. */
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
  /** Between two probes; absent where there are none. */
  readonly probeMs?: number;
  /** Whether the tokens of users who signed in are kept. */
  readonly userTokens: boolean;
  /** Of the page that asks users; without a slash at its end. */
  readonly signInBaseUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Fingerprint of the secret. */
  readonly credentials: () => string;
}

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
    ...probeIn(options.probe),
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

function probeIn(given: AppOptions['probe']): Pick<App, 'probeMs'> {
  if (!given) return {};
  const everyMs = given === true ? undefined : given.everyMs;
  return { probeMs: isDuration(everyMs) ? everyMs : PROBE_MS };
}

function pushesIn(given: AppOptions['push']): readonly PushOptions[] {
  return [given].flat().filter((each) => each !== undefined && each !== null);
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
  if (!first) throw noPushKeys(app.account);
  const { openPush } = await import('./push/open-push.js');
  return openPush(request, {
    keys: app.push,
    // Without an app id nothing is for us; '' would be for whoever leaves it out.
    receiveIds: app.push.flatMap(({ receiveId }) => receiveId ?? (app.id || [])),
    now: () => app.clock.now(),
    plain: app.push.some(({ plain }) => plain === true),
  });
}
