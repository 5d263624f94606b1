import { TokenError, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { type SignInProblem, signInError } from './nextengine-errors.js';
import { type SignedInUser, signInUrl } from './nextengine-wire.js';
import { exchangeSignIn, type SignInCallback } from './sign-in.js';
import { makeBinding, type SignInBinding, startOversIn } from './sign-in-binding.js';

/** Where a sign-in begins: send the browser to `url` and keep `binding` in its session. */
export interface SignInStart {
  /** Where to send the browser. */
  readonly url: string;
  /** Keep it in the browser's session. */
  readonly binding: SignInBinding;
}

/** How a callback ended: somebody signed in, or the browser has to go to the sign-in page. */
export type CallbackOutcome =
  | {
      /** Who signed in. */
      readonly user: SignedInUser;
      readonly startOver?: never;
    }
  | {
      /** Send the browser there and keep the binding, as at the beginning. */
      readonly startOver: SignInStart;
      readonly user?: never;
    };

/** 3: one for a launch from the menu, and two for a `state` or binding that grew too old on the way. */
const MAX_START_OVERS = 3;

/** Problems that going to the sign-in page cures. */
const CURABLE: ReadonlySet<string | undefined> = new Set<SignInProblem>(['unbound', 'expired', 'refused']);

/** Begins a sign-in. */
export function startSignIn({ settings }: AppContext, startOvers = 0): SignInStart {
  return {
    url: signInUrl(settings.baseUrl, settings),
    binding: makeBinding(settings, settings.clock.now(), startOvers),
  };
}

/** Answers a callback; see `NextEngineClient.handleCallback`. */
export async function handleCallback(
  context: AppContext,
  tokens: Tokens,
  callback: SignInCallback,
): Promise<CallbackOutcome> {
  // Neither of them: somebody opened the page directly (sheet §3.2).
  if (!callback.uid && !callback.state) return startOver(context, callback, directVisit(context));
  try {
    return { user: await exchangeSignIn(context, tokens, callback) };
  } catch (error) {
    const curable = error instanceof TokenError && error.code === 'ERR_TOKEN_REFUSED' && CURABLE.has(error.reason);
    if (!curable) throw error;
    return startOver(context, callback, error);
  }
}

/**
 * A browser for which starting over cures nothing would go to and fro for ever. One that keeps no cookies brings no binding at
 * all, and is stopped by its own limit of redirects.
 */
function startOver(context: AppContext, { binding }: SignInCallback, because: TokenError): CallbackOutcome {
  const { settings } = context;
  const startOvers = startOversIn(settings, binding, settings.clock.now());
  if (startOvers >= MAX_START_OVERS) throw because;
  return { startOver: startSignIn(context, startOvers + 1) };
}

function directVisit({ settings }: AppContext): TokenError {
  return signInError('incomplete', 'the callback came without uid and state', {
    account: settings.name,
    kind: 'access_token',
  });
}
