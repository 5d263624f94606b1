import { asObject, type IssuedToken } from '@evertoken/core';
import { DEFAULT_LIFETIME_MS, isOpaque, jsonPost, lifetimeIn, type WireRequest } from './dingtalk-wire.js';

/** 30 days: a refresh token's life, begun anew by each answer (page `obtain-user-token`). */
const REFRESH_TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60_000;

/** What a pair is asked for with. */
export type UserGrantProof =
  | { readonly grantType: 'authorization_code'; readonly code: string }
  | { readonly grantType: 'refresh_token'; readonly refreshToken: string };

/** Asks for a user's pair: by the code of a sign-in, or by the refresh token. Either works once. */
export function userTokenRequest(
  { api }: { readonly api: string },
  client: { readonly clientId: string; readonly clientSecret: string },
  proof: UserGrantProof,
): WireRequest {
  const { clientId, clientSecret } = client;
  return jsonPost(`${api}/v1.0/oauth2/userAccessToken`, { clientId, clientSecret, ...proof });
}

/** The pair of an answer, and the organisation the sign-in was for, where it was for one. */
export function userTokenIn(
  json: unknown,
): { readonly issued: IssuedToken; readonly corpId: string | undefined } | undefined {
  const body = asObject(json) ?? {};
  const { accessToken: value, refreshToken, corpId } = body;
  if (!isOpaque(value)) return undefined;
  return {
    issued: {
      value,
      lifetimeMs: lifetimeIn(body, DEFAULT_LIFETIME_MS),
      ...(isOpaque(refreshToken) && { refreshToken, refreshTokenLifetimeMs: REFRESH_TOKEN_LIFETIME_MS }),
    },
    corpId: idIn(corpId),
  };
}

/** An id of the platform; undefined where it is missing. One with a slash could not be told from two. */
export function idIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[^/\s]+$/.test(value) && value.isWellFormed() ? value : undefined;
}
