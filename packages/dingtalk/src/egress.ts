/** An agent of undici, as far as it matters here: Node's `fetch` takes one as `dispatcher`. */
export interface FetchDispatcher {
  /** What makes it an undici dispatcher. */
  readonly dispatch: (...args: never[]) => unknown;
}

/** How an account's requests leave: apps may have a list of addresses that they are called from. */
export interface EgressOptions {
  /** Used for this account's requests, by the manager and by the clients. Default: the manager's, and the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Given to each `fetch`: an agent of undici, such as its `ProxyAgent`, for a fixed address. Default: Node's own. */
  readonly dispatcher?: FetchDispatcher | undefined;
}

/** The account's `fetch`: its own, the platform's with the dispatcher, or none. */
export function egressOf({ fetch, dispatcher }: EgressOptions): typeof globalThis.fetch | undefined {
  if (dispatcher === undefined) return fetch;
  // Node's fetch takes it; the type of its options, shared with browsers, does not say so.
  return (input, init) => (fetch ?? globalThis.fetch)(input, { ...init, dispatcher } as RequestInit);
}
