import { type CallbackReply, type Clock, labelOf } from '@evertoken/core';
import type { ReceivedPush } from './open-push.js';
import { type Acknowledgement, passiveReply } from './passive-reply.js';
import type { PushResult } from './push-handler.js';
import type { PushResults } from './push-results.js';

/** 4 s: the platforms wait 5 s for an answer, and ours has to get there. */
const ANSWER_WITHIN_MS = 4_000;

/** Anything that is no answer: the platform sends the push again, three times in all. */
const AGAIN: CallbackReply = Object.freeze({
  status: 500,
  headers: Object.freeze({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }),
  body: 'try again',
});

/** What is done with one push, and by whom. */
export interface PushWork {
  /** The account's name. */
  readonly account: string;
  readonly clock: Clock;
  readonly results: PushResults;
  readonly received: Acknowledgement;
  /** What the push means for tokens: done first, and the push comes again until it is. */
  readonly settle?: () => Promise<void>;
  /** The application's own. */
  readonly handle?: () => unknown;
}

/**
 * Answers a genuine push within the platform's time. A push that was handled is answered as it was then. Never rejects: what fails is told as
 * a process warning, and the platform sends the push again.
 */
export async function answerPush(push: ReceivedPush, work: PushWork): Promise<CallbackReply> {
  const { clock, results, received, settle, handle } = work;
  let isOurs = false;
  const entry = results.of(push, async (own) => {
    isOurs = true;
    await settle?.();
    own.settled = true;
    return (await handle?.()) as PushResult;
  });
  return new Promise((resolve) => {
    let isLate = false;
    const cancel = clock.after(ANSWER_WITHIN_MS, () => {
      isLate = true;
      resolve(entry.settled ? push.reply(received) : AGAIN);
    });
    entry.result
      .then((result) => resolve(passiveReply(push, result, { now: clock.now(), received })))
      .catch((error: unknown) => {
        if (isOurs) warn(work, error, isLate && entry.settled);
        resolve(AGAIN);
      })
      .finally(cancel);
  });
}

function warn({ account }: PushWork, error: unknown, answered: boolean): void {
  const why = error instanceof Error ? error.message : 'something was thrown that is no error';
  const then = answered ? 'it was answered by then and does not come again' : 'it should come again';
  process.emitWarning(`${labelOf({ account })}: a push was not dealt with, ${then}: ${why}`, { type: 'WeChatPush' });
}
