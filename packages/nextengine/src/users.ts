import { idsOf, labelOf, TokenError, type TokenState, type Tokens } from '@evertoken/core';
import type { AppContext } from './app-context.js';
import { adapterError } from './user-adapter.js';
import type { NextEngineUserFacts } from './user-facts.js';
import { UserTokenSource } from './user-token-source.js';

/** Which users are meant; what is left out means all. */
export interface NextEngineUserFilter {
  /** Company id of the main function. */
  readonly companyNeId?: string;
  /** Company id of the platform. */
  readonly companyId?: string;
  /** Default: all but `gone`, which are forgotten. */
  readonly states?: readonly NextEngineUserState[];
}

/** The state of a user's pair; `absent`: the application's table knows the user, and nothing is stored. */
export type NextEngineUserState = TokenState | 'absent';

/** A user and how the pair is. */
export interface NextEngineUserStatus extends NextEngineUserFacts {
  /** State of the pair. */
  readonly state: NextEngineUserState;
  /** Why, of some states: `cancelled`, `refused`, `indeterminate` … */
  readonly cause?: string;
  /** End of the access token, Unix ms. */
  readonly expiresAt?: number;
  /** End of the refresh token, Unix ms: after it only a sign-in helps. */
  readonly refreshTokenExpiresAt?: number;
}

/** What `sync` did. */
export interface UserSyncReport {
  /** How many users were handed to the adapter. */
  readonly saved: number;
  /** Users the adapter did not take. */
  readonly failed: readonly {
    /** The user's id. */
    readonly uid: string;
    /** What the adapter said. */
    readonly error: unknown;
  }[];
}

/** The users of one app. Personal data: their `uid` and, where it is kept, their mail address. */
export class NextEngineUsers {
  readonly #context: AppContext;
  readonly #tokens: Tokens;

  constructor(context: AppContext, tokens: Tokens) {
    this.#context = context;
    this.#tokens = tokens;
  }

  /**
   * All users, with the states of their pairs. Where the account has an adapter, facts come from there; a user whom it does not
   * know comes with the facts that lie beside the pair.
   *
   * Rejects with `ERR_TOKEN_STORE`, its `reason` `users` where the adapter failed.
   */
  async *list(filter: NextEngineUserFilter = {}): AsyncGenerator<NextEngineUserStatus, void, undefined> {
    const { listUsers } = await import('./user-list.js');
    yield* listUsers(this.#context.settings, this.#tokens, filter);
  }

  /** One user, forgotten ones included; undefined where there never was one. Rejects as `list` does. */
  async find(uid: string): Promise<NextEngineUserStatus | undefined> {
    const { findUser } = await import('./user-list.js');
    return findUser(this.#context.settings, this.#tokens, uid);
  }

  /**
   * Takes the user's pair away, and then the facts out of the adapter. Only a sign-in brings the user back. No error where there
   * is none.
   *
   * Rejects with `ERR_TOKEN_STORE`, its `reason` `users` where the pair is gone and the adapter failed: call it again.
   */
  async forget(uid: string): Promise<void> {
    const { settings } = this.#context;
    await this.#tokens.forget(new UserTokenSource(this.#context, uid), { grant: true });
    try {
      await settings.users?.remove(uid);
    } catch (cause) {
      const ids = { account: settings.name, subject: uid };
      throw adapterError(ids, 'could not remove a user; the pair is forgotten, call forget() again', cause);
    }
  }

  /** Saves the facts of all users who have a pair in the adapter, after it had failed. One failure does not stop the others. */
  async sync(): Promise<UserSyncReport> {
    const { settings } = this.#context;
    if (!settings.users) {
      const ids = { account: settings.name };
      throw new TokenError(
        'ERR_TOKEN_CONFIGURATION',
        `"users" of ${labelOf(ids)} is missing: there is no adapter to save to`,
        idsOf(ids),
      );
    }
    const { syncUsers } = await import('./user-list.js');
    return syncUsers(settings, this.#tokens, settings.users);
  }
}
