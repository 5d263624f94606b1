import type { TokenSource, TokenStatus, Tokens } from '@evertoken/core';
import type { CallingAccount } from '../calls.js';
import type { UserContext } from '../user-token.js';
import type { Suite } from './suite-options.js';
import type { SuiteCorpSources, SuiteSources } from './suite-sources.js';
import { SUITE_TOKEN_PARAMETER } from './suite-wire.js';

/** What the parts of a suite's account share: its options, and its handles. Holds secrets, behind `suite`. */
export interface SuiteContext {
  readonly suite: Suite;
  /** For sign-ins: the suite's key and secret are what an app's are. */
  readonly users: UserContext;
  readonly own: SuiteSources;
  corp(corpId: string): SuiteCorpSources;
  source(kind: string, subject?: string): TokenSource | undefined;
}

/** Calls as the suite itself. */
export function suiteCaller({ suite, own }: SuiteContext): CallingAccount {
  const { name, baseUrls, fetch, circuit, clock, random } = suite;
  return { name, baseUrls, circuit, clock, random, accessToken: own.accessToken, ...(fetch && { fetch }) };
}

/** Calls of the old API's suite services, which want the token elsewhere and refuse it in other words. */
export function serviceCaller(context: SuiteContext): CallingAccount {
  return { ...suiteCaller(context), tokenParameter: SUITE_TOKEN_PARAMETER, dead: 'suiteToken' };
}

/** What is stored of a corp's key, without a call; undefined where nothing is. */
export async function stored(tokens: Tokens, source: TokenSource): Promise<TokenStatus | undefined> {
  const { account, kind, subject } = source;
  const subjects = subject === undefined ? {} : { subjects: [subject] };
  for await (const status of tokens.inspect({ accounts: [account], kinds: [kind], ...subjects })) {
    if (status.key === source.key) return status;
  }
  return undefined;
}

/** The corp's tokens are dead. */
export async function endTokens(context: SuiteContext, tokens: Tokens, corpId: string): Promise<void> {
  const { accessToken, jsapiTicket } = context.corp(corpId);
  for (const source of [accessToken, jsapiTicket]) await tokens.forget(source);
}

/** Has a token that lives, asking at once where an earlier attempt failed: what stood in its way has gone. */
export async function obtain(tokens: Tokens, source: TokenSource): Promise<void> {
  const living = await tokens.get(source).catch(() => undefined);
  if (living === undefined) await tokens.refresh(source);
}

/** Work that nobody waits for. Its failures are noted in the key's record, and told as events by the manager. */
export function inBackground(work: Promise<unknown>): void {
  work.catch(() => {});
}
