import { TokenError, type Tokens } from '@evertoken/core';
import type { App } from './app.js';
import type { WeChatCallOptions } from './client.js';
import { callWithSecret } from './secret-call.js';
import { BASE, type SignInBinding } from './sign-in-start.js';
import { USER_TOKEN, userTokenIn, userTokenSource, type WeChatUserFacts } from './user-token.js';

/** What came back to the redirect URI, and the binding kept in the session. */
export interface SignInCallback {
  /** `code` of the callback's query: works once, 5 minutes. Absent where the user declined. */
  readonly code: string | undefined;
  /** `state` of the callback's query. */
  readonly state: string | undefined;
  /** From `signIn`, out of the same session. */
  readonly binding: SignInBinding | undefined;
}

const PROBLEMS = Object.freeze({
  unbound: 'this session began no sign-in',
  foreign: 'the callback belongs to another session',
  declined: 'the callback came without a code: the user declined',
});

/** See `OfficialAccountClient.exchange`. */
export async function exchangeSignIn(
  app: App,
  tokens: Tokens,
  { code, state, binding }: SignInCallback,
  options: WeChatCallOptions = {},
): Promise<WeChatUserFacts> {
  const ids = { account: app.account, kind: USER_TOKEN.kind };
  const problem = !binding ? 'unbound' : !isSame(binding, state) ? 'foreign' : !code ? 'declined' : undefined;
  if (problem || !code) {
    const reason = problem ?? 'declined';
    const message = `account "${app.account}": ${PROBLEMS[reason]}; begin the sign-in again`;
    throw new TokenError('ERR_TOKEN_REFUSED', message, { ...ids, reason });
  }
  const json = await callWithSecret(app, {
    ...options,
    path: '/sns/oauth2/access_token',
    params: { appid: app.id, secret: app.secret, code, grant_type: 'authorization_code' },
    secrets: [code],
    once: true,
  });
  const { issued, facts } = userTokenIn(json, ids);
  // A token of the base scope opens nothing that `openid` does not, and would take the place of one the user was asked for.
  if (app.userTokens && facts.scope !== BASE) {
    // Its life counts from now and not from the request, so that it ends no sooner than what a renewal of the last sign-in, under
    // way at this moment, will bring: of two answers the one that lives longer stands. The seconds are within the manager's skew.
    await tokens.adopt(userTokenSource(app, facts.openid), issued, { grant: true });
  }
  return facts;
}

/** In constant time. */
function isSame(binding: string, state: unknown): boolean {
  if (typeof state !== 'string' || typeof binding !== 'string') return false;
  const [expected, given] = [Buffer.from(binding), Buffer.from(state)];
  return expected.length === given.length && process.getBuiltinModule('node:crypto').timingSafeEqual(expected, given);
}
