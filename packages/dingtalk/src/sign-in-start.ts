declare const signInBinding: unique symbol;

/**
 * Proof that this session began a sign-in: kept in the session, handed to `exchange`. DingTalk hands the same text back as
 * `state`; a callback without it was planted. An opaque text, fit for JSON.
 */
export type SignInBinding = string & { readonly [signInBinding]: true };

/** How a sign-in begins. */
export interface SignInOptions {
  /** Where the browser comes back to; it has to be registered in the console. */
  readonly redirectUri: string;
  /** `openid corpid` has the user choose an organisation, and the token is for that one. Default `openid`. */
  readonly scope?: 'openid' | 'openid corpid' | undefined;
  /** Further parameters of the page, such as `exclusiveLogin`, `exclusiveCorpId`, `org_type`. */
  readonly query?: Readonly<Record<string, string>> | undefined;
}

/** Where a sign-in begins: send the browser to `url` and keep `binding` in its session. */
export interface SignInStart {
  /** Where to send the browser. */
  readonly url: string;
  /** Keep it in the browser's session. */
  readonly binding: SignInBinding;
}

/** See `DingTalkAppClient.signIn` (page `obtain-identity-credentials`). */
export function startSignIn(
  { clientId, baseUrls }: { readonly clientId: string; readonly baseUrls: { readonly login: string } },
  { redirectUri, scope = 'openid', query = {} }: SignInOptions,
): SignInStart {
  if (!URL.canParse(redirectUri)) throw new TypeError('"redirectUri" must be a whole URL');
  if (scope !== 'openid' && scope !== 'openid corpid') {
    throw new TypeError('"scope" must be "openid" or "openid corpid"');
  }
  const state = process.getBuiltinModule('node:crypto').randomBytes(16).toString('hex');
  const parameters = new URLSearchParams({
    ...query,
    redirect_uri: redirectUri,
    response_type: 'code',
    client_id: clientId,
    scope,
    state,
    prompt: 'consent',
  });
  return { url: `${baseUrls.login}/oauth2/auth?${parameters}`, binding: state as SignInBinding };
}
