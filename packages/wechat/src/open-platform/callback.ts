import {
  type CallbackReply,
  type CallbackRequest,
  fingerprint,
  labelOf,
  TokenError,
  type TokenExtra,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import type {
  ComponentAuthorization,
  ComponentEvent,
  ComponentRevocation,
  ComponentVerifyTicket,
} from '../push/component-event.js';
import type { ReceivedPush } from '../push/open-push.js';
import { authorizerExtraIn } from './authorizer-facts.js';
import { restoreAuthorizer } from './authorizer-restore.js';
import { TICKET_LIFETIME_MS } from './component-sources.js';
import { type OpenPlatformContext, storedAuthorizer } from './context.js';
import { exchangePushedCode } from './exchange.js';
import { AUTHORIZER_TOKEN } from './kinds.js';

/** 4 s: the platform waits 5 s for an answer, and ours has to get there. */
const ANSWER_WITHIN_MS = 4_000;

/** 10: authorizers at a time, as the manager's own limit is. */
const AT_A_TIME = 10;

/** Anything but "success": the platform sends the push again. */
const AGAIN: CallbackReply = Object.freeze({
  status: 500,
  headers: Object.freeze({ 'content-type': 'text/plain; charset=utf-8' }),
  body: 'try again',
});

/** How a revocation leaves the lease: there is nothing to be stored. */
const REVOKED = new Error('the authorization is gone');
const NEWER = new Error('the account has authorized anew since');

/**
 * Answers a push to the authorization-event URL, once what it brought is stored. A code is exchanged first, too: it is good for one
 * exchange, and after "success" it would exist in this process alone. Where that takes longer than the platform waits, it goes on, and
 * the push is declined: the platform sends it again, and finds it done. So nothing is lost if this process dies at any point.
 */
export async function answerPush(
  context: OpenPlatformContext,
  tokens: Tokens,
  request: CallbackRequest,
): Promise<CallbackReply> {
  const push = await context.openPush(request);
  if (push.kind !== 'message') return push.reply;
  const { componentEvent } = await import('../push/component-event.js');
  const event = componentEvent(push.message);
  // Meant for us by its encryption; of which component it speaks it says itself.
  if (event.type !== 'other' && event.appId !== context.component.id) return push.reply();
  const handling = handle(context, tokens, event, push).then(
    () => push.reply(),
    (error: unknown) => {
      warn(context, event, error);
      return AGAIN;
    },
  );
  return withinTime(context, handling);
}

async function handle(
  context: OpenPlatformContext,
  tokens: Tokens,
  event: ComponentEvent,
  push: ReceivedPush,
): Promise<void> {
  switch (event.type) {
    case 'component_verify_ticket':
      return takeTicket(context, tokens, event, push.timestamp);
    case 'authorized':
    case 'updateauthorized': {
      const { authorizerAppid: appId, authorizationCode: code, createTime: givenAt } = event;
      const authorization = await exchangePushedCode(context, tokens, { appId, code, givenAt });
      if (!authorization) await restored(context, tokens, event);
      return;
    }
    case 'unauthorized':
      return forgetAuthorizer(context, tokens, event);
    case 'other':
      return;
  }
}

/** The code is used up, and nobody has stored what it brought: lost, if the platform does not tell us anew. */
async function restored(context: OpenPlatformContext, tokens: Tokens, event: ComponentAuthorization): Promise<void> {
  try {
    await restoreAuthorizer(context, tokens, event.authorizerAppid);
  } catch (error) {
    if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') throw error;
    // Nor will it, however often the push is sent.
    warn(context, event, error);
  }
}

/** Of two tickets the one made later stands, whatever order they come in. Its life counts from when it was made, by the platform's clock. */
async function takeTicket(
  context: OpenPlatformContext,
  tokens: Tokens,
  { ticket, createTime }: ComponentVerifyTicket,
  sentAt: number,
): Promise<void> {
  const lifetimeMs = createTime + TICKET_LIFETIME_MS - sentAt;
  if (lifetimeMs <= 0) return;
  const { verifyTicket } = context;
  // `get` would have the platform asked for one where none lives.
  const before = tokens.peek(verifyTicket)?.value;
  await tokens.adopt(verifyTicket, { value: ticket, lifetimeMs }, { order: createTime });
  const after = tokens.peek(verifyTicket)?.value;
  // The failures of what this leads to are told as events, and each key has its next attempt.
  if (after !== before) void endWait(context, tokens, before === undefined).catch(() => {});
}

/** What had to wait for a ticket goes on at once, not at the end of its back-off. */
async function endWait(context: OpenPlatformContext, tokens: Tokens, first: boolean): Promise<void> {
  const { component, accessToken } = context;
  const waited = await tokens.get(accessToken).then(
    () => false,
    (error: unknown) => error instanceof TokenError && error.code === 'ERR_TOKEN_WAITING',
  );
  if (waited) await tokens.refresh(accessToken);
  if (!waited && !first) return;
  const waiting: TokenSource[] = [];
  const filter = { accounts: [component.account], kinds: [AUTHORIZER_TOKEN.kind], states: ['waiting' as const] };
  for await (const { subject } of tokens.inspect(filter))
    if (subject !== undefined) waiting.push(context.authorizer(subject).accessToken);
  const left = waiting.values();
  const work = async () => {
    for (const source of left) await obtain(context, tokens, source).catch(() => {});
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

/** With its tickets. What lives is answered without a call, and what another process is at comes from there. */
async function obtain(context: OpenPlatformContext, tokens: Tokens, source: TokenSource): Promise<void> {
  const { extra } = await tokens.get(source);
  for (const companion of context.companions(source, extra)) await tokens.get(companion);
}

/**
 * The account took its authorization back: its tokens are dead, unless it has authorized anew since. Under its key's lease, so that
 * what is on its way from the platform for it is stored before and not after.
 */
async function forgetAuthorizer(
  context: OpenPlatformContext,
  tokens: Tokens,
  { authorizerAppid, createTime }: ComponentRevocation,
): Promise<void> {
  const { accessToken, jsapiTicket, cardTicket } = context.authorizer(authorizerAppid);
  let known = false;
  const revoke = async (extra: TokenExtra | undefined) => {
    known = true;
    const { authorizedAt = 0 } = authorizerExtraIn(extra);
    if (createTime < authorizedAt) throw NEWER;
    await tokens.revoke(accessToken, { order: createTime });
    for (const ticket of [jsapiTicket, cardTicket]) await tokens.forget(ticket);
    throw REVOKED;
  };
  try {
    await tokens.authorize(accessToken, async ({ current }) => revoke(current?.extra));
  } catch (error) {
    if (error === NEWER || error === REVOKED) return;
    if (known) throw error;
    // No component token, and so no lease: that is no reason to keep what is gone.
    const stored = await storedAuthorizer(context, tokens, accessToken);
    await revoke(stored?.extra).catch((outcome: unknown) => {
      if (outcome !== NEWER && outcome !== REVOKED) throw outcome;
    });
  }
}

function withinTime({ component }: OpenPlatformContext, handling: Promise<CallbackReply>): Promise<CallbackReply> {
  return new Promise((resolve) => {
    const cancel = component.clock.after(ANSWER_WITHIN_MS, () => resolve(AGAIN));
    handling.then(resolve, () => resolve(AGAIN)).finally(cancel);
  });
}

/** Nobody else hears of it: who sent the push is told to send it again, and no more. */
function warn({ component }: OpenPlatformContext, event: ComponentEvent, error: unknown): void {
  const whose = 'authorizerAppid' in event ? `, authorizer ${fingerprint(event.authorizerAppid)}` : '';
  const why = error instanceof Error ? error.message : 'unknown';
  process.emitWarning(`${labelOf(component)}${whose}: the push "${event.type}" could not be handled: ${why}`, {
    type: 'WeChatPush',
  });
}
