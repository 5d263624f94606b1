import type { Clock, IssueRequest, Token, TokenSource, Tokens } from '@evertoken/core';

/** One answer of a fetch double; `json` wins over `text`. */
export interface FakeAnswer {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

/** One request as a fetch double saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: unknown;
  /** The body as JSON. */
  readonly json: unknown;
}

export type FakeFetch = typeof fetch & { readonly seen: SeenRequest[] };

/** Answers in turn; the last answer repeats. An `Error` is thrown as the network would. */
export function fakeFetch(...answers: (FakeAnswer | Error)[]): FakeFetch {
  const seen: SeenRequest[] = [];
  const double = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    init.signal?.throwIfAborted();
    seen.push({
      method: init.method ?? 'GET',
      url: new URL(input instanceof Request ? input.url : input),
      headers: new Headers(init.headers),
      body: init.body,
      json: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    });
    const answer = answers[Math.min(seen.length, answers.length) - 1] ?? {};
    if (answer instanceof Error) throw answer;
    const { status = 200, json, text = '', headers = {} } = answer;
    const body = json === undefined ? text : JSON.stringify(json);
    return new Response(status === 204 ? null : body, {
      status,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    });
  };
  return Object.assign(double, { seen });
}

export const NOW = 1_800_000_000_000;

export function issueRequest(fetch: typeof globalThis.fetch, parents: readonly string[] = []): IssueRequest {
  return {
    parents: parents.map(tokenOf),
    fetch,
    signal: new AbortController().signal,
    now: () => NOW,
    random: () => 0.5,
  };
}

export function tokenOf(value: string): Token {
  return { value, issuedAt: NOW, expiresAt: NOW + 7_200_000 };
}

export interface FakeTokens extends Tokens {
  readonly rejections: { readonly kind: string; readonly value: string }[];
}

/** Hands out `values` in turn: the first, and the next one after each rejection. */
export function fakeTokens(...values: string[]): FakeTokens {
  const rejections: { kind: string; value: string }[] = [];
  const current = (): Token => tokenOf(values[Math.min(rejections.length, values.length - 1)] ?? 'T1');
  const double: Pick<FakeTokens, 'get' | 'reject' | 'rejections'> = {
    rejections,
    async get(_source: TokenSource, { signal } = {}) {
      signal?.throwIfAborted();
      return current();
    },
    async reject(source: TokenSource, refused: Token | string) {
      rejections.push({ kind: source.kind, value: typeof refused === 'string' ? refused : refused.value });
      return current();
    },
  };
  return double as FakeTokens;
}

/** A clock on which waiting takes no time, and which remembers how long it would have been. */
export function hastyClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  let elapsed = 0;
  return {
    waits,
    now: () => NOW + elapsed,
    monotonic: () => elapsed,
    after(ms, callback) {
      const timer = setImmediate(() => {
        waits.push(ms);
        elapsed += ms;
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
}

/** Everything an error shows: its own fields, message, stack and causes, hidden ones too. */
export function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = Object.getOwnPropertyNames(error).map((name) => {
    const value = (error as unknown as Record<string, unknown>)[name];
    return `${name}: ${value instanceof Error ? everythingOf(value) : JSON.stringify(value)}`;
  });
  return [error.message, error.stack, ...fields].join('\n');
}

export async function failureFrom(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('it resolved');
    },
    (error: unknown) => error,
  );
}
