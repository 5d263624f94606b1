import { TokenError, type Tokens } from '@evertoken/core';
import type { SignedInUser, SignInCallback } from './sign-in.js';
import { type SignInBinding, type SignInOptions, type SignInStart, startSignIn } from './sign-in-start.js';
import { type DingTalkUserClient, openUser } from './user-client.js';
import type { DingTalkUserId, UserContext } from './user-token.js';

/** What the clients of apps and suites share: their users' sign-ins. */
export abstract class SigningInClient {
  readonly #users: UserContext | undefined;
  readonly #tokens: Tokens;
  readonly #account: string;

  constructor(account: string, tokens: Tokens, users: UserContext | undefined) {
    this.#account = account;
    this.#tokens = tokens;
    this.#users = users;
  }

  /**
   * Begins a user's sign-in: send the browser to `url`, keep `binding` in its session.
   *
   * @throws TypeError where `redirectUri` is no URL or `scope` none of the two, TokenError `ERR_TOKEN_CONFIGURATION` for an app
   *   without an app key.
   */
  signIn(options: SignInOptions): SignInStart {
    return startSignIn(this.#context(), options);
  }

  /**
   * Ends a user's sign-in: tells who it is, and keeps the user's tokens where the account has `userTokens`. Never resolves with
   * a token.
   *
   * Rejects with `ERR_TOKEN_REFUSED`, its `reason` `unbound`, `foreign`, `declined` or `mismatch`, where the callback is not this
   * session's, with `DingTalkError` where the platform refuses the code, and with `TokenError` where no answer came. Where the
   * user could not be told (`retryable`), the pair is safe: the same call, made again, goes on from there.
   */
  async exchange(callback: SignInCallback): Promise<SignedInUser> {
    const { exchangeSignIn } = await import('./sign-in.js');
    return exchangeSignIn(this.#context(), this.#tokens, callback);
  }

  /** `exchange` with the callback's query as it came: `authCode`, `state`, `error`. */
  handleCallback(
    { authCode, state, error }: Readonly<Record<string, unknown>>,
    binding: SignInBinding | undefined,
    options: Pick<SignInCallback, 'expected'> = {},
  ): Promise<SignedInUser> {
    const fields = { authCode: textIn(authCode), state: textIn(state), error: textIn(error) };
    return this.exchange({ ...fields, ...options, binding });
  }

  /**
   * Calls as a user who signed in.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without the option `userTokens`.
   */
  user(id: DingTalkUserId): DingTalkUserClient {
    const context = this.#context();
    if (!context.userTokens) throw this.#misconfigured('"userTokens" must be true: it keeps no tokens of users');
    return openUser(context, id).client(this.#tokens);
  }

  #context(): UserContext {
    if (this.#users) return this.#users;
    throw this.#misconfigured('users sign in to apps with "appKey" and "appSecret" alone');
  }

  #misconfigured(what: string): TokenError {
    const account = this.#account;
    return new TokenError('ERR_TOKEN_CONFIGURATION', `account "${account}": ${what}`, { account });
  }
}

/** A query may hold anything: arrays where a parameter is repeated, too. */
function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
