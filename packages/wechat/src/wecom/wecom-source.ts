import {
  type IssueRequest,
  idsOf,
  labelOf,
  type ParentRejected,
  parentRejected,
  type SourceKind,
  sendToPlatform,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { issueError } from '../wechat-errors.js';
import { failureIn, issuedIn, type WireFailure, type WireIds, type WireRequest } from '../wechat-wire.js';
import { WECOM_ERRORS } from './wecom-errors.js';

/** First part of every key, and `platform` of every account. */
export const PLATFORM = 'wecom';

/** Whose keys they are. */
export interface SourceOwner {
  /** The account's name. */
  readonly account: string;
  /** Corp id or suite id, never empty. */
  readonly keyId: string;
}

/** How one token is asked for. */
export interface Recipe {
  readonly facts: SourceKind;
  readonly subject?: string | undefined;
  readonly credentials?: () => string;
  /** Asked for anew each time: an agent may come and go. */
  readonly parents?: () => readonly TokenSource[];
  /** Field of the answer that holds the token. */
  readonly field: string;
  /** Values that must not come back in a message. */
  readonly secrets?: () => readonly string[];
  /** What is missing before anything can be asked. */
  readonly missing?: () => string | undefined;
  readonly request: (parents: readonly string[]) => WireRequest;
  /** Which of the parents a code says is dead: its place. */
  readonly deadParent?: (errcode: number) => number | undefined;
}

/**
 * A token of WeCom. Asked for again inside its lifetime it is the same, and `expires_in` is the nominal 7200 all the same: it
 * counts from when the value was first seen, and asking before its end brings nothing (sheet §3.1, path/97164).
 */
export function weComSource(owner: SourceOwner, recipe: Recipe): TokenSource {
  const { facts, parents, credentials } = recipe;
  const ids = sourceIds(owner, facts, recipe.subject);
  return {
    key: keyOf(owner, facts, recipe.subject),
    ...ids,
    ...facts,
    lifetime: 'constant',
    ...(credentials && { credentials }),
    get dependsOn() {
      return parents?.() ?? [];
    },
    renewableFrom: ({ expiresAt, issuedAt }) => expiresAt ?? issuedAt,
    async issue(request) {
      const { answer, values } = await askWeCom(request, recipe, ids);
      const failure = failureIn(answer, ids);
      if (failure) throw refusal(failure, { request, recipe, ids, values });
      return issuedIn(answer, recipe.field, ids);
    },
  };
}

/** Key of a source. */
export function keyOf({ keyId }: SourceOwner, { kind }: SourceKind, subject: string | undefined) {
  return tokenKeyOf({ platform: PLATFORM, id: keyId, kind, ...(subject !== undefined && { subject: [subject] }) });
}

/** Account, kind and subject of a source. */
export function sourceIds({ account }: SourceOwner, { kind }: SourceKind, subject: string | undefined) {
  return { account, kind, ...(subject !== undefined && { subject }) };
}

/** Sends what the recipe says, with the parents' values. */
export async function askWeCom(request: IssueRequest, recipe: Recipe, ids: WireIds) {
  const missing = recipe.missing?.();
  if (missing !== undefined) {
    throw new TokenError('ERR_TOKEN_CONFIGURATION', `${labelOf(ids)}: ${missing}`, idsOf(ids));
  }
  const values = request.parents.map(({ value }) => value);
  if (values.length < (recipe.parents?.().length ?? 0)) {
    const message = `${labelOf(ids)}: the token it is asked for with has to come first`;
    throw new TokenError('ERR_TOKEN_WAITING', message, idsOf(ids));
  }
  const { fetch, signal } = request;
  return { answer: await sendToPlatform({ ...recipe.request(values), ...ids, fetch, signal }), values };
}

/** What a failed request means: a parent's fault, or its own. */
export function refusal(
  failure: WireFailure,
  {
    request,
    recipe,
    ids,
    values,
    grant = false,
  }: {
    readonly request: IssueRequest;
    readonly recipe: Recipe;
    readonly ids: WireIds;
    readonly values: readonly string[];
    readonly grant?: boolean;
  },
): TokenError | ParentRejected {
  const dead = recipe.deadParent?.(failure.errcode);
  const parent = dead === undefined ? undefined : values[dead];
  if (parent !== undefined) return parentRejected(parent, String(failure.errcode));
  const secrets = [...(recipe.secrets?.() ?? []), ...values];
  return issueError(failure, ids, { now: request.now(), secrets, errors: WECOM_ERRORS, grant });
}
