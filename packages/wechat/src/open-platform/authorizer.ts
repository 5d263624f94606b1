import type { TokenSource, Tokens } from '@evertoken/core';
import { OfficialAccountClient } from '../official-account-client.js';
import { ticketSource } from '../sources.js';
import { authorizerTokenSource } from './authorizer-token.js';
import type { Component } from './component.js';
import { AUTHORIZER_TICKETS } from './kinds.js';

/** An account that authorized the platform. Costs a few key builds; handles of the same app id mean the same keys. */
export interface Authorizer {
  /** Its app id. */
  readonly appId: string;
  /** Kind `authorizer_access_token`: for its API, wherever the documents want an `access_token`. */
  readonly accessToken: TokenSource;
  /** Kind `authorizer_jsapi_ticket`: official accounts only. */
  readonly jsapiTicket: TokenSource;
  /** Kind `authorizer_card_ticket`: official accounts only. */
  readonly cardTicket: TokenSource;
  /** Calls its API on its behalf, and signs its pages. */
  client(tokens: Tokens): OfficialAccountClient;
}

/**
 * The handle of an authorizer.
 *
 * @throws TypeError where `appId` is empty or too long for a key.
 */
export function authorizerOf(component: Component, appId: string, componentToken: TokenSource): Authorizer {
  if (typeof appId !== 'string' || appId === '')
    throw new TypeError('"appId" of an authorizer must be a non-empty string');
  const accessToken = authorizerTokenSource(component, appId, componentToken);
  const ticket = (type: 'jsapi' | 'wx_card') =>
    ticketSource({ ...component, type, accessToken, kind: AUTHORIZER_TICKETS[type].kind, subject: appId });
  const authorizer: Authorizer = {
    appId,
    accessToken,
    jsapiTicket: ticket('jsapi'),
    cardTicket: ticket('wx_card'),
    client(tokens) {
      const { account: name, baseUrl, fetch } = component;
      const target = { ...authorizer, name, id: appId, baseUrl, ...(fetch && { fetch }) };
      // What needs an app's own secret is refused: the platform's is another.
      return new OfficialAccountClient(target, tokens, { ...component, id: appId, secret: '', push: [] });
    },
  };
  return authorizer;
}

/** One of an authorizer's sources, by its kind. */
export function sourceOf({ accessToken, jsapiTicket, cardTicket }: Authorizer, kind: string): TokenSource | undefined {
  return [accessToken, jsapiTicket, cardTicket].find((source) => source.kind === kind);
}
