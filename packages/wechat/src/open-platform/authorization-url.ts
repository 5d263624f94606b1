import { labelOf, TokenError } from '@evertoken/core';

/** What `authorizationUrl` takes. */
export interface AuthorizationUrlOptions {
  /** Where the browser comes back to: a page below the platform's registered domain. Its own query is kept. */
  readonly redirectUri: string;
  /** For a browser inside WeChat. Default: the page for desktops, which shows a QR code. */
  readonly mobile?: boolean | undefined;
  /** Who may authorize. Default: whatever the platform's pages default to. */
  readonly authType?: AuthType | undefined;
  /** The one account that may authorize, by its app id; instead of `authType`. */
  readonly bizAppId?: string | undefined;
}

/** Official accounts (1), mini programs (2), or both (3). */
export type AuthType = 1 | 2 | 3;

/** Where an authorization begins: send the browser to `url`, and keep `binding` in its session for the callback. */
export interface AuthorizationStart {
  /** Where to send the browser. */
  readonly url: string;
  /** Random; proves that the browser which comes back is the one that went. */
  readonly binding: string;
}

/** The redirect's query, as the application's framework reads it. */
export type AuthorizationQuery = Readonly<Record<string, unknown>>;

/** Query parameter of the redirect URI that carries the binding. */
const STATE = 'state';

const DESKTOP = 'https://mp.weixin.qq.com/cgi-bin/componentloginpage';
const MOBILE = 'https://open.weixin.qq.com/wxaopen/safe/bindcomponent';

/**
 * The page where an account's administrator authorizes (sheet §2.3). The platform hands no `state` through, but keeps the redirect
 * URI's own query: the binding travels there.
 *
 * @throws TypeError where `redirectUri` is no URL, or both `authType` and `bizAppId` are given.
 */
export function authorizationPage(
  { id, baseUrl }: { readonly id: string; readonly baseUrl: string },
  preAuthCode: string,
  { redirectUri, mobile = false, authType, bizAppId }: AuthorizationUrlOptions,
): AuthorizationStart {
  const binding = process.getBuiltinModule('node:crypto').randomBytes(16).toString('hex');
  const back = new URL(redirectUri);
  back.searchParams.set(STATE, binding);
  const query = new URLSearchParams({
    ...(mobile && { action: 'bindcomponent', no_scan: '1' }),
    component_appid: id,
    pre_auth_code: preAuthCode,
    redirect_uri: back.href,
    ...(authType !== undefined && { auth_type: String(authType) }),
    ...(bizAppId !== undefined && { biz_appid: bizAppId }),
  });
  return { url: `${pageOf(mobile, baseUrl)}?${query}${mobile ? '#wechat_redirect' : ''}`, binding };
}

/** Refuses what no page can be asked for with, before a pre-auth code is spent on it. */
export function checkAuthorizationUrl({ redirectUri, authType, bizAppId }: AuthorizationUrlOptions): void {
  if (
    typeof redirectUri !== 'string' ||
    !/^https?:$/.test(URL.canParse(redirectUri) ? new URL(redirectUri).protocol : '')
  )
    throw new TypeError('"redirectUri" must be an http or https URL');
  if (authType !== undefined && ![1, 2, 3].includes(authType)) throw new TypeError('"authType" must be 1, 2 or 3');
  if (authType !== undefined && bizAppId !== undefined)
    throw new TypeError('"bizAppId" names the one account that may authorize: leave "authType" out');
}

/**
 * The code of a redirect whose binding is right.
 *
 * @throws TokenError `ERR_TOKEN_REFUSED`, its `reason` `unbound`: this session began no authorization; or `incomplete`.
 */
export function codeOfRedirect(account: string, query: AuthorizationQuery, binding: string | undefined): string {
  const { [STATE]: state, auth_code: code } = query;
  const refused = (reason: string, why: string) =>
    new TokenError('ERR_TOKEN_REFUSED', `${labelOf({ account })}: ${why}; begin the authorization anew`, {
      account,
      reason,
    });
  if (typeof code !== 'string' || code === '') throw refused('incomplete', 'the redirect has no single "auth_code"');
  if (typeof binding !== 'string' || binding === '') throw refused('unbound', 'this session began no authorization');
  if (typeof state !== 'string' || !sameText(state, binding))
    throw refused('unbound', 'the redirect belongs to an authorization that another session began');
  return code;
}

function sameText(one: string, other: string): boolean {
  const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto');
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}

/** The pages are hosts of their own; below another base URL (a sandbox) they are there too. */
function pageOf(mobile: boolean, baseUrl: string): string {
  const page = mobile ? MOBILE : DESKTOP;
  return baseUrl === 'https://api.weixin.qq.com' ? page : baseUrl + new URL(page).pathname;
}
