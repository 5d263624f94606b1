import { type CallbackReply, type CallbackRequest, labelOf, type Tokens } from '@evertoken/core';
import { openCallback, type ReceivedDingTalkPush } from '../callback/open-callback.js';
import { suiteEvents } from '../callback/suite-events.js';
import type { SuiteContext } from './suite-context.js';
import type { Suite } from './suite-options.js';
import { takeEvents } from './take-events.js';

/** 1 s: the platform waits 1.2 s for the answer to a SyncHTTP push, 1.5 s for others, and ours has to get there. */
const ANSWER_WITHIN_MS = 1_000;

/** Anything but an encrypted `success`: the platform sends the push again. */
const AGAIN: CallbackReply = Object.freeze({
  status: 500,
  headers: Object.freeze({ 'content-type': 'text/plain; charset=utf-8' }),
  body: 'try again',
});

/**
 * Answers a push to the suite's address once what it brought is stored. Where that takes longer than the platform waits, it goes on, and
 * the push is declined: it comes again, and is found done. So nothing is lost if this process dies at any point.
 */
export async function answerSuitePush(
  context: SuiteContext,
  tokens: Tokens,
  request: CallbackRequest,
): Promise<CallbackReply> {
  const { suite } = context;
  const { keys, ownerKeys, replayWindowMs } = suite;
  const push = await openCallback(request, { keys, ownerKeys, now: () => suite.clock.now(), replayWindowMs });
  if (push.kind !== 'event') return push.reply;
  const handling = handle(context, tokens, push).then(
    () => push.reply(),
    (error: unknown) => {
      warn(suite, error);
      return AGAIN;
    },
  );
  return withinTime(suite, handling);
}

async function handle(
  context: SuiteContext,
  tokens: Tokens,
  { event, timestamp }: ReceivedDingTalkPush,
): Promise<void> {
  const events = suiteEvents(event, timestamp);
  await takeEvents(context, tokens, events);
  const told = events.some(({ type }) => type !== 'suite_ticket' && type !== 'check');
  if (told) await context.suite.onEvent?.(event, events);
}

function withinTime({ clock }: Suite, handling: Promise<CallbackReply>): Promise<CallbackReply> {
  return new Promise((resolve) => {
    const cancel = clock.after(ANSWER_WITHIN_MS, () => resolve(AGAIN));
    handling.then(resolve, () => resolve(AGAIN)).finally(cancel);
  });
}

/** Nobody else hears of it: who sent the push is told to send it again, and no more. */
function warn({ name }: Suite, error: unknown): void {
  const why = error instanceof Error ? error.message : 'something was thrown that is no error';
  process.emitWarning(`${labelOf({ account: name })}: a push could not be handled, and should come again: ${why}`, {
    type: 'DingTalkSuite',
  });
}
