import { asObject, malformedAnswer, sendToPlatform, type TokenError } from '@evertoken/core';
import { meaningOf, tokenErrorOf } from '../dingtalk-errors.js';
import { failureOf, JSON_CONTENT } from '../dingtalk-wire.js';
import type { CommonSettings } from '../options.js';

/** Whose stream it is. Holds the secret: never part of a handle. */
export interface StreamSettings extends CommonSettings {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** All events, and nothing that a bot would get: see the page on subscriptions. */
export const SUBSCRIPTIONS: readonly { readonly type: string; readonly topic: string }[] = Object.freeze([
  Object.freeze({ type: 'EVENT', topic: '*' }),
]);

/** 10 s: longer than the platform itself takes to give up, 3 s. */
const TIMEOUT_MS = 10_000;
const UA = 'evertoken';
const LOOPBACK: readonly string[] = ['127.0.0.1', '[::1]', 'localhost'];

/**
 * Asks for a connection: where it is, and the ticket that opens it, good for 90 s and once (developerpedia,
 * `docs/learn/stream/protocol.md`). Without the `Accept` header the answer would be XML.
 *
 * Rejects with the `TokenError` that fits.
 *
 * @returns the address to connect to. It holds the ticket: for no log.
 */
export async function openGateway(settings: StreamSettings, stop: AbortSignal): Promise<URL> {
  const { name, baseUrls, clientId, clientSecret, clock, random, fetch = globalThis.fetch } = settings;
  const about = { account: name };
  const answer = await sendToPlatform({
    ...about,
    url: `${baseUrls.api}/v1.0/gateway/connections/open`,
    method: 'POST',
    headers: { 'content-type': JSON_CONTENT, accept: JSON_CONTENT },
    body: JSON.stringify({ clientId, clientSecret, subscriptions: SUBSCRIPTIONS, ua: UA }),
    fetch,
    signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const failure = failureOf(answer);
  if (failure) throw tokenErrorOf(failure, meaningOf(failure), about, { now: clock.now, random });
  return addressIn(answer.json, baseUrls.api) ?? missing(about, answer.status);
}

/** A ticket must not leave the encryption that the request for it had, unless it does not leave the machine. */
function addressIn(json: unknown, api: string): URL | undefined {
  const { endpoint, ticket } = asObject(json) ?? {};
  if (typeof endpoint !== 'string' || typeof ticket !== 'string' || ticket === '') return undefined;
  if (!URL.canParse(endpoint)) return undefined;
  const url = new URL(endpoint);
  const bare = url.protocol === 'ws:' && (api.startsWith('http:') || LOOPBACK.includes(url.hostname));
  if (url.protocol !== 'wss:' && !bare) return undefined;
  url.hash = '';
  url.searchParams.set('ticket', ticket);
  return url;
}

function missing(about: { readonly account: string }, status: number): never {
  const error: TokenError = malformedAnswer(about, 'it carries no "endpoint" (wss) with a "ticket"', { status });
  throw error;
}
