import { type CallbackReply, type CallbackRequest, TokenError, type Tokens } from '@evertoken/core';
import type { App } from './app.js';
import type { Push } from './push/open-push.js';
import type { PushContext, PushHandler, PushHandling } from './push/push-handler.js';
import type { PushResults } from './push/push-results.js';

/** What `callback` is made of. */
export interface AppCallbackInput<Client> {
  readonly app: App;
  readonly openPush: (request: CallbackRequest) => Promise<Push>;
  readonly client: (tokens: Tokens) => Client;
  readonly onPush: PushHandler<PushContext<Client>> | undefined;
}

/** Makes an account's `callback`: one memory of what was handled for each manager, however often it is asked for. */
export function appCallback<Client>(
  input: AppCallbackInput<Client>,
): (
  tokens: Tokens,
  handling?: PushHandling<PushContext<Client>>,
) => (request: CallbackRequest) => Promise<CallbackReply> {
  const { app, openPush, client } = input;
  const memories = new WeakMap<Tokens, PushResults>();
  return (tokens, { onPush = input.onPush } = {}) => {
    if (app.push.length === 0) throw noPushKeys(app.account);
    return async (request) => {
      const push = await openPush(request);
      if (push.kind !== 'message') return push.reply;
      const [{ answerPush }, { PushResults }, { takeUserEvent }] = await Promise.all([
        import('./push/answer-push.js'),
        import('./push/push-results.js'),
        import('./user-events.js'),
      ]);
      const results = memories.get(tokens) ?? new PushResults(() => app.clock.now());
      memories.set(tokens, results);
      return answerPush(push, {
        account: app.account,
        clock: app.clock,
        results,
        received: 'success',
        settle: () => takeUserEvent(app, tokens, push.message),
        ...(onPush && { handle: () => onPush(push, { client: client(tokens) }) }),
      });
    };
  };
}

/** Says what is missing where pushes are to be opened. */
export function noPushKeys(account: string): TokenError {
  return new TokenError(
    'ERR_TOKEN_CONFIGURATION',
    `"push" of account "${account}" is missing: pushes cannot be opened without { token, encodingAESKey }`,
    { account },
  );
}

/** What is wrong with a handler; the sentence begins with the quoted option. */
export function handlerProblems({ push, onPush }: { readonly push?: unknown; readonly onPush?: unknown }): string[] {
  if (onPush === undefined) return [];
  if (typeof onPush !== 'function') return [`"onPush" must be a function, got ${typeof onPush}`];
  return push === undefined
    ? ['"push" must be { token, encodingAESKey } where "onPush" is given: pushes cannot be opened without']
    : [];
}
