import { systemClock, type Tokens } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { type SignedInUser, signInUrl } from './nextengine-wire.js';
import { exchangeSignIn, type SignInCallback } from './sign-in.js';
import { makeBinding, type SignInBinding } from './sign-in-binding.js';
import { NextEngineUserClient } from './user-client.js';

/** Sign-in, and calls by user. Holds the account's settings and a `Tokens`, no state. */
export class NextEngineClient {
  readonly #settings: AppSettings;
  readonly #tokens: Tokens;

  constructor(settings: AppSettings, tokens: Tokens) {
    this.#settings = settings;
    this.#tokens = tokens;
  }

  /**
   * Begins a sign-in: send the browser to `url` and keep `binding` in its session for `exchange`. A user who is signed in
   * at NextEngine sees no page. The URL holds no secret.
   */
  signIn(): { readonly url: string; readonly binding: SignInBinding } {
    const settings = this.#settings;
    return { url: signInUrl(settings.baseUrl, settings), binding: makeBinding(settings, systemClock.now()) };
  }

  /**
   * Ends a sign-in: changes the callback's `uid` and `state` into a token pair, stores it as the user's new grant, and
   * resolves with facts of the user, never with a token. NextEngine makes `state` itself, so it protects nothing of ours:
   * without a `binding` from the same session, not older than 10 minutes, nothing is exchanged. A launch from NextEngine's
   * menu has none: answer it with a redirect to `signIn().url`. Nothing is stored for another user than the one asked for.
   *
   * Rejects with `TokenError`. `ERR_TOKEN_REFUSED` with a `reason` of `SignInProblem` means: start over at `signIn()`; what
   * was stored stays. `ERR_TOKEN_REFUSED` with reason `credentials`: the client id or secret is wrong.
   * `ERR_TOKEN_SUSPENDED`, `ERR_TOKEN_MAINTENANCE`, `ERR_TOKEN_BUSY`, `ERR_TOKEN_TRANSPORT`, `ERR_TOKEN_STORE` as elsewhere;
   * a `state` is single-use, so start over after these too.
   */
  async exchange(callback: SignInCallback): Promise<SignedInUser> {
    return exchangeSignIn(this.#settings, this.#tokens, callback);
  }

  /** Calls as one user. Take the `uid` from the session, never from a query; without one each call says that nobody is signed in. */
  user(uid: string | undefined): NextEngineUserClient {
    return new NextEngineUserClient(this.#settings, this.#tokens, uid);
  }
}
