import type { EpochMs, TokenStatus, Tokens } from '@evertoken/core';
import { type AuthorizerFacts, factsIn } from './authorizer-facts.js';
import type { OpenPlatformContext } from './context.js';
import { AUTHORIZER_TOKEN } from './kinds.js';

/** An authorizer as it is stored: facts and state, never a token. */
export interface AuthorizerStatus extends AuthorizerFacts {
  /** AppID of the authorizer. */
  readonly appId: string;
  /** `active` where all is well; `reauthorize`: it has to authorize again; `gone`: it took its authorization back. */
  readonly state: TokenStatus['state'];
  /** Why, where there is more to say. */
  readonly cause?: string;
  /** End of the present access token, Unix ms. */
  readonly expiresAt?: EpochMs;
  /** The last failure, where there is one. */
  readonly failure?: TokenStatus['failure'];
}

/** See `OpenPlatformClient.authorizers`. */
export async function* listAuthorizers(
  { component }: OpenPlatformContext,
  tokens: Tokens,
  { states }: { readonly states?: readonly AuthorizerStatus['state'][] | undefined },
): AsyncGenerator<AuthorizerStatus, void, undefined> {
  const filter = { accounts: [component.account], kinds: [AUTHORIZER_TOKEN.kind] };
  for await (const { subject, state, cause, expiresAt, failure, extra } of tokens.inspect(filter)) {
    if (subject === undefined || !(states ? states.includes(state) : state !== 'gone' && state !== 'absent')) continue;
    yield {
      appId: subject,
      state,
      ...factsIn(extra),
      ...(cause !== undefined && { cause }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(failure && { failure }),
    };
  }
}
