import { asObject, type CallbackReply, type CallbackRequest, labelOf, TokenError, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { type CallbackOutcome, handleCallback, type SignInStart, startSignIn } from './handle-callback.js';
import type { SignInCallback } from './sign-in.js';
import { beganWithin, type SignInBinding } from './sign-in-binding.js';
import { SignInCookie } from './sign-in-cookie.js';
import { type NextEngineSignInOptions, type SignInSettings, signInProblems } from './sign-in-options.js';
import { PRIVATE_HEADERS, refusalPage, textPage } from './sign-in-refusal.js';

/** How one request to the redirect URI is answered; what is left out follows the account's option `signIn`. */
export interface AnswerSignInOptions extends NextEngineSignInOptions {
  /** Who it must be, where the application's own session knows: see `SignInCallback.expected`. */
  readonly expected?: SignInCallback['expected'];
}

/** 5 s: no person is back from the sign-in page sooner; a redirect that leads nowhere is. */
const LOOP_MS = 5_000;

const NOT_ALLOWED: CallbackReply = Object.freeze(textPage(405, 'Only GET is answered here.', { allow: 'GET' }));

/** Answers a request to the redirect URI; see `NextEngineClient.answerSignIn`. */
export async function answerSignIn(
  context: AppContext,
  tokens: Tokens,
  request: CallbackRequest,
  { expected, ...given }: AnswerSignInOptions = {},
): Promise<CallbackReply> {
  const problems = signInProblems(given, 'options');
  if (problems.length > 0) throw new TypeError(problems.join('; '));
  if (request.method !== 'GET') return NOT_ALLOWED;
  const { settings } = context;
  const options: SignInSettings = { ...settings.signIn, ...withoutAbsent(given) };
  const cookie = new SignInCookie(settings, options.cookieName);
  const binding = cookie.in(request) as SignInBinding | undefined;
  const { uid, state, id } = request.query;
  let outcome: CallbackOutcome;
  try {
    outcome = await outcomeOf(context, tokens, { uid, state, id, binding, expected });
  } catch (error) {
    return taking(cookie, await refusal(context, options, request, error));
  }
  const { user, startOver } = outcome;
  if (startOver) return redirect(startOver.url, cookie.holding(startOver.binding));
  try {
    const reply = await options.onSignedIn?.(user, request);
    return isReply(reply) ? taking(cookie, reply) : redirect(options.afterSignIn, cookie.gone());
  } catch (error) {
    warn(settings.name, error);
    return taking(cookie, refusalPage(error));
  }
}

/** A direct visit begins at nothing, however often somebody thinks better of it; one that a redirect makes is counted. */
function outcomeOf(context: AppContext, tokens: Tokens, callback: SignInCallback): Promise<CallbackOutcome> {
  const { uid, state, binding } = callback;
  const { settings } = context;
  const isVisit = !uid && !state && !beganWithin(settings, binding, settings.clock.now(), LOOP_MS);
  if (!isVisit) return handleCallback(context, tokens, callback);
  const startOver: SignInStart = startSignIn(context);
  return Promise.resolve({ startOver });
}

async function refusal(
  { settings }: AppContext,
  { onRefused }: SignInSettings,
  request: CallbackRequest,
  error: unknown,
): Promise<CallbackReply> {
  if (!isOfTheBrowser(error)) warn(settings.name, error);
  if (onRefused && error instanceof TokenError) {
    try {
      const reply = await onRefused(error, request);
      if (isReply(reply)) return reply;
    } catch (failure) {
      warn(settings.name, failure);
    }
  }
  return refusalPage(error);
}

/** What a browser can cause is nothing for the log: anybody can open the address. */
function isOfTheBrowser(error: unknown): boolean {
  return error instanceof TokenError && error.code === 'ERR_TOKEN_REFUSED' && error.reason !== 'credentials';
}

/** The browser is told to try again, and nobody else hears of it. */
function warn(account: string, error: unknown): void {
  const why = error instanceof Error ? error.message : 'something was thrown that is no error';
  process.emitWarning(`${labelOf({ account })}: a sign-in was not completed: ${why}`, { type: 'NextEngineSignIn' });
}

function redirect(location: string, setCookie: string): CallbackReply {
  return { status: 302, headers: { location, 'set-cookie': setCookie, ...PRIVATE_HEADERS }, body: '' };
}

/** The reply, with the cookie taken away beside whatever cookies it sets itself. */
function taking(cookie: SignInCookie, { status, headers = {}, body }: CallbackReply): CallbackReply {
  const all: Record<string, string | readonly string[]> = { ...PRIVATE_HEADERS };
  const cookies: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'set-cookie') cookies.push(...[value].flat());
    else all[name.toLowerCase()] = value;
  }
  return { status, headers: { ...all, 'set-cookie': [...cookies, cookie.gone()] }, body };
}

/** Whether the handler answered: what it returns besides is for nobody. */
function isReply(returned: unknown): returned is CallbackReply {
  const reply = asObject(returned);
  return typeof reply?.['status'] === 'number' && typeof reply['body'] === 'string';
}

function withoutAbsent(options: NextEngineSignInOptions): Partial<SignInSettings> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
