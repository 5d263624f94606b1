import { malformedAnswer, sendToPlatform, systemClock, TokenError, type Tokens } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { exchangeError, type Ids, signInError } from './nextengine-errors.js';
import { exchangeRequest, readAnswer, readUser, type SignedInUser, type WireAnswer } from './nextengine-wire.js';
import { bindingProblem, type SignInBinding } from './sign-in-binding.js';
import { issuedPair, pairOf, UserTokenSource } from './user-token-source.js';

/** What came back to the redirect URI, and the binding kept in the session. */
export interface SignInCallback {
  /** `uid` of the callback's query. */
  readonly uid: string | undefined;
  /** `state` of the callback's query: NextEngine's own, valid 5 minutes. */
  readonly state: string | undefined;
  /** From `signIn()`, out of the same session. */
  readonly binding: SignInBinding | undefined;
}

/** 10 s: the end dates are wanted at once, but not at the price of a browser that waits. */
const COMPLETION_WAIT_MS = 10_000;

const BINDING_PROBLEMS = Object.freeze({
  unbound: 'this session began no sign-in',
  foreign: 'the binding is none of this app',
  expired: 'this sign-in was begun too long ago',
});

/** Ends a sign-in; see `NextEngineClient.exchange`. */
export async function exchangeSignIn(
  settings: AppSettings,
  tokens: Tokens,
  { uid, state, binding }: SignInCallback,
): Promise<SignedInUser> {
  const source = new UserTokenSource(settings, uid);
  const ids = { account: settings.name, kind: source.kind, ...(source.subject && { subject: source.subject }) };
  const problem = bindingProblem(settings, binding, systemClock.now());
  if (problem) throw signInError(problem, BINDING_PROBLEMS[problem], ids);
  const asked = { uid: source.subject, state };
  if (!isComplete(asked) || !hasKey(source)) {
    throw signInError('incomplete', 'the callback came without a usable uid and state', ids);
  }

  let answer: WireAnswer | undefined;
  await tokens.authorize(source, async (request) => {
    const reply = await sendToPlatform({
      ...exchangeRequest(settings.apiUrl, { ...settings, ...asked }),
      ...ids,
      fetch: request.fetch,
      signal: request.signal,
    });
    answer = readAnswer(reply.json);
    if (!answer) throw malformedAnswer(ids, 'no JSON object', { status: reply.status });
    const pair = pairOf(answer);
    if (!pair) throw refusal(answer, ids, request.now());
    checkUser(answer, asked.uid, ids);
    const { companyNeId } = readUser(answer) ?? {};
    return { ...issuedPair(pair, answer, reply), ...(companyNeId !== undefined && { extra: { companyNeId } }) };
  });
  if (!answer) throw malformedAnswer(ids, 'none was asked for');
  // An error that brought a pair is an error still; the pair is safe by now.
  if (answer.result !== 'success') throw exchangeError(answer, { ids, now: systemClock.now() });

  await completeEnds(tokens, source);
  return checkUser(answer, asked.uid, ids);
}

/** The exchange tells no end dates; the renewal call echoes the new pair with them (sheet §3.3). */
async function completeEnds(tokens: Tokens, source: UserTokenSource): Promise<void> {
  try {
    await tokens.refresh(source, { signal: AbortSignal.timeout(COMPLETION_WAIT_MS) });
  } catch {
    // The pair is stored. Without ends it is due at once, so the next sweep does what this call could not.
  }
}

function refusal(answer: WireAnswer, ids: Ids, now: number): TokenError {
  if (answer.result === undefined) return malformedAnswer(ids, 'no "result"');
  if (answer.result !== 'success') return exchangeError(answer, { ids, now });
  return malformedAnswer(ids, 'half a token pair or none');
}

/** Tokens of one user below another's key would show one user another's data. */
function checkUser(answer: WireAnswer, askedUid: string, ids: Ids): SignedInUser {
  const user = readUser(answer);
  if (!user) throw malformedAnswer(ids, 'no "uid"');
  if (user.uid !== askedUid) throw signInError('mismatch', 'NextEngine answered for another user', ids);
  return user;
}

/** A query may hold anything: arrays where a parameter is repeated, too. */
function isComplete(asked: { uid: unknown; state: unknown }): asked is { uid: string; state: string } {
  return typeof asked.uid === 'string' && typeof asked.state === 'string' && asked.state !== '';
}

function hasKey(source: UserTokenSource): boolean {
  try {
    return source.key !== '';
  } catch (error) {
    if (error instanceof TokenError) throw error;
    return false;
  }
}
