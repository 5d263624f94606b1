import type { Clock, IssuedToken, IssueRequest, PresentedToken, Token, TokenSource, Tokens } from '@evertoken/core';
import { TokenError } from '@evertoken/core';
import { type AppContext, contextOf } from '../src/app-context.js';
import { settingsOf } from '../src/app-settings.js';
import type { NextEngineAppOptions } from '../src/index.js';

/** A request as the platform would see it. */
export interface Seen {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly init: RequestInit;
}

export type Reply = object | string | Error;

/** A `fetch` that answers in turn, the last answer for ever: an object as JSON, a text as it is, an error by throwing. */
export function answering(...replies: Reply[]): { fetch: typeof fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  const double: typeof fetch = async (input, init = {}) => {
    const request = new Request(input as string, init as RequestInit);
    seen.push({
      url: request.url,
      headers: request.headers,
      form: Object.fromEntries(new URLSearchParams(await request.text())),
      init,
    });
    const reply = replies[Math.min(seen.length, replies.length) - 1] ?? {};
    if (reply instanceof Error) throw reply;
    return new Response(typeof reply === 'string' ? reply : JSON.stringify(reply), {
      headers: { 'content-type': 'application/json', date: DATE_HEADER },
    });
  };
  return { fetch: double, seen };
}

export const DATE_HEADER = 'Wed, 19 Apr 2017 02:21:13 GMT';
export const ANSWERED_AT = Date.UTC(2017, 3, 19, 2, 21, 13);

/** A pair and its ends as the platform writes them; the ends are those of the documented example (§5). */
export function wirePair(accessToken: string, refreshToken: string): Record<string, string> {
  return {
    access_token: accessToken,
    refresh_token: refreshToken,
    access_token_end_date: '2017-04-19 11:21:13',
    refresh_token_end_date: '2017-04-21 11:21:13',
  };
}

export const STORED: PresentedToken = { value: 'A1', refreshToken: 'R1', issuedAt: 0, generation: 7 };
export const NOW = Date.UTC(2026, 0, 1);

export function issueRequest(fetch: IssueRequest['fetch'], current: PresentedToken | undefined = STORED): IssueRequest {
  return {
    ...(current && { current }),
    parents: [],
    fetch,
    signal: new AbortController().signal,
    now: () => NOW,
    random: () => 0.5,
  };
}

/** A `Tokens` with one value per answer of `get` and `reject` that writes down what it is asked for. */
export function recordingTokens(
  values: readonly string[] = ['A1'],
  fetch: typeof globalThis.fetch = globalThis.fetch,
  failures: { readonly reject?: Error; readonly refresh?: Error } = {},
): Tokens & { readonly log: unknown[][] } {
  const log: unknown[][] = [];
  const rest = [...values];
  const token = (): Token => ({ value: rest[0] ?? '', issuedAt: NOW });
  const double: Partial<Tokens> = {
    async get(source: TokenSource) {
      log.push(['get', source.key]);
      return token();
    },
    async reject(source: TokenSource, refused: Token | string) {
      log.push(['reject', source.key, typeof refused === 'string' ? refused : refused.value]);
      if (failures.reject) throw failures.reject;
      rest.shift();
      return token();
    },
    async adopt(source, issued, basis) {
      log.push(['adopt', source.key, issued, basis]);
    },
    async authorize(source, exchange): Promise<Token> {
      let issued: IssuedToken;
      try {
        issued = await exchange(issueRequest(fetch));
      } catch (error) {
        log.push(['refused', source.key]);
        throw error;
      }
      log.push(['stored', source.key, issued]);
      return { value: issued.value, issuedAt: NOW };
    },
    async *inspect() {},
    peek: () => undefined,
    async refresh(source) {
      log.push(['refresh', source.key]);
      if (failures.refresh) throw failures.refresh;
      return { account: source.account, kind: source.kind, outcome: 'unchanged' };
    },
  };
  return { ...double, log } as Tokens & { readonly log: unknown[][] };
}

/** A clock that lets nobody wait, and what they wanted to wait, ms. */
export function impatientClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => NOW,
    monotonic: () => 0,
    after(ms, callback) {
      const waiting = setImmediate(() => {
        waits.push(ms);
        callback();
      });
      return () => clearImmediate(waiting);
    },
  };
}

/** The account's settings and state, as its parts are given them. */
export function contextFor(options: Partial<NextEngineAppOptions> = {}): AppContext {
  return contextOf(settingsOf({ name: 'erp', clientId: 'c', clientSecret: 's', ...options }));
}

/** What a promise rejects with, as a `TokenError`. */
export async function tokenErrorOf(promise: Promise<unknown>): Promise<TokenError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof TokenError) return error;
  throw new Error(`expected a TokenError, got ${String(error)}`);
}

/** Everything of an error that a logger could print. */
export function shown(error: unknown): string {
  const { message, stack } = error as Error;
  return `${message} ${stack} ${JSON.stringify(error)} ${JSON.stringify(Object.entries(error as object))}`;
}
