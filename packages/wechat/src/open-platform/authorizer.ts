import type { TokenSource, Tokens } from '@evertoken/core';
import { OfficialAccountClient } from '../official-account-client.js';
import { ticketSource } from '../sources.js';
import { authorizerTokenSource } from './authorizer-token.js';
import type { Component } from './component.js';
import { AUTHORIZER_TICKETS, AUTHORIZER_TOKEN } from './kinds.js';

/** An account that authorized the platform. Costs a key build for each source that is used; handles of the same app id mean the same keys. */
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
  let accessToken: TokenSource | undefined;
  let jsapiTicket: TokenSource | undefined;
  let cardTicket: TokenSource | undefined;
  const ticket = (type: 'jsapi' | 'wx_card') => {
    const { kind } = AUTHORIZER_TICKETS[type];
    return ticketSource({ ...component, type, accessToken: authorizer.accessToken, kind, subject: appId });
  };
  const authorizer: Authorizer = {
    appId,
    get accessToken() {
      accessToken ??= authorizerTokenSource(component, appId, componentToken);
      return accessToken;
    },
    get jsapiTicket() {
      jsapiTicket ??= ticket('jsapi');
      return jsapiTicket;
    },
    get cardTicket() {
      cardTicket ??= ticket('wx_card');
      return cardTicket;
    },
    client(tokens) {
      const { account: name, baseUrl, fetch } = component;
      const target = { ...authorizer, name, id: appId, baseUrl, ...(fetch && { fetch }) };
      // What needs an app's own secret is refused: the platform's is another.
      return new OfficialAccountClient(target, tokens, { ...component, id: appId, secret: '', push: [] });
    },
  };
  return authorizer;
}

/** One of an authorizer's sources, by its kind; the others are not built for it. */
export function sourceOf(authorizer: Authorizer, kind: string): TokenSource | undefined {
  switch (kind) {
    case AUTHORIZER_TOKEN.kind:
      return authorizer.accessToken;
    case AUTHORIZER_TICKETS.jsapi.kind:
      return authorizer.jsapiTicket;
    case AUTHORIZER_TICKETS.wx_card.kind:
      return authorizer.cardTicket;
    default:
      return undefined;
  }
}
