import type { TokenError } from '@evertoken/core';
import type { AxiosError, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { isStream } from './send-with-token.js';
import type { PlaceSettings } from './token-place.js';
import { withoutTokenIn } from './with-token-in.js';

/** What an adapter came to: an answer, and the error that axios makes of it where `validateStatus` says so. */
export interface AxiosOutcome {
  readonly response: AxiosResponse;
  readonly error?: AxiosError;
}

/** What stands in the place of what was sent. */
export interface Shown {
  readonly config: InternalAxiosRequestConfig;
  readonly place: PlaceSettings;
}

/** An answer is judged whatever `validateStatus` says of it. Without one, the error goes on. */
export async function outcomeOf(sending: Promise<AxiosResponse>, shown: Shown): Promise<AxiosOutcome> {
  try {
    return { response: withoutToken(await sending, shown) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const failure = error as AxiosError;
    if (failure.config) failure.config = shown.config;
    hide(failure, 'request');
    if (!failure.response) throw failure;
    return { response: withoutToken(failure.response, shown), error: failure };
  }
}

/** `request` is Node's, or that of `fetch`: it shows path and headers as they were sent. Whoever needs it still finds it. */
function withoutToken(response: AxiosResponse, { config, place }: Shown): AxiosResponse {
  response.config = config;
  const incoming = (response.request as { res?: object } | undefined)?.res;
  for (const message of [incoming, response.data]) {
    if (!isStream(message)) continue;
    for (const name of ['req', 'socket', 'client']) hide(message, name);
    if ('responseUrl' in message) message.responseUrl = withoutTokenIn(String(message.responseUrl), place).href;
  }
  hide(response, 'request');
  return response;
}

function hide(holder: object, name: string): void {
  const property = Object.getOwnPropertyDescriptor(holder, name);
  if (property?.configurable) Object.defineProperty(holder, name, { ...property, enumerable: false });
}

/** Says why no better token was to be had. */
export function explain(error: AxiosError, refusal: TokenError): void {
  Object.defineProperty(error, 'cause', { value: refusal, enumerable: false, configurable: true, writable: true });
}

/** Lets go of an answer that nobody will read. */
export function discard({ response: { data } }: AxiosOutcome): void {
  if (!isStream(data)) return;
  const stream = data as { destroy?: () => void; cancel?: () => Promise<void> };
  if (stream.destroy) stream.destroy();
  else stream.cancel?.().catch(() => {});
}
