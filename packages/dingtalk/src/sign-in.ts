import {
  asObject,
  fingerprint,
  type IssuedToken,
  malformedAnswer,
  type PresentedToken,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { API } from './calls.js';
import { DingTalkError } from './dingtalk-errors.js';
import { type PatientCall, patiently } from './patient-call.js';
import type { SignInBinding } from './sign-in-start.js';
import { type DingTalkUserId, USER_TOKEN, type UserContext, userSignInSource, userTokenSource } from './user-token.js';
import { idIn, userTokenIn, userTokenRequest } from './user-wire.js';

/** What came back to the redirect URI, and the binding kept in the session. */
export interface SignInCallback {
  /** `authCode` of the callback's query: works once. */
  readonly authCode: string | undefined;
  /** `state` of the callback's query. */
  readonly state: string | undefined;
  /** `error` of the callback's query: the user declined. */
  readonly error?: string | undefined;
  /** From `signIn`, out of the same session. */
  readonly binding: SignInBinding | undefined;
  /** Who it must be, where the application's own session knows; anybody else is refused, and nothing stored. */
  readonly expected?: Partial<DingTalkUserId> | undefined;
}

/** Who signed in. */
export interface SignedInUser extends DingTalkUserId {
  /** The user's id in this app. */
  readonly openId?: string;
  /** What the user is called in DingTalk. */
  readonly nick?: string;
}

/** A pair in hand, the organisation it is for, and when it was asked for, by the account's monotonic clock. */
interface Pair {
  readonly issued: IssuedToken;
  readonly corpId: string | undefined;
  readonly since: number;
}

const PROBLEMS = Object.freeze({
  unbound: 'this session began no sign-in',
  foreign: 'the callback belongs to another session',
  declined: 'the callback came without a code: the user declined',
  mismatch: 'another user, or one of another organisation, signed in than the one of this session',
});

/** 1 min: a code works once, so its answer is worth a wait. */
const EXCHANGE_TIMEOUT_MS = 60_000;

/**
 * Ends a sign-in; see `DingTalkAppClient.exchange`. Whose pair it is says another call, made with the pair in hand. Should that
 * one fail for good, the pair is kept below the sign-in's own key, and the same exchange, made again, goes on from there.
 */
export async function exchangeSignIn(
  context: UserContext,
  tokens: Tokens,
  { authCode, state, error, binding, expected }: SignInCallback,
): Promise<SignedInUser> {
  const problem = !binding
    ? 'unbound'
    : !isSame(binding, state)
      ? 'foreign'
      : error || !authCode
        ? 'declined'
        : undefined;
  if (problem || !binding || !authCode) throw refused(context, problem ?? 'declined');

  const waiting = userSignInSource(context, fingerprint(binding));
  const redeemed = await redeem(context, authCode);
  const resumed = redeemed instanceof DingTalkError;
  const pair = resumed ? await keptPair(context, tokens, { waiting, refusal: redeemed }) : redeemed;
  let user: SignedInUser;
  try {
    user = await whoseIs(context, pair);
  } catch (failure) {
    if (context.userTokens && !resumed) {
      await tokens.adopt(waiting, waitingPair(context, pair), { grant: true });
    }
    throw failure;
  }
  const { unionId, corpId, openId } = user;
  const wrong = [expected?.unionId, expected?.corpId].some(
    (id, at) => id !== undefined && id !== [unionId, corpId][at],
  );
  if (context.userTokens && !wrong) {
    const extra = { unionId, ...(openId !== undefined && { openId }), ...(corpId !== undefined && { corpId }) };
    await tokens.adopt(userTokenSource(context, user), { ...aged(context, pair), extra }, { grant: true });
  }
  if (resumed) await tokens.forget(waiting, { grant: true });
  if (wrong) throw refused(context, 'mismatch');
  return user;
}

/** The code's pair, or the platform's word that the code is spent. Nobody's signal ends it: half of it may have happened. */
async function redeem(context: UserContext, code: string): Promise<Pair | DingTalkError> {
  const since = context.clock.monotonic();
  const { url, ...request } = userTokenRequest(context.baseUrls, context, { grantType: 'authorization_code', code });
  const outcome = await send(context, {
    ...request,
    url: new URL(url),
    options: { repeatable: false, timeoutMs: EXCHANGE_TIMEOUT_MS },
  });
  if ('error' in outcome) {
    if (outcome.error.reason === 'reauthorize') return outcome.error;
    throw outcome.error;
  }
  const pair = userTokenIn(outcome.body);
  const about = { account: context.name, kind: USER_TOKEN.kind };
  if (!pair) throw malformedAnswer(about, 'it carries no token');
  if (context.userTokens && !pair.issued.refreshToken) throw malformedAnswer(about, 'it carries no refresh token');
  return { ...pair, since };
}

/** Who the pair's user is (page `common-errors`): asked patiently, since the code that brought the pair is spent. */
async function whoseIs(context: UserContext, { issued, corpId }: Pair): Promise<SignedInUser> {
  const outcome = await send(context, {
    method: 'GET',
    url: new URL(`${context.baseUrls.api}/v1.0/contact/users/me`),
    token: issued.value,
  });
  if ('error' in outcome) throw outcome.error;
  const { unionId: id, openId, nick } = asObject(outcome.body) ?? {};
  const unionId = idIn(id);
  if (unionId === undefined) throw malformedAnswer({ account: context.name }, '"unionId" is no id');
  return {
    unionId,
    ...(corpId !== undefined && { corpId }),
    ...(typeof openId === 'string' && openId !== '' && { openId }),
    ...(typeof nick === 'string' && nick !== '' && { nick }),
  };
}

/** What an earlier try of the same sign-in left. Rejects with the refusal where it left nothing. */
async function keptPair(
  context: UserContext,
  tokens: Tokens,
  { waiting, refusal }: { waiting: TokenSource; refusal: DingTalkError },
): Promise<Pair> {
  if (!context.userTokens) throw refusal;
  // A look that leaves nothing behind: whoever invents codes must not fill the store.
  if (!(await isKept(tokens, waiting))) throw refusal;
  let kept: PresentedToken | undefined;
  try {
    // Under the key's lease, and ended before anything is committed: this only looks.
    await tokens.authorize(waiting, async ({ current }) => {
      kept = current;
      throw refusal;
    });
  } catch (error) {
    if (error !== refusal) throw error;
  }
  if (!kept?.refreshToken) throw refusal;
  const { value, refreshToken, extra } = kept;
  const { corpId, expiresAt, refreshTokenExpiresAt } = extra ?? {};
  const until = (end: unknown) => (typeof end === 'number' ? Math.max(1, end - context.clock.now()) : undefined);
  const [lifetimeMs, refreshTokenLifetimeMs] = [until(expiresAt), until(refreshTokenExpiresAt)];
  return {
    issued: {
      value,
      refreshToken,
      ...(lifetimeMs !== undefined && { lifetimeMs }),
      ...(refreshTokenLifetimeMs !== undefined && { refreshTokenLifetimeMs }),
    },
    corpId: idIn(corpId),
    since: context.clock.monotonic(),
  };
}

/** Lifetimes count from when the pair was asked for; it may have waited since for its user to be told. */
function aged({ clock }: UserContext, { issued, since }: Pair): IssuedToken {
  const age = Math.ceil(clock.monotonic() - since);
  const { lifetimeMs, refreshTokenLifetimeMs } = issued;
  return {
    ...issued,
    ...(lifetimeMs !== undefined && { lifetimeMs: Math.max(1, lifetimeMs - age) }),
    ...(refreshTokenLifetimeMs !== undefined && { refreshTokenLifetimeMs: Math.max(1, refreshTokenLifetimeMs - age) }),
  };
}

/** The pair as it is kept until its user is told: without an end of its own, which would hide it, and with what is to be known of it. */
function waitingPair(context: UserContext, pair: Pair): IssuedToken {
  const { value, refreshToken, lifetimeMs, refreshTokenLifetimeMs } = aged(context, pair);
  const now = context.clock.now();
  const extra = {
    ...(pair.corpId !== undefined && { corpId: pair.corpId }),
    ...(lifetimeMs !== undefined && { expiresAt: now + lifetimeMs }),
    ...(refreshTokenLifetimeMs !== undefined && { refreshTokenExpiresAt: now + refreshTokenLifetimeMs }),
  };
  return { value, ...(refreshToken !== undefined && { refreshToken }), extra };
}

async function isKept(tokens: Tokens, waiting: TokenSource): Promise<boolean> {
  try {
    await tokens.get(waiting);
    return true;
  } catch (error) {
    if (error instanceof TokenError && error.code === 'ERR_TOKEN_WAITING') return false;
    throw error;
  }
}

function send(
  context: UserContext,
  {
    url,
    method = 'GET',
    headers = {},
    body,
    token,
    options,
  }: {
    readonly url: URL;
    readonly method?: string | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly body?: PatientCall['draft']['body'] | undefined;
    readonly token?: string;
    readonly options?: PatientCall['options'];
  },
) {
  const draft = { method, url, headers, ...(body !== undefined && { body }) };
  const placed = token === undefined ? draft : API.place(draft, token, '');
  return patiently({ ...context, family: API }, { method, path: url.pathname, draft: placed, options });
}

function refused({ name: account }: UserContext, reason: keyof typeof PROBLEMS): TokenError {
  const message = `account "${account}": ${PROBLEMS[reason]}; begin the sign-in again`;
  return new TokenError('ERR_TOKEN_REFUSED', message, { account, kind: USER_TOKEN.kind, reason });
}

/** In constant time. */
function isSame(binding: string, state: unknown): boolean {
  if (typeof state !== 'string' || typeof binding !== 'string') return false;
  const [expected, given] = [Buffer.from(binding), Buffer.from(state)];
  return expected.length === given.length && process.getBuiltinModule('node:crypto').timingSafeEqual(expected, given);
}
