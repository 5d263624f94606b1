import { TokenError } from '@evertoken/core';
import {
  type AxiosAdapter,
  type AxiosInstance,
  type AxiosResponse,
  getAdapter,
  type InternalAxiosRequestConfig,
} from 'axios';
import { configurationError, wrongOption } from '../token.messages.js';
import { axiosAnswer } from './axios-answer.js';
import { type AxiosOutcome, discard, explain, outcomeOf } from './axios-outcome.js';
import { axiosRequest } from './axios-request.js';
import { axiosWait } from './axios-wait.js';
import { originOf } from './origins.js';
import { isStream, sendWithToken } from './send-with-token.js';
import { type RequestSettings, readRequestOptions, type TokenRequestOptions } from './token-request-options.js';

/** Options of `withTokens`. */
export interface WithTokensOptions extends Omit<TokenRequestOptions<InternalAxiosRequestConfig>, 'origins'> {
  /** Where tokens may be sent to; as for `fetch`. Default: the origin of the instance's `baseURL`. */
  readonly origins?: readonly string[] | undefined;
}

/** An outcome, and whether the server that answered was given the token. */
type Answered = AxiosOutcome & { readonly hadToken: boolean };

type Settings = RequestSettings<InternalAxiosRequestConfig>;

/**
 * Has an axios instance put a source's token into requests to `origins`, and report to the manager what the platform refuses.
 * The request is then sent again, once, with the better token; not where its body is a stream. Interceptors see neither the
 * token nor the first answer: `config`, in answers and errors, is the request as the caller made it.
 *
 * Requests reject as axios does, and with `TokenError` where no token is to be had. Where there is no better one, the
 * platform's refusal is what they end with; the `AxiosError` has the reason as its `cause`.
 *
 * @returns A function that takes it out of the instance again.
 * @throws TokenError `ERR_TOKEN_CONFIGURATION` for a wrong option.
 * @example
 * const eject = withTokens(http.axiosRef, { tokens, source: shop.accessToken, place: { query: 'access_token' } });
 */
export function withTokens(axios: AxiosInstance, options: WithTokensOptions): () => void {
  return intercept(axios, options, '');
}

/** The same for options that are called by another path in messages. */
export function intercept(axios: AxiosInstance, options: WithTokensOptions, prefix: string): () => void {
  if (typeof axios?.interceptors?.request?.use !== 'function') {
    throw configurationError(wrongOption('axios', 'an instance of axios, such as axiosRef of an HttpService'));
  }
  const origins = options?.origins ?? defaultOrigins(axios, `${prefix}origins`);
  const owner = prefix === '' ? 'withTokens' : `"${prefix.slice(0, -1)}"`;
  const settings = readRequestOptions({ ...options, origins }, { owner, prefix });
  // Retrying sends a configuration that has been through here.
  const ours = new WeakSet<AxiosAdapter>();
  const id = axios.interceptors.request.use((config) => {
    const { adapter } = config;
    if (typeof adapter === 'function' && ours.has(adapter)) return config;
    const wrapped: AxiosAdapter = (final) => sendOver(adapter, final, settings);
    ours.add(wrapped);
    // Not a copy: other interceptors may hold on to the configuration.
    return Object.assign(config, { adapter: wrapped });
  });
  return () => axios.interceptors.request.eject(id);
}

function defaultOrigins({ defaults: { baseURL } }: AxiosInstance, path: string): readonly string[] {
  const origin = baseURL === undefined ? undefined : originOf(baseURL);
  if (origin !== undefined) return [origin];
  const expected = 'a list such as [\'https://api.example\'], because the instance has no "baseURL" to take it from';
  throw configurationError(wrongOption(path, expected));
}

/** The place of the instance's own adapter: what it is given is what it gets, but for the token. */
async function sendOver(
  adapter: InternalAxiosRequestConfig['adapter'],
  config: InternalAxiosRequestConfig,
  settings: Settings,
): Promise<AxiosResponse> {
  const inner = getAdapter(adapter as AxiosAdapter, config);
  const request = axiosRequest(config, inner, settings);
  const source = request && (await settings.sourceOf(() => config));
  if (!source) return inner(config);
  const wait = axiosWait(config);
  try {
    const { answer, refusal } = await sendWithToken<Answered>(settings, {
      source,
      signal: wait.signal,
      replayable: !isStream(config.data),
      send: async (token) => {
        const sent = request(token);
        const outcome = await outcomeOf(inner(sent.config), { config, place: settings.place });
        return { ...outcome, hadToken: sent.hadToken() };
      },
      look: ({ response, hadToken }) => (hadToken ? axiosAnswer(response) : undefined),
      discard,
    });
    if (!answer.error) return answer.response;
    if (refusal) explain(answer.error, refusal);
    throw answer.error;
  } catch (error) {
    throw wait.signal.aborted && error instanceof TokenError ? wait.signal.reason : error;
  } finally {
    wait.over();
  }
}
