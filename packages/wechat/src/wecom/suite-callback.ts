import type { CallbackReply, CallbackRequest, Tokens } from '@evertoken/core';
import { openPush, type ReceivedPush } from '../push/open-push.js';
import type { PushKeys } from '../push/push-keys.js';
import { type PushMessage, textOf } from '../push/push-message.js';
import { suiteEvent } from '../push/suite-event.js';
import { WeChatError } from '../wechat-errors.js';
import { inBackground, obtain, type SuiteInstallations, type WeComInstallation } from './suite-installations.js';
import { SUITE_TICKET_LIFETIME_MS, type Suite, type SuiteSources } from './suite-sources.js';

/** What came to the command address, other than tickets; the tokens have been seen to already. A push that is repeated is told again. */
export interface WeComSuiteEvent {
  /** `create_auth`, `reset_permanent_code`, `change_auth`, `cancel_auth`, `change_contact` and whatever else the platform sends. */
  readonly infoType: string | undefined;
  /** The corp it is about, where it is about one. */
  readonly corpId: string | undefined;
  /** Of an installation. */
  readonly installation?: WeComInstallation;
  /** All fields, as the platform calls them. An auth code in it is used already. */
  readonly message: PushMessage;
}

/** What the address needs of its account. */
export interface SuiteCallbackInput {
  readonly suite: Suite;
  readonly sources: SuiteSources;
  readonly installations: SuiteInstallations;
  readonly keys: () => readonly PushKeys[];
  /** The provider's corp id, for the verification of the address. */
  readonly corpId: string | undefined;
  readonly onEvent: ((event: WeComSuiteEvent) => unknown) | undefined;
}

/** The platform pushes again what was answered like this. */
const AGAIN: CallbackReply = Object.freeze({ status: 500, body: '' });

/**
 * Answers requests to a suite's command address.
 *
 * `success` is answered once what must not be lost is stored: a ticket, or a permanent code, whose auth code can be redeemed once.
 * A process that dies before it has redeemed the code leaves the push unanswered: the platform sends it again, up to three times,
 * and another process does it. Answering first, as the platform's few seconds suggest, would leave nobody with the code. What
 * remains are the milliseconds between the platform's answer and the store's acknowledgement (with a journal its own, where the
 * store is slow), and an answer that is lost on the way: the corp then has to install the app again, and a process warning says so.
 * An exchange slower than the platform's patience goes on; the repetition joins it, or in another process finds it stored.
 * Everything else (a new suite token, a corp's first token) is done after the answer.
 */
export async function answerSuitePush(
  input: SuiteCallbackInput,
  tokens: Tokens,
  request: CallbackRequest,
): Promise<CallbackReply> {
  const { suite, corpId } = input;
  const push = await openPush(request, {
    keys: input.keys(),
    // Verifications are for the provider's corp, in older consoles for the suite.
    receiveIds: request.method === 'GET' && corpId ? [corpId, suite.id] : [suite.id],
    now: () => suite.clock.now(),
    verification: 'encrypted',
  });
  if (push.kind !== 'message') return push.reply;
  try {
    await take(input, tokens, push);
  } catch (error) {
    warn(
      suite,
      `a push (${textOf(push.message, 'InfoType')}) was not dealt with, and should come again: ${said(error)}`,
    );
    return AGAIN;
  }
  return push.reply();
}

async function take(input: SuiteCallbackInput, tokens: Tokens, { message }: ReceivedPush): Promise<void> {
  const { sources, suite } = input;
  const event = suiteEvent(message);
  if (event.type !== 'other' && event.suiteId !== suite.id) return;
  switch (event.type) {
    case 'suite_ticket': {
      const issued = { value: event.ticket, lifetimeMs: SUITE_TICKET_LIFETIME_MS };
      await tokens.adopt(sources.ticket, issued, { order: event.createTime });
      // Whoever waited for it need not wait for the next sweep.
      inBackground(obtain(tokens, sources.accessToken));
      return;
    }
    case 'create_auth':
    case 'reset_permanent_code': {
      const installation = await exchanged(input, tokens, event);
      if (installation) await tell(input, { infoType: event.type, corpId: installation.corpId, installation, message });
      return;
    }
    case 'change_auth':
      await input.installations.change(tokens, event.authCorpId);
      return tell(input, { infoType: event.type, corpId: event.authCorpId, message });
    case 'cancel_auth': {
      const gone = await input.installations.cancel(tokens, event.authCorpId, event.createTime);
      if (gone) await tell(input, { infoType: event.type, corpId: event.authCorpId, message });
      return;
    }
    default: {
      const corpId = message['AuthCorpId'];
      await tell(input, { infoType: event.infoType, corpId: typeof corpId === 'string' ? corpId : undefined, message });
    }
  }
}

async function exchanged(
  { installations, suite }: SuiteCallbackInput,
  tokens: Tokens,
  event: { readonly authCode: string; readonly createTime: number },
): Promise<WeComInstallation | undefined> {
  try {
    return await installations.exchange(tokens, event.authCode, event.createTime);
  } catch (error) {
    // Used, and nobody has what it brought: no repetition changes that.
    if (!(error instanceof WeChatError && error.errcode === 40078)) throw error;
    warn(
      suite,
      'an auth code was used already and nothing is stored of it; a corp that misses the app must install it again',
    );
    return undefined;
  }
}

async function tell({ onEvent }: SuiteCallbackInput, event: WeComSuiteEvent): Promise<void> {
  await onEvent?.(event);
}

/** The platform is answered, and nobody else has asked. */
function warn({ account }: Suite, message: string): void {
  process.emitWarning(`account "${account}": ${message}`, { type: 'WeComSuite' });
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : 'something was thrown that is no error';
}
