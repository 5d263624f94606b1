import type { CallbackRequest, Tokens } from '@evertoken/core';
import { targetOf } from '../app.js';
import {
  type WeChatApi,
  type WeChatCallOptions,
  type WeChatParams,
  type WeChatPostOptions,
  weChatApi,
} from '../client.js';
import type { Push } from '../push/open-push.js';
import type { WeChatQuota } from '../quota.js';
import {
  type AuthorizationQuery,
  type AuthorizationStart,
  type AuthorizationUrlOptions,
  authorizationPage,
  checkAuthorizationUrl,
  codeOfRedirect,
} from './authorization-url.js';
import type { Authorizer } from './authorizer.js';
import { startPush } from './component-sources.js';
import { COMPONENT_TOKEN_PARAM, PATHS, preAuthCodeIn } from './component-wire.js';
import type { OpenPlatformContext } from './context.js';
import type { Authorization } from './exchange.js';
import type { AuthorizerStatus } from './list-authorizers.js';
import type { AuthorizerSyncReport, SyncAuthorizersOptions } from './sync-authorizers.js';

/** 10 s: what the manager gives a token request, too. */
const TIMEOUT_MS = 10_000;

/** The API of a third-party platform, its authorizations and its authorizers. Holds the account and the tokens' keeper, no state. */
export class OpenPlatformClient {
  readonly #context: OpenPlatformContext;
  readonly #tokens: Tokens;
  readonly #api: WeChatApi;

  /** Made by `platform.client(tokens)`. */
  constructor(context: OpenPlatformContext, tokens: Tokens) {
    const { component, accessToken } = context;
    this.#context = context;
    this.#tokens = tokens;
    this.#api = weChatApi({ ...targetOf(component), token: accessToken, tokenParam: COMPONENT_TOKEN_PARAM }, tokens);
  }

  /** Calls the component's own API with GET and its token. Rejects as an official account's client does. */
  get<T = unknown>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T> {
    return this.#api.get(path, params, options);
  }

  /** Calls the component's own API with POST, its token and a JSON body (most want `component_appid` in it). Rejects as `get` does. */
  post<T = unknown>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T> {
    return this.#api.post(path, body, options);
  }

  /**
   * What the day allows of the component's own APIs, by path (`/cgi-bin/component/api_component_token`). Rejects as `get` does: 76021
   * for a path it does not know, 76022 for one that is called with another kind of token.
   */
  async quota(cgiPath: string, options?: WeChatCallOptions): Promise<WeChatQuota> {
    const { quotaOf } = await import('../quota.js');
    return quotaOf(this.#api, this.#context.component.account, cgiPath, options);
  }

  /**
   * Sets counters back with the component's secret, for when the calls for its token are used up; with `appId`, those of an authorizer.
   * Ten times a month, then 48006. Rejects with `WeChatError`, and as a token request does.
   */
  async clearQuotaBySecret({ appId, ...options }: WeChatCallOptions & { readonly appId?: string } = {}): Promise<void> {
    const { component } = this.#context;
    const { callWithSecret } = await import('../secret-call.js');
    const body = {
      component_appid: component.id,
      appsecret: component.secret,
      ...(appId !== undefined && { appid: appId }),
    };
    await callWithSecret(component, { ...options, path: PATHS.clearQuota, body });
  }

  /** Calls as one authorizer. The same as `platform.authorizer(appId).client(tokens)`. */
  authorizer(appId: string): ReturnType<Authorizer['client']> {
    return this.#context.authorizer(appId).client(this.#tokens);
  }

  /**
   * Begins an authorization: send the browser to `url` and keep `binding` in its session for `handleCallback`. Each call costs a
   * pre-auth code, which is good for one page and some ten minutes.
   *
   * Rejects as `post` does, with `ERR_TOKEN_WAITING` while no verify ticket has come.
   *
   * @throws TypeError for options that cannot be.
   */
  async authorizationUrl(options: AuthorizationUrlOptions, call: WeChatCallOptions = {}): Promise<AuthorizationStart> {
    checkAuthorizationUrl(options);
    const { component } = this.#context;
    const answer = await this.#api.post(PATHS.preAuthCode, { component_appid: component.id }, call);
    return authorizationPage(component, preAuthCodeIn(answer, { account: component.account }), options);
  }

  /**
   * Ends an authorization: exchanges the redirect's `auth_code`, stores access and refresh token in one step, and resolves with
   * facts of the account that authorized, never with a token. The push `authorized` brings the same code: whichever comes second
   * finds it done. `query`: the redirect's whole query. `binding`: out of the session that `authorizationUrl` put it in.
   *
   * Rejects with `ERR_TOKEN_REFUSED` where it has to be begun anew, its `reason` `unbound`, `incomplete`, or `code` (used up or expired, and
   * nothing is stored of it); otherwise as `post` does.
   */
  async handleCallback(query: AuthorizationQuery, binding: string | undefined): Promise<Authorization> {
    return this.exchange(codeOfRedirect(this.#context.component.account, query, binding));
  }

  /** Exchanges an authorization code that came another way; see `handleCallback`. Nothing proves here whose code it is. */
  async exchange(code: string): Promise<Authorization> {
    const { exchangeCode } = await import('./exchange.js');
    return exchangeCode(this.#context, this.#tokens, { code });
  }

  /**
   * Makes the stored authorizers what the platform's list says: after the store was emptied, or pushes were missed. One call for 500
   * authorizers, and for each that is missing here or has authorized anew its renewal and, once, its facts. Never replaces a newer
   * authorization by what was listed, and leaves alone what is not listed.
   *
   * Rejects where the list cannot be read; what fails for one authorizer stands in the report.
   */
  async syncAuthorizers(options: SyncAuthorizersOptions = {}): Promise<AuthorizerSyncReport> {
    const { syncAuthorizers } = await import('./sync-authorizers.js');
    return syncAuthorizers(this.#context, this.#tokens, this.#api, options);
  }

  /** The authorizers that are stored: facts and states, without a call. Without `states`, all but those that are gone. */
  async *authorizers(
    filter: { readonly states?: readonly AuthorizerStatus['state'][] | undefined } = {},
  ): AsyncGenerator<AuthorizerStatus, void, undefined> {
    const { listAuthorizers } = await import('./list-authorizers.js');
    yield* listAuthorizers(this.#context, this.#tokens, filter);
  }

  /**
   * Asks the platform to push verify tickets (again), now. Seldom needed: where no ticket lives, that happens by itself.
   *
   * Rejects with `ERR_TOKEN_REFUSED` where the platform does not know the app id or secret, and as token requests do.
   */
  async startTickets({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { component } = this.#context;
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    await startPush(component, {
      fetch: component.fetch ?? globalThis.fetch,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      now: () => component.clock.now(),
    });
  }

  /**
   * Opens a push to the message-and-event URL: messages of authorizers' users. They are encrypted for the platform, and the app id in
   * the URL's path (`$APPID$`) says whose they are. Never rejects for what came: see `openPush`.
   */
  openMessage(request: CallbackRequest): Promise<Push> {
    return this.#context.openPush(request);
  }
}
