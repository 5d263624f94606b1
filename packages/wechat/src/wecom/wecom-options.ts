import {
  ACCOUNT_OPTIONS,
  type Clock,
  optionProblems,
  type Random,
  type RefreshOptions,
  type SourceKind,
  systemClock,
  systemRandom,
} from '@evertoken/core';
import { type FetchDispatcher, throughDispatcher } from '../egress.js';
import { type PushKeys, pushKeyProblems } from '../push/push-keys.js';
import { WECOM_API } from './wecom-wire.js';

/** What the console has beside a callback address. */
export interface WeComPushOptions {
  /** Token: signs. */
  readonly token: string | undefined;
  /** EncodingAESKey: 43 letters and digits. */
  readonly encodingAESKey: string | undefined;
}

/** One or, while keys are being changed in the console, several pairs. */
export type WeComPushKeys = WeComPushOptions | readonly WeComPushOptions[];

/** What both kinds of account take. */
export interface WeComAccountOptions {
  /** What configuration, injection and messages call the account; unique among a manager's accounts. */
  readonly name: string;
  /** Another address than `https://qyapi.weixin.qq.com`: a proxy, a sandbox. May have a path. */
  readonly baseUrl?: string | undefined;
  /** How the account's tokens are kept fresh. Default: the manager's `refresh`. */
  readonly refresh?: RefreshOptions | undefined;
  /** Used for this account's requests, by the manager and by the client: a proxy with a fixed address, say. Default: the manager's, and the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Given to each `fetch`: an agent of undici, such as its `ProxyAgent`, for a fixed address. Default: Node's own. */
  readonly dispatcher?: FetchDispatcher | undefined;
  /** By what signatures, waits and pushes are reckoned, for tests. Default: the machine's clocks. */
  readonly clock?: Clock | undefined;
  /** Jitter of repetitions, for tests. Default: the machine's. */
  readonly random?: Random | undefined;
}

/** The part of the options that both kinds of account read alike. */
export interface Place {
  readonly account: string;
  /** Corp id or suite id; empty where the configuration lacks a usable one. */
  readonly id: string;
  /** The id as keys have it: never empty, so that building a key cannot fail. */
  readonly keyId: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Through the dispatcher, where there is one. */
  readonly fetch?: typeof fetch | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

const ID = /^[\x21-\x7e]{1,128}$/;
const SHARED = ['baseUrl', 'dispatcher', 'clock', 'random', ...ACCOUNT_OPTIONS];

/** Reads the options once; never throws for what they lack. */
export function readPlace(options: WeComAccountOptions, id: string | undefined): Place {
  const { name, baseUrl, clock, random } = options;
  const fetch = throughDispatcher(options);
  const usable = isId(id) ? id : '';
  return {
    account: name,
    id: usable,
    // Doubles are given handles of accounts that nobody configured: two of them must not share a key.
    keyId: usable || `?${String(name).slice(0, 32).toWellFormed()}`,
    baseUrl: typeof baseUrl === 'string' ? baseUrl.replace(/\/+$/, '') : WECOM_API,
    ...(fetch && { fetch }),
    clock: clock ?? systemClock,
    random: random ?? systemRandom,
  };
}

/** What every account says of itself, whichever tokens it has. */
export function placeFacts(place: Place, options: WeComAccountOptions, kinds: readonly SourceKind[]) {
  return {
    name: place.account,
    id: place.id,
    baseUrl: place.baseUrl,
    kinds: Object.freeze([...kinds]),
    ...(options.refresh && { refresh: options.refresh }),
    ...(place.fetch && { fetch: place.fetch }),
  };
}

/** What is wrong with the options both kinds of account have, as sentences that begin with the quoted option; none shows a value. */
export function placeProblems(
  options: WeComAccountOptions,
  {
    required,
    optional,
    id,
    kinds,
  }: {
    readonly required: readonly string[];
    readonly optional: readonly string[];
    /** Names of the options that hold an id. */
    readonly id: readonly string[];
    readonly kinds: readonly SourceKind[];
  },
): string[] {
  const problems = optionProblems(options, {
    required: ['name', ...required],
    optional: [...optional, ...SHARED],
  });
  const values = options as unknown as Readonly<Record<string, unknown>>;
  for (const name of id) {
    if (isFilled(values[name]) && !isId(values[name])) {
      problems.push(`"${name}" must be 1 to 128 visible ASCII characters`);
    }
  }
  const { baseUrl, fetch, refresh, dispatcher } = options;
  if (baseUrl !== undefined && !isBaseUrl(baseUrl)) {
    problems.push('"baseUrl" must be an http or https URL without credentials, query and fragment');
  }
  if (fetch !== undefined && typeof fetch !== 'function') {
    problems.push(`"fetch" must be a function, got ${typeof fetch}`);
  }
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    problems.push('"dispatcher" must have a function "dispatch", as the agents of undici have');
  }
  const names = kinds.map(({ kind }) => kind);
  const wanted: readonly string[] = Array.isArray(refresh?.kinds) ? refresh.kinds : [];
  const strange = wanted.filter((kind) => !names.includes(kind));
  if (strange.length > 0) {
    problems.push(`"refresh.kinds" may name ${quoted(names)}; this account has no ${quoted(strange)}`);
  }
  return problems;
}

/** Problems of secrets that may be left out. */
export function secretProblems(name: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'string' || value.trim() === '') return [`"${name}" must be a non-empty string`];
  return value === value.trim() ? [] : [`"${name}" must not begin or end with blanks`];
}

/** Problems of push keys that may be left out. */
export function pushProblems(push: WeComPushKeys | undefined): string[] {
  return push === undefined ? [] : pushKeyProblems(push as PushKeys | readonly PushKeys[], 'push');
}

/** Problems of a handler that may be left out. */
export function handlerProblems(onPush: unknown): string[] {
  if (onPush === undefined || typeof onPush === 'function') return [];
  return [`"onPush" must be a function, got ${typeof onPush}`];
}

/** Push keys as a list; those that lack a half are left out. */
export function pushKeysOf(push: WeComPushKeys | undefined): readonly PushKeys[] {
  const pairs = Array.isArray(push) ? (push as readonly WeComPushOptions[]) : [push as WeComPushOptions | undefined];
  return pairs.filter((pair): pair is PushKeys => Boolean(pair?.token && pair.encodingAESKey));
}

/** Which tickets are kept fresh: none, all, or those listed. */
export function ticketsOf<Kind extends string>(
  tickets: boolean | readonly Kind[] | undefined,
  all: readonly Kind[],
): readonly Kind[] {
  if (tickets === true) return all;
  return Array.isArray(tickets) ? all.filter((kind) => tickets.includes(kind)) : [];
}

/** Problems of `tickets`. */
export function ticketProblems(tickets: unknown, all: readonly string[]): string[] {
  const list = Array.isArray(tickets) ? (tickets as unknown[]) : undefined;
  const right =
    tickets === undefined || typeof tickets === 'boolean' || list?.every((kind) => all.includes(String(kind)));
  return right ? [] : [`"tickets" must be true, false, or a list of ${quoted(all)}`];
}

export function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** What is missing or blank has its own sentence already. */
function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

/** Whether it can stand before a path. */
export function isBaseUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}
