import type { Clock, IssueRequest, Token, TokenSource, Tokens } from '@evertoken/core';

/** 2026-11-20 16:00:00 in China: well inside a day and a minute. */
export const NOON = Date.UTC(2026, 10, 20, 8, 0, 0);

/** A request as the double saw it. */
export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string | undefined;
}

export type Answer = object | string | Response | Error;

/** A `fetch` that gives prepared answers in turn, the last one for ever, and remembers what it was asked. */
export function answering(...answers: Answer[]): { fetch: typeof fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    fetch: async (input, init) => {
      const { signal, method = 'GET', headers, body } = init ?? {};
      signal?.throwIfAborted();
      seen.push({
        method,
        url: new URL(String(input)),
        headers: new Headers(headers),
        body: typeof body === 'string' ? body : undefined,
      });
      const answer = answers[Math.min(seen.length, answers.length) - 1] ?? {};
      if (answer instanceof Error) throw answer;
      if (answer instanceof Response) return answer.clone();
      return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), {
        headers: { 'content-type': 'text/plain' },
      });
    },
  };
}

/** What `issue` is given. */
export function request(fetch: typeof globalThis.fetch, { parents = [] as string[], now = NOON } = {}): IssueRequest {
  return {
    parents: parents.map((value) => ({ value, issuedAt: now })),
    fetch,
    signal: new AbortController().signal,
    now: () => now,
    random: () => 0.5,
  };
}

/** Tokens whose values are `<kind>-1`, and after a rejection `<kind>-2` … */
export function countingTokens(): Tokens & { rejections: { kind: string; value: string }[] } {
  const numbers = new Map<string, number>();
  const rejections: { kind: string; value: string }[] = [];
  const tokenOf = ({ kind }: TokenSource): Token => ({ value: `${kind}-${numbers.get(kind) ?? 1}`, issuedAt: NOON });
  const unused = () => {
    throw new Error('the client has no business with this');
  };
  return {
    rejections,
    get: async (source) => tokenOf(source),
    async reject(source, refused) {
      const value = typeof refused === 'string' ? refused : refused.value;
      rejections.push({ kind: source.kind, value });
      if (value === tokenOf(source).value) numbers.set(source.kind, (numbers.get(source.kind) ?? 1) + 1);
      return tokenOf(source);
    },
    peek: unused,
    adopt: unused,
    authorize: unused,
    revoke: unused,
    forget: unused,
    refresh: unused,
    refreshAll: unused,
    inspect: unused,
  };
}

/** A clock on which waiting takes no time, and which remembers how long it would have been. */
export function hastyClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  let elapsed = 0;
  return {
    waits,
    now: () => NOON + elapsed,
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

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it was expected to be rejected');
    },
    (error: unknown) => error,
  );
}

/** Everything a logger could print of an error. */
export function everythingOf(error: unknown): string {
  const { message, stack, cause } = error as Error;
  return [message, stack, JSON.stringify(error), cause instanceof Error ? everythingOf(cause) : ''].join('\n');
}
