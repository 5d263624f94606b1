import type { Token } from '@evertoken/core';
import { isStream } from './send-with-token.js';
import type { RequestSettings } from './token-request-options.js';
import { headerFor, holdsToken, tokenInRedirect, withoutTokenIn, withTokenIn } from './with-token-in.js';

/** A request that can be built anew for each address it leads to. */
export interface Redirectable {
  readonly url: URL;
  readonly init: RequestInit;
}

/** The answer at the end of the way. */
export interface Followed {
  readonly response: Response;
  /** Whether its server was given the token. */
  readonly hadToken: boolean;
}

/** 20, as the Fetch standard has it (§4.4). */
const MAX_REDIRECTS = 20;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers of a body that is not sent on (Fetch §4.4). */
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];
/** What the standard, or Node's fetch, keeps from other origins. */
const PRIVATE_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'host'];

/**
 * Sends a request with the token and follows redirects as the Fetch standard does, because `fetch` itself would take a token in
 * a header of its own name to any origin. The token goes to `origins` only, and not again once the way has led elsewhere.
 */
export async function follow(
  request: Redirectable,
  token: Token,
  { settings, fetch }: { settings: Pick<RequestSettings<never>, 'place' | 'origins'>; fetch: typeof globalThis.fetch },
): Promise<Followed> {
  const { place, origins } = settings;
  const mode = request.init.redirect ?? 'follow';
  let { url, init } = request;
  let trusted = true;
  for (let hops = 0; ; hops++) {
    const headers = new Headers(init.headers);
    const header = trusted ? headerFor(place, token) : undefined;
    if (header) headers.set(...header);
    const target = trusted ? withTokenIn(url, place, token) : url;
    // The options may hold more than the standard knows: a dispatcher, say.
    const response = await fetch(target, { ...init, headers, redirect: mode === 'follow' ? 'manual' : mode });
    const location = response.headers.get('location');
    if (mode !== 'follow' || !REDIRECTS.has(response.status) || location === null) {
      return { response: shown(response, withoutTokenIn(url, place), hops > 0), hadToken: trusted };
    }
    void response.body?.cancel().catch(() => {});
    const next = nextAddress(location, target);
    if (hops === MAX_REDIRECTS) throw failed(`redirect count exceeded ${MAX_REDIRECTS}`);
    if (!origins.has(next.origin)) {
      if (holdsToken(next.href, token)) throw tokenInRedirect(next.origin);
      trusted = false;
    }
    init = redirected(init, { status: response.status, leaves: next.origin !== url.origin });
    url = next;
  }
}

function nextAddress(location: string, from: URL): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (!next || !/^https?:$/.test(next.protocol)) throw failed('the redirect leads to no HTTP address');
  if (next.hash === '') next.hash = from.hash;
  return next;
}

/** The request for the next address: Fetch §4.4, HTTP-redirect fetch. */
function redirected(init: RequestInit, { status, leaves }: { status: number; leaves: boolean }): RequestInit {
  const headers = new Headers(init.headers);
  if (leaves) for (const name of PRIVATE_HEADERS) headers.delete(name);
  const method = (init.method ?? 'GET').toUpperCase();
  const toGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  if (toGet) {
    for (const name of BODY_HEADERS) headers.delete(name);
    const { body: _, ...rest } = init;
    return { ...rest, method: 'GET', headers };
  }
  if (isStream(init.body)) {
    throw failed('a stream cannot be sent again to where the redirect leads');
  }
  return { ...init, headers };
}

/** As `fetch` fails, without an address. */
function failed(reason: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(reason) });
}

/** An answer that tells where it came from, and no token. */
function shown(response: Response, url: URL, redirected: boolean): Response {
  url.hash = '';
  return Object.defineProperties(response, {
    url: { value: url.href, configurable: true },
    redirected: { value: redirected, configurable: true },
  });
}
