import { type CallbackReply, type CallbackRequest, labelOf, TokenError, type Tokens } from '@evertoken/core';
import type { DingTalkAppClient } from './app-client.js';
import type { HandledPushes } from './callback/handled-pushes.js';
import type { DingTalkPush, ReceivedDingTalkPush } from './callback/open-callback.js';
import type { DingTalkSettings } from './options.js';

/** What a handler is given beside the push. */
export interface DingTalkPushContext {
  /** Calls of the app that the push is for. */
  readonly client: DingTalkAppClient;
}

/**
 * Told of each event, once; checks of the address are answered without it. The platform is answered once it has resolved. Where it takes longer
 * than 1 s it goes on, and the push is declined: it comes again, and is found done. Where it throws, the push comes again and is
 * handled anew, up to 100 times: what must not be repeated has to be caught.
 */
export type DingTalkPushHandler = (push: ReceivedDingTalkPush, context: DingTalkPushContext) => unknown;

/** Who is told of pushes. */
export interface DingTalkPushHandling {
  /** Told of the events that come by HTTP, once genuine. Default: they are answered, and nobody is told. */
  readonly onPush?: DingTalkPushHandler | undefined;
}

/** What `callback` is made of. */
export interface AppCallbackInput {
  readonly settings: Pick<DingTalkSettings, 'name' | 'clock'>;
  readonly openPush: (request: CallbackRequest) => Promise<DingTalkPush>;
  readonly client: (tokens: Tokens) => DingTalkAppClient;
  readonly onPush: DingTalkPushHandler | undefined;
}

/** 1 s: the platform waits 1.5 s for an answer, and ours has to get there. */
const ANSWER_WITHIN_MS = 1_000;

/** Anything but an encrypted `success`: the platform sends the push again. */
const AGAIN: CallbackReply = Object.freeze({
  status: 500,
  headers: Object.freeze({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }),
  body: 'try again',
});

/** Events by which the platform checks an address (page `http-callback-overview`). */
const CHECKS: readonly unknown[] = ['check_url', 'check_create_suite_url', 'check_update_suite_url'];

/** Makes the app's `callback`: one memory of what was handled for each manager, however often it is asked for. */
export function appCallback(
  input: AppCallbackInput,
): (tokens: Tokens, handling?: DingTalkPushHandling) => (request: CallbackRequest) => Promise<CallbackReply> {
  const { settings, openPush, client } = input;
  const memories = new WeakMap<Tokens, HandledPushes>();
  return (tokens, { onPush = input.onPush } = {}) =>
    async (request) => {
      const push = await openPush(request);
      if (push.kind !== 'event') return push.reply;
      if (onPush === undefined || CHECKS.includes(push.event['EventType'])) return push.reply();
      const { HandledPushes } = await import('./callback/handled-pushes.js');
      const handled = memories.get(tokens) ?? new HandledPushes(() => settings.clock.now());
      memories.set(tokens, handled);
      const handling = handled.once(push, async () => {
        try {
          await onPush(push, { client: client(tokens) });
        } catch (error) {
          warn(settings.name, error);
          throw error;
        }
      });
      return withinTime(settings, push, handling);
    };
}

/** Says what is missing where pushes are to be opened. */
export function noPushKeys(account: string): TokenError {
  const message = `"push" of account "${account}" is missing: pushes cannot be opened without { token, encodingAESKey }`;
  return new TokenError('ERR_TOKEN_CONFIGURATION', message, { account });
}

function withinTime(
  { clock }: AppCallbackInput['settings'],
  push: ReceivedDingTalkPush,
  handling: Promise<void>,
): Promise<CallbackReply> {
  return new Promise((resolve) => {
    const cancel = clock.after(ANSWER_WITHIN_MS, () => resolve(AGAIN));
    handling
      .then(
        () => resolve(push.reply()),
        () => resolve(AGAIN),
      )
      .finally(cancel);
  });
}

/** Nobody else hears of it: who sent the push is told to send it again, and no more. */
function warn(account: string, error: unknown): void {
  const why = error instanceof Error ? error.message : 'something was thrown that is no error';
  process.emitWarning(`${labelOf({ account })}: a push was not dealt with, and should come again: ${why}`, {
    type: 'DingTalkPush',
  });
}
