import type { Token } from '@evertoken/core';
import { Axios, type AxiosAdapter, AxiosHeaders, getAdapter, type InternalAxiosRequestConfig } from 'axios';
import { originOf } from './origins.js';
import type { RequestSettings } from './token-request-options.js';
import { headerFor, holdsToken, tokenInRedirect } from './with-token-in.js';

type Settings = Pick<RequestSettings<never>, 'place' | 'origins'>;

/** Puts addresses together as an adapter does: with the request's own options, and none of the application's defaults. */
const PLAIN = new Axios();

/** A request as it is sent. */
export interface AxiosRequest {
  readonly config: InternalAxiosRequestConfig;
  /** Whether the server that answered was given the token: no redirect has led elsewhere. */
  readonly hadToken: () => boolean;
}

/** Makes of a request the one that is sent: with the token. Undefined where the request goes to another origin. */
export function axiosRequest(
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  settings: Settings,
): ((token: Token) => AxiosRequest) | undefined {
  const { params: _, paramsSerializer: __, ...address } = config;
  const origin = originOf(PLAIN.getUri(address));
  if (origin === undefined || !settings.origins.has(origin)) return undefined;
  const { place } = settings;
  return (token) => {
    const headers = new AxiosHeaders(config.headers);
    const header = headerFor(place, token);
    if (header) headers.set(...header);
    const way = { trusted: true };
    const placed = {
      ...config,
      headers,
      ...(place.query !== undefined && { params: withParam(config.params, place.query, token.value) }),
      ...redirects(config, adapter, { settings, token, way }),
    };
    return { config: placed, hadToken: () => way.trusted };
  };
}

function withParam(params: unknown, name: string, value: string): unknown {
  if (!(params instanceof URLSearchParams)) return { ...(params as object | undefined), [name]: value };
  const placed = new URLSearchParams(params);
  placed.set(name, value);
  return placed;
}

/** Keeps the token from other origins: the client itself would take a header of the platform's own name anywhere. */
function redirects(
  config: InternalAxiosRequestConfig,
  adapter: AxiosAdapter,
  { settings: { place, origins }, token, way }: { settings: Settings; token: Token; way: { trusted: boolean } },
): Pick<InternalAxiosRequestConfig, 'beforeRedirect' | 'maxRedirects'> {
  const ownName = place.header !== undefined && place.header.toLowerCase() !== 'authorization';
  // Over `fetch` nobody is asked before a redirect.
  if (ownName && adapter === getAdapter('fetch', config)) return { maxRedirects: 0 };
  return {
    beforeRedirect: (options, answer, request) => {
      const { origin } = new URL(String(options['href']));
      const header = headerFor(place, token);
      if (!origins.has(origin)) {
        way.trusted = false;
        if (holdsToken(String(options['href']), token)) throw tokenInRedirect(origin);
      }
      const sent = options['headers'] as Record<string, unknown>;
      if (header) {
        for (const name of Object.keys(sent)) if (name.toLowerCase() === header[0].toLowerCase()) delete sent[name];
        if (way.trusted) sent[header[0]] = header[1];
      }
      config.beforeRedirect?.(options, answer, request);
    },
  };
}
