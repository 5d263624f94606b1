import {
  type IssueRequest,
  idsOf,
  labelOf,
  parentRejected,
  sendToPlatform,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { PLATFORM } from '../app.js';
import { issueError } from '../wechat-errors.js';
import { failureIn, issuedIn } from '../wechat-wire.js';
import type { Component } from './component.js';
import { componentTokenRequest, startPushRequest } from './component-wire.js';
import { COMPONENT_TOKEN, VERIFY_TICKET } from './kinds.js';

/** 12 h: how long a verify ticket is good for a component token (sheet §2.1). */
export const TICKET_LIFETIME_MS = 12 * 3_600_000;
/** 60 s: a component token as young as this is not asked for again: that would only take the one away that others were just given. */
const YOUNG_MS = 60_000;

/** 61005: the ticket has expired; 61006: it is invalid. */
const DEAD_TICKET: ReadonlySet<number> = new Set([61005, 61006]);

/**
 * The verify ticket: comes by push alone, and outlives a restart. Where none lives, the platform is asked to send it, once a
 * back-off step for all processes together; until it comes the state is `waiting`.
 */
export function verifyTicketSource(component: Component): TokenSource {
  const ids = { account: component.account, kind: VERIFY_TICKET.kind };
  return {
    key: tokenKeyOf({ platform: PLATFORM, id: component.keyId, kind: VERIFY_TICKET.kind }),
    account: component.account,
    ...VERIFY_TICKET,
    lifetime: 'remaining',
    credentials: component.credentials,
    issue: async () => {
      throw new TokenError('ERR_TOKEN_WAITING', `${labelOf(ids)}: it comes by push`, idsOf(ids));
    },
    async recover(request) {
      await startPush(component, request);
      return undefined;
    },
  };
}

/** Asks the platform to send tickets (again). It says "ok" too where it never stopped. */
export async function startPush(
  component: Component,
  request: Pick<IssueRequest, 'fetch' | 'signal' | 'now'>,
): Promise<void> {
  const ids = { account: component.account, kind: VERIFY_TICKET.kind };
  const { fetch, signal } = request;
  const answer = await sendToPlatform({ ...startPushRequest(component.baseUrl, component), ...ids, fetch, signal });
  const failure = failureIn(answer, ids);
  if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [component.secret] });
}

/** The component's token. It is asked for with the newest ticket that is stored, and waits while there is none that lives. */
export function componentTokenSource(component: Component, verifyTicket: TokenSource): TokenSource {
  const ids = { account: component.account, kind: COMPONENT_TOKEN.kind };
  let refused: string | undefined;
  return {
    key: tokenKeyOf({ platform: PLATFORM, id: component.keyId, kind: COMPONENT_TOKEN.kind }),
    account: component.account,
    ...COMPONENT_TOKEN,
    lifetime: 'remaining',
    dependsOn: [verifyTicket],
    credentials: component.credentials,
    renewableFrom: ({ issuedAt }) => issuedAt + YOUNG_MS,
    async issue(request) {
      const [ticket] = request.parents;
      // Asking again with a ticket that is known to be dead only burns quota.
      if (!ticket || ticket.value === refused) throw waiting(ids);
      const wire = componentTokenRequest(component.baseUrl, { ...component, ticket: ticket.value });
      const answer = await sendToPlatform({ ...wire, ...ids, fetch: request.fetch, signal: request.signal });
      const failure = failureIn(answer, ids);
      if (failure && DEAD_TICKET.has(failure.errcode)) {
        refused = ticket.value;
        throw parentRejected(ticket.value, String(failure.errcode));
      }
      if (failure) throw issueError(failure, ids, { now: request.now(), secrets: [component.secret, ticket.value] });
      return issuedIn(answer, 'component_access_token', ids);
    },
  };
}

function waiting(ids: { readonly account: string; readonly kind: string }): TokenError {
  const message = `${labelOf(ids)}: the platform refuses the verify ticket that is stored; waiting for the next push`;
  return new TokenError('ERR_TOKEN_WAITING', message, { ...idsOf(ids), reason: 'ticket' });
}
