/** What undici, the HTTP client inside Node's `fetch`, lets a caller put between itself and its connections. */
interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

const shared = globalThis as { [symbol: symbol]: Dispatcher | undefined };
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** Hands requests on to the process's own dispatcher, a proxy included, and takes the limits off that it sets by itself. */
const UNLIMITED: Dispatcher = {
  dispatch: (options, handler) =>
    (shared[GLOBAL_DISPATCHER] as Dispatcher).dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler),
};

/**
 * The platform's `fetch`, which gives up by itself after 5 minutes without an answer, for calls that may wait an hour. Where
 * the platform's client is another one, its limits stay.
 */
export const patientFetch: typeof fetch = (input, init) => {
  // Node loads its client with the first use of it, and sets the dispatcher then.
  void globalThis.Request;
  const dispatcher = shared[GLOBAL_DISPATCHER] && UNLIMITED;
  return globalThis.fetch(input, { ...init, ...(dispatcher && { dispatcher }) } as RequestInit);
};
