import type { CallbackRequest, TokenExtra, TokenSource, Tokens } from '@evertoken/core';
import type { Push } from '../push/open-push.js';
import type { Authorizer } from './authorizer.js';
import type { Component } from './component.js';

/** What the parts of an account share: its options, and its handles. Holds secrets, behind `component`. */
export interface OpenPlatformContext {
  readonly component: Component;
  readonly verifyTicket: TokenSource;
  readonly accessToken: TokenSource;
  authorizer(appId: string): Authorizer;
  /** The tickets that go with an authorizer's access token, as far as their kinds are kept fresh. `extra`: that token's. */
  companions(source: TokenSource, extra: TokenExtra | undefined): readonly TokenSource[];
  /** Judges a push to the platform, for itself or for one of its authorizers. */
  openPush(request: CallbackRequest): Promise<Push>;
}

/** What is stored of an authorizer, without a call; undefined where nothing is. */
export async function storedAuthorizer(
  { component }: OpenPlatformContext,
  tokens: Tokens,
  { subject, kind }: { readonly subject?: string; readonly kind: string },
) {
  if (subject === undefined) return undefined;
  for await (const status of tokens.inspect({ accounts: [component.account], kinds: [kind], subjects: [subject] }))
    return status;
  return undefined;
}
