/** What undici, the HTTP client inside Node's `fetch`, lets a caller put between itself and its connections. */
interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** Hands requests on to the process's own dispatcher, a proxy included, and takes the limits off that it sets by itself. */
const UNLIMITED: Dispatcher = {
  dispatch(options, handler) {
    const dispatcher = (globalThis as { [GLOBAL_DISPATCHER]?: Dispatcher })[GLOBAL_DISPATCHER];
    if (!dispatcher) throw new TypeError('fetch has no global dispatcher');
    return dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler);
  },
};

/** The platform's `fetch`, which gives up by itself after 5 minutes without an answer, for calls that may wait an hour. */
export const patientFetch: typeof fetch = (input, init) =>
  globalThis.fetch(input, { ...init, dispatcher: UNLIMITED } as RequestInit);
