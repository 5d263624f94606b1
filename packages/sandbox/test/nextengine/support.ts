import type { NextEngineAccount, Sandbox } from '../../src/index.js';
import { type Body, NEXTENGINE, postForm, startSandbox } from '../support.js';

export const TANAKA = 'user-tanaka';
export const SUZUKI = 'user-suzuki';

export interface Tokens {
  readonly accessToken?: string;
  readonly refreshToken?: string;
}

export function startNextEngine(switches: Partial<NextEngineAccount> = {}): Promise<Sandbox> {
  return startSandbox({ nextengine: [{ ...NEXTENGINE, ...switches }] });
}

export function issue(sandbox: Sandbox, uid = TANAKA) {
  return sandbox.nextengine.issuePair(NEXTENGINE.clientId, uid);
}

export function call(
  sandbox: Sandbox,
  { accessToken, refreshToken }: Tokens,
  fields: Record<string, string> = {},
  path = '/api_v1_login_user/info',
): Promise<Body> {
  return postForm(`${sandbox.urls.nextengineApi}${path}`, {
    ...(accessToken !== undefined && { access_token: accessToken }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...fields,
  });
}

export function exchange(sandbox: Sandbox, fields: Record<string, string>, path = '/api_neauth'): Promise<Body> {
  const credentials = { client_id: NEXTENGINE.clientId, client_secret: NEXTENGINE.clientSecret };
  return postForm(`${sandbox.urls.nextengineApi}${path}`, { ...credentials, ...fields });
}

/** The pair an answer carries. */
export function pairOf(body: Body): Tokens {
  return { accessToken: body.access_token, refreshToken: body.refresh_token };
}
