import type { CallbackReply, CallbackRequest, Tokens } from '@evertoken/core';
import type { AnswerSignInOptions } from './answer-sign-in.js';
import type { AppContext } from './app-context.js';
import { type CallbackOutcome, handleCallback, type SignInStart, startSignIn } from './handle-callback.js';
import type { SignedInUser } from './nextengine-wire.js';
import type { RefreshUsersOptions, UserRefreshReport } from './refresh-users.js';
import { exchangeSignIn, type SignInCallback } from './sign-in.js';
import type { NextEngineUsage } from './usage.js';
import { NextEngineUserClient } from './user-client.js';
import { NextEngineUsers } from './users.js';

/** Sign-in, users, and calls by user. Holds the account's settings and a `Tokens`, no state. */
export class NextEngineClient {
  readonly #context: AppContext;
  readonly #tokens: Tokens;
  /** List, find and forget users. */
  readonly users: NextEngineUsers;

  constructor(context: AppContext, tokens: Tokens) {
    this.#context = context;
    this.#tokens = tokens;
    this.users = new NextEngineUsers(context, tokens);
    context.usage.keepIn(tokens);
  }

  /**
   * Begins a sign-in: send the browser to `url` and keep `binding` in its session for the callback. A user who is signed in
   * at NextEngine sees no page. The URL holds no secret.
   */
  signIn(): SignInStart {
    return startSignIn(this.#context);
  }

  /**
   * Answers a callback, whoever began: resolves with the `user` who signed in, or with `startOver`, where the browser has to go
   * to the sign-in page first. That is so for a direct visit, a launch from NextEngine's menu (it has no binding), a `state`
   * that has expired or was used, and a binding that has expired; three times in a row for one browser, then with the error.
   * Take the binding out of the session before the call, and put the new one in where the answer is `startOver`.
   *
   * Rejects as `exchange` does with everything that starting over does not cure.
   */
  async handleCallback(callback: SignInCallback): Promise<CallbackOutcome> {
    return handleCallback(this.#context, this.#tokens, callback);
  }

  /**
   * Ends a sign-in: changes the callback's `uid` and `state` into a token pair, stores it as the user's new grant, and
   * resolves with facts of the user, never with a token. NextEngine makes `state` itself, so it protects nothing of ours:
   * without a `binding` from the same session, not older than 10 minutes, nothing is exchanged. A launch from NextEngine's
   * menu has none: answer it with a redirect to `signIn().url`. Nothing is stored for another user than the one asked for, for
   * another company than the user's pair was stored for, and for anybody but the `expected`, where that is given.
   *
   * Rejects with `TokenError`. `ERR_TOKEN_REFUSED` with a `reason` of `SignInProblem` means: start over at `signIn()`; what
   * was stored stays. `ERR_TOKEN_REFUSED` with reason `credentials`: the client id or secret is wrong.
   * `ERR_TOKEN_SUSPENDED`, `ERR_TOKEN_MAINTENANCE`, `ERR_TOKEN_BUSY`, `ERR_TOKEN_TRANSPORT`, `ERR_TOKEN_STORE` as elsewhere;
   * a `state` is single-use, so start over after these too. `ERR_TOKEN_STORE` with reason `users`: the pair is stored, and the
   * adapter could not save the user's facts.
   */
  async exchange(callback: SignInCallback): Promise<SignedInUser> {
    return exchangeSignIn(this.#context, this.#tokens, callback);
  }

  /**
   * Answers an HTTP request to the redirect URI, all of it: with neither `uid` nor `state` it begins a sign-in; a callback ends
   * one, or starts over where that helps. The binding travels in a cookie of this browser's (`HttpOnly`, `SameSite=Lax`), which each answer
   * replaces or takes away. After a sign-in `onSignedIn` is called, and the browser goes to `afterSignIn`; a sign-in that came to
   * nothing is answered with a short text and status 400, 403 or 503; other methods than GET with 405. `options` stand over the
   * account's `signIn`: `account.callback(tokens)` is this without any.
   *
   * Rejects with `TypeError` for options that cannot be, and for nothing that came.
   */
  async answerSignIn(request: CallbackRequest, options?: AnswerSignInOptions): Promise<CallbackReply> {
    const { answerSignIn } = await import('./answer-sign-in.js');
    return answerSignIn(this.#context, this.#tokens, request, options);
  }

  /** Calls as one user. Take the `uid` from the session, never from a query; without one each call says that nobody is signed in. */
  user(uid: string | undefined): NextEngineUserClient {
    return new NextEngineUserClient(this.#context, this.#tokens, uid);
  }

  /**
   * Renews the pairs of all users who have one, the most urgent first, or of the one that `uid` names; one failure never stops
   * another. Pairs that cannot be renewed yet cost no call.
   *
   * Rejects with `ERR_TOKEN_REAUTHORIZATION_REQUIRED`, reason `absent`, where nothing is stored of the user of `uid`, and with
   * `ERR_TOKEN_STORE` where the store cannot say who there is.
   */
  async refreshUsers(options: RefreshUsersOptions = {}): Promise<UserRefreshReport> {
    const { refreshUsers } = await import('./refresh-users.js');
    return refreshUsers(this.#context, this.#tokens, options);
  }

  /** This month's calls of the account, with those that other processes have kept so far. Approximate. */
  usage(): Promise<NextEngineUsage> {
    return this.#context.usage.tell(this.#tokens);
  }
}
