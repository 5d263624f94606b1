import { fingerprint, malformedAnswer, sendToPlatform, TokenError, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { exchangeError, type Ids, signInError } from './nextengine-errors.js';
import { exchangeRequest, readAnswer, readUser, type SignedInUser, type WireAnswer } from './nextengine-wire.js';
import { bindingProblem, type SignInBinding } from './sign-in-binding.js';
import { saveFacts } from './user-adapter.js';
import { extraWith, factsIn, type NextEngineUserFacts, userFactsOf } from './user-facts.js';
import { issuedPair, pairOf, UserTokenSource } from './user-token-source.js';

/** What came back to the redirect URI, and the binding kept in the session. */
export interface SignInCallback {
  /** `uid` of the callback's query. */
  readonly uid: string | undefined;
  /** `state` of the callback's query: NextEngine's own, valid 5 minutes. */
  readonly state: string | undefined;
  /** `id` of a launch from NextEngine's menu. Not needed, and ignored. */
  readonly id?: string | undefined;
  /** From `signIn()` or `startOver`, out of the same session. */
  readonly binding: SignInBinding | undefined;
  /** Who it must be, where the application's own session knows; anybody else is refused, and nothing stored. */
  readonly expected?:
    | {
        /** The user's id. */
        readonly uid?: string | undefined;
        /** Company id of the main function. */
        readonly companyNeId?: string | undefined;
      }
    | undefined;
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
  context: AppContext,
  tokens: Tokens,
  { uid, state, binding, expected }: SignInCallback,
): Promise<SignedInUser> {
  const { settings, usage, signingIn } = context;
  const source = new UserTokenSource(context, uid);
  const ids = { account: settings.name, kind: source.kind, ...(source.subject && { subject: source.subject }) };
  const problem = bindingProblem(settings, binding, settings.clock.now());
  if (problem) throw signInError(problem, BINDING_PROBLEMS[problem], ids);
  const asked = { uid: source.subject, state };
  if (!isComplete(asked) || !hasKey(source)) {
    throw signInError('incomplete', 'the callback came without a usable uid and state', ids);
  }
  if (expected?.uid !== undefined && expected.uid !== asked.uid) {
    throw signInError('mismatch', 'another user signed in than the one of this session', ids);
  }

  let answer: WireAnswer | undefined;
  signingIn.add(asked.uid);
  try {
    await tokens.authorize(source, async (request) => {
      usage.count();
      const reply = await sendToPlatform({
        ...exchangeRequest(settings.apiUrl, { ...settings, ...asked }),
        ...ids,
        fetch: request.fetch,
        signal: request.signal,
      });
      answer = readAnswer(reply.json);
      if (!answer) throw malformedAnswer(ids, 'no JSON object', { status: reply.status });
      const pair = pairOf(answer);
      if (!pair) throw refusal(answer, ids, request);
      const user = checkUser(answer, asked.uid, ids);
      const stored = factsIn(request.current?.extra).companyNeId;
      checkCompany(user, { expected: expected?.companyNeId, stored, ids });
      const extra = extraWith(undefined, factsIn({ ...user }), settings);
      return { ...issuedPair(pair, answer, reply), ...(extra && { extra }) };
    });
    if (!answer) throw malformedAnswer(ids, 'none was asked for');
    // An error that brought a pair is an error still; the pair is safe by now.
    if (answer.result !== 'success') {
      throw exchangeError(answer, { ids, now: settings.clock.now(), random: settings.random });
    }
    await completeEnds(tokens, source);
  } finally {
    signingIn.delete(asked.uid);
  }
  const user = checkUser(answer, asked.uid, ids);
  if (settings.users) await saveFacts(settings, await factsOf(tokens, source, user));
  return user;
}

/**
 * The exchange tells no end dates and no company at the main function; the renewal call echoes the new pair with the ends, and
 * tells the rest (sheet §3.3, §6).
 */
async function completeEnds(tokens: Tokens, source: UserTokenSource): Promise<void> {
  try {
    await tokens.refresh(source, { signal: AbortSignal.timeout(COMPLETION_WAIT_MS) });
  } catch {
    // The pair is stored. Without ends it is due at once, so the next sweep does what this call could not.
  }
}

/** What is known of the user by now: what is stored, else what the exchange told. */
async function factsOf(tokens: Tokens, source: UserTokenSource, user: SignedInUser): Promise<NextEngineUserFacts> {
  const stored = await tokens.get(source).then(
    ({ extra }) => extra,
    () => undefined,
  );
  return userFactsOf(user.uid, stored ?? { ...(user.companyNeId && { companyNeId: user.companyNeId }) });
}

function refusal(answer: WireAnswer, ids: Ids, { now, random }: { now: () => number; random: () => number }) {
  if (answer.result === undefined) return malformedAnswer(ids, 'no "result"');
  if (answer.result !== 'success') return exchangeError(answer, { ids, now: now(), random });
  return malformedAnswer(ids, 'half a token pair or none');
}

/** Tokens of one user below another's key would show one user another's data. */
function checkUser(answer: WireAnswer, askedUid: string, ids: Ids): SignedInUser {
  const user = readUser(answer);
  if (!user) throw malformedAnswer(ids, 'no "uid"');
  if (user.uid !== askedUid) throw signInError('mismatch', 'NextEngine answered for another user', ids);
  return user;
}

/** So would tokens of another company. */
function checkCompany(
  { uid, companyNeId }: SignedInUser,
  { expected, stored, ids }: { expected: string | undefined; stored: string | undefined; ids: Ids },
): void {
  if (expected !== undefined && companyNeId !== expected) {
    throw signInError('mismatch', 'NextEngine answered for another company than the one of this session', ids);
  }
  if (stored !== undefined && companyNeId !== undefined && companyNeId !== stored) {
    const why = `NextEngine answered for another company than the one stored with user ${fingerprint(uid)}`;
    throw signInError('mismatch', `${why} (forget the user first if that is right)`, ids);
  }
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
