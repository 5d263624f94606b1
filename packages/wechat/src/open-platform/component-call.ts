import {
  type IssueRequest,
  idsOf,
  ParentRejected,
  type PlatformAnswer,
  parentRejected,
  sendToPlatform,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { isDeadToken, issueError } from '../wechat-errors.js';
import { failureIn, type WireFailure, type WireIds } from '../wechat-wire.js';
import type { Component } from './component.js';
import { componentRequest } from './component-wire.js';

/** What a call with the component's token is made with: an `IssueRequest` whose first parent is that token. */
export type ComponentRequest = Pick<IssueRequest, 'parents' | 'fetch' | 'signal' | 'now'>;

/** An answer, and what it says went wrong. */
export interface ComponentAnswer {
  readonly answer: PlatformAnswer;
  readonly failure: WireFailure | undefined;
}

/**
 * One call of the component's API.
 *
 * Rejects with `ParentRejected` where the component's token is dead, and with `ERR_TOKEN_WAITING` where there is none.
 */
export async function callComponent(
  component: Component,
  request: ComponentRequest,
  { path, body, ids }: { readonly path: string; readonly body: object; readonly ids: WireIds },
): Promise<ComponentAnswer> {
  const [parent] = request.parents;
  if (!parent) {
    throw new TokenError(
      'ERR_TOKEN_WAITING',
      `account "${ids.account}": its component token has to come first`,
      idsOf(ids),
    );
  }
  const wire = componentRequest(component.baseUrl, { path, token: parent.value, body });
  const answer = await sendToPlatform({ ...wire, ...ids, fetch: request.fetch, signal: request.signal });
  const failure = failureIn(answer, ids);
  if (failure && isDeadToken(failure.errcode)) throw parentRejected(parent.value, String(failure.errcode));
  return { answer, failure };
}

/** The error of a failed call: `grant` where the codes that say "not authorized" mean that a person has to authorize again. */
export function callError(
  failure: WireFailure,
  ids: WireIds,
  { parents, now }: ComponentRequest,
  { grant, secrets = [] }: { readonly grant: boolean; readonly secrets?: readonly string[] },
): TokenError {
  const all = [...parents.map(({ value }) => value), ...secrets];
  return issueError(failure, ids, { now: now(), secrets: all, grant });
}

/**
 * Does something that needs the component's token, outside of any lease: where the platform refuses the token, reports it and tries
 * once more with a better one.
 */
export async function withComponentToken<T>(
  tokens: Tokens,
  accessToken: TokenSource,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParentRejected)) throw error;
    await tokens.reject(accessToken, error.value);
  }
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParentRejected)) throw error;
    const { account, kind } = accessToken;
    const message = `account "${account}": the platform refuses the ${kind} though it was renewed just before`;
    const details = { account, kind, ...(error.platformCode !== undefined && { platformCode: error.platformCode }) };
    throw new TokenError('ERR_TOKEN_REJECTED_AGAIN', message, details);
  }
}
