import { type App, assertSecret } from './app.js';

declare const signInBinding: unique symbol;

/**
 * Proof that this session began a sign-in: kept in the session, handed to `exchange`. WeChat hands the same text back as `state`;
 * a callback without it was planted. Take it out of the session before it is used, whatever comes of it.
 */
export type SignInBinding = string & { readonly [signInBinding]: true };

/** How a sign-in begins. */
export interface SignInOptions {
  /** Where the browser comes back to; its domain has to be registered in the console. */
  readonly redirectUri: string;
  /** `snsapi_base` tells the `openid` alone and shows no page; `snsapi_userinfo` asks the user. Default `snsapi_base`. */
  readonly scope?: 'snsapi_base' | 'snsapi_userinfo' | undefined;
}

/** Where a sign-in begins: send the browser to `url` and keep `binding` in its session. */
export interface SignInStart {
  /** Where to send the browser. */
  readonly url: string;
  /** Keep it in the browser's session. */
  readonly binding: SignInBinding;
}

/** Page of the platform that asks the user. */
const AUTHORIZE_PAGE = '/connect/oauth2/authorize';

/** The scope that needs no consent. */
export const BASE = 'snsapi_base';

/** See `OfficialAccountClient.signIn`. */
export function startSignIn(app: App, { redirectUri, scope = BASE }: SignInOptions): SignInStart {
  if (!URL.canParse(redirectUri)) throw new TypeError('"redirectUri" must be a whole URL');
  if (scope !== BASE && scope !== 'snsapi_userinfo') {
    throw new TypeError('"scope" must be "snsapi_base" or "snsapi_userinfo"');
  }
  // Without it nobody can end what is begun here.
  assertSecret(app);
  // The platform takes letters and digits alone.
  const binding = process.getBuiltinModule('node:crypto').randomBytes(16).toString('hex');
  const query = new URLSearchParams({ appid: app.id, redirect_uri: redirectUri, response_type: 'code', scope });
  query.append('state', binding);
  return { url: `${app.signInBaseUrl}${AUTHORIZE_PAGE}?${query}#wechat_redirect`, binding: binding as SignInBinding };
}
