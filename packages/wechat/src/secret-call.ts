import { type App, assertSecret, targetOf } from './app.js';
import type { WeChatCallOptions, WeChatParams } from './client.js';
import { addressOf, patiently } from './patient-call.js';
import { type ErrorTable, WECHAT_ERRORS, WeChatError } from './wechat-errors.js';

/** A call that carries the secret instead of a token. */
export interface SecretCall extends WeChatCallOptions {
  readonly path: string;
  readonly params?: WeChatParams;
  readonly body?: Readonly<Record<string, string>>;
  /** Further values that must not come back in a message. */
  readonly secrets?: readonly string[];
  /** What it carries works only once: not repeated where the answer was lost. */
  readonly once?: boolean;
}

/** Where no token is presented, 40001 speaks of the secret. */
const SECRET_ERRORS: ErrorTable = Object.freeze({
  ...WECHAT_ERRORS,
  40001: { reason: 'refused', meaning: 'the secret is wrong or belongs to another account', source: 'token' },
});

/** Makes it. Rejects with `WeChatError`, `ERR_TOKEN_CONFIGURATION` where there is no secret, `ERR_TOKEN_TRANSPORT` and `ERR_TOKEN_ABORTED`. */
export async function callWithSecret(
  app: App,
  { path, params, body, secrets = [], ...call }: SecretCall,
): Promise<unknown> {
  assertSecret(app);
  const outcome = await patiently(
    { ...targetOf(app), errors: SECRET_ERRORS },
    {
      ...call,
      ...addressOf(app.baseUrl, path, params),
      ...(body && { body: JSON.stringify(body) }),
      secrets: [app.secret, ...secrets],
    },
  );
  if (outcome instanceof WeChatError) throw outcome;
  return outcome.value;
}
