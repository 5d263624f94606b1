/** An agent of undici, as far as it matters here: `fetch` takes one as `dispatcher`. */
export interface FetchDispatcher {
  /** What makes it an undici dispatcher. */
  readonly dispatch: (...args: never[]) => unknown;
}

/** How an account's requests leave. */
export interface EgressOptions {
  readonly fetch?: typeof fetch | undefined;
  readonly dispatcher?: FetchDispatcher | undefined;
}

/**
 * The `fetch` of an account: its own, the platform's with the dispatcher, or none. IP white lists make fixed addresses common;
 * all of an account's requests, for tokens and to APIs, leave through it.
 */
export function throughDispatcher({ fetch, dispatcher }: EgressOptions): typeof globalThis.fetch | undefined {
  if (dispatcher === undefined) return fetch;
  // Node's fetch takes it; the type of its options, shared with browsers, does not say so.
  return (input, init) => (fetch ?? globalThis.fetch)(input, { ...init, dispatcher } as RequestInit);
}
