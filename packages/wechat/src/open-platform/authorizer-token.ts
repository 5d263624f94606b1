import {
  type IssuedToken,
  type IssueRequest,
  idsOf,
  labelOf,
  ParentRejected,
  TokenError,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { PLATFORM } from '../app.js';
import type { WireIds } from '../wechat-wire.js';
import { type AuthorizerExtra, authorizerExtraIn, extraWith } from './authorizer-facts.js';
import type { Component } from './component.js';
import { type ComponentRequest, callComponent, callError } from './component-call.js';
import {
  authorizationIn,
  authorizerInfoBody,
  authorizerInfoIn,
  authorizerTokenBody,
  authorizerTokenIn,
  PATHS,
  type WireAuthorizerInfo,
} from './component-wire.js';
import { AUTHORIZER_TOKEN } from './kinds.js';

/** 61023: the refresh token is invalid. A re-authorization that we missed does that, and the platform names the new one. */
const REFRESH_TOKEN_INVALID = 61023;
/** 3 s: facts are worth a short wait, and never the token that is already there. */
const FACTS_TIMEOUT_MS = 3_000;

/** Whose token it is, for keys and errors. */
export function authorizerIds({ account }: Component, appId: string) {
  return { account, kind: AUTHORIZER_TOKEN.kind, subject: appId };
}

/**
 * An authorizer's access token, and the refresh token behind it. Where that is not stored, or the platform calls it invalid, the
 * platform is asked for the present one, under the same lease: only an account that is not authorized needs a person.
 */
export function authorizerTokenSource(component: Component, appId: string, componentToken: TokenSource): TokenSource {
  const ids = authorizerIds(component, appId);
  return {
    key: tokenKeyOf({ platform: PLATFORM, id: component.keyId, kind: ids.kind, subject: [appId] }),
    ...ids,
    ...AUTHORIZER_TOKEN,
    lifetime: 'remaining',
    dependsOn: [componentToken],
    credentials: component.credentials,
    async issue(request) {
      const refreshToken = request.current?.refreshToken;
      const issued = refreshToken && (await renewedWith(component, request, { appId, refreshToken }));
      return issued || issuedAnew(component, request, { appId, refused: refreshToken });
    },
    // What `issue` has tried already it need not try again.
    recover: async (request) =>
      request.current ? undefined : issuedAnew(component, request, { appId, refused: undefined }),
  };
}

/** What the platform says of an authorizer. */
export interface FoundAuthorizer {
  /** Absent: authorized, and the authorization code was never exchanged. */
  readonly refreshToken?: string;
  readonly info?: WireAuthorizerInfo;
  readonly permissions: readonly number[];
  /** When it said so, Unix ms of the platform; absent where the answer had no date. */
  readonly saidAt?: number;
}

/** `api_get_authorizer_info`. Rejects with `ERR_TOKEN_REAUTHORIZATION_REQUIRED` where the account is not authorized. */
export async function findAuthorizer(
  component: Component,
  request: ComponentRequest,
  appId: string,
): Promise<FoundAuthorizer> {
  const ids = authorizerIds(component, appId);
  const body = authorizerInfoBody(component.id, appId);
  const { answer, failure } = await callComponent(component, request, { path: PATHS.authorizerInfo, body, ids });
  if (failure) throw callError(failure, ids, request, { grant: true });
  const { refreshToken, permissions } = authorizationIn(answer, ids);
  const info = authorizerInfoIn(answer.json);
  return {
    permissions,
    ...(refreshToken && { refreshToken }),
    ...(info && { info }),
    ...(answer.answeredAt !== undefined && { saidAt: answer.answeredAt }),
  };
}

/**
 * The token a refresh token is good for, with what is known of the account; undefined where the platform calls it invalid. An
 * answer without a refresh token means that it stays.
 */
export async function renewedWith(
  component: Component,
  request: IssueRequest,
  { appId, refreshToken, found }: { appId: string; refreshToken: string; found?: FoundAuthorizer },
): Promise<IssuedToken | undefined> {
  const ids = authorizerIds(component, appId);
  const body = authorizerTokenBody(component.id, appId, refreshToken);
  const { answer, failure } = await callComponent(component, request, { path: PATHS.authorizerToken, body, ids });
  if (failure?.errcode === REFRESH_TOKEN_INVALID) return undefined;
  if (failure) throw callError(failure, ids, request, { grant: true, secrets: [refreshToken] });
  const issued = authorizerTokenIn(answer, ids);
  const kept = issued.refreshToken ?? refreshToken;
  const known = authorizerExtraIn(request.current?.extra);
  const news = found ?? (await factsFor(component, request, appId, known));
  return { ...issued, refreshToken: kept, extra: extraWith(known, { ...news, refreshToken: kept }) };
}

/** By the refresh token that the platform has for us, where it is another one than it has just refused. */
async function issuedAnew(
  component: Component,
  request: IssueRequest,
  { appId, refused }: { appId: string; refused: string | undefined },
): Promise<IssuedToken> {
  const ids = authorizerIds(component, appId);
  const found = await findAuthorizer(component, request, appId);
  const { refreshToken } = found;
  if (!refreshToken) throw neverExchanged(ids);
  if (refreshToken === refused) throw refusedGrant(ids);
  const issued = await renewedWith(component, request, { appId, refreshToken, found });
  if (!issued) throw refusedGrant(ids);
  return issued;
}

/** Once, as a rule: whether an account has tickets does not change. Must not cost the token that is already there. */
async function factsFor(
  component: Component,
  request: IssueRequest,
  appId: string,
  known: AuthorizerExtra,
): Promise<Pick<FoundAuthorizer, 'info' | 'permissions'> | undefined> {
  if (known.kind !== undefined) return undefined;
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(FACTS_TIMEOUT_MS)]);
  return findAuthorizer(component, { ...request, signal }, appId).catch((error: unknown) => {
    if (error instanceof TokenError || error instanceof ParentRejected) return undefined;
    throw error;
  });
}

/** Authorized at the platform, but nobody ever exchanged the code, so that there is no refresh token to be had. */
export function neverExchanged(ids: WireIds): TokenError {
  const message = `${labelOf(ids)}: the account is authorized, but its authorization code was never exchanged; it has to authorize again`;
  return new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, { ...idsOf(ids), reason: 'neverExchanged' });
}

/** The refresh token is dead, and the platform has no other for us. */
export function refusedGrant(ids: WireIds): TokenError {
  const message = `${labelOf(ids)}: the platform refuses the authorizer’s refresh token and names no other; the account has to authorize again`;
  return new TokenError('ERR_TOKEN_REAUTHORIZATION_REQUIRED', message, {
    ...idsOf(ids),
    platformCode: String(REFRESH_TOKEN_INVALID),
  });
}
