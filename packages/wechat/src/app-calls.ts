import { TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import { type App, targetOf } from './app.js';
import { type WeChatApi, type WeChatCallOptions, weChatApi } from './client.js';
import type { ForcedRefresh, ForceRefreshOptions } from './forced-refresh.js';
import type { TokenCheck, WeChatQuota } from './quota.js';
import { accessTokenKind, accessTokenSource } from './sources.js';

/** What the clients of all apps have in common; documented there. */
export class AppCalls {
  readonly api: WeChatApi;
  readonly #app: App;
  readonly #tokens: Tokens;
  readonly #source: TokenSource;

  constructor(app: App, source: TokenSource, tokens: Tokens) {
    this.#app = app;
    this.#tokens = tokens;
    this.#source = source;
    this.api = weChatApi({ ...targetOf(app), token: source }, tokens);
  }

  async quota(cgiPath: string, options?: WeChatCallOptions): Promise<WeChatQuota> {
    const { quotaOf } = await import('./quota.js');
    return quotaOf(this.api, this.#app.account, cgiPath, options);
  }

  async clearQuota(options?: WeChatCallOptions): Promise<void> {
    await this.api.post('/cgi-bin/clear_quota', { appid: this.#app.id }, options);
  }

  async clearQuotaBySecret(options?: WeChatCallOptions): Promise<void> {
    const { clearQuotaBySecret } = await import('./quota.js');
    await clearQuotaBySecret(this.#app, options);
  }

  async checkToken(options?: WeChatCallOptions): Promise<TokenCheck> {
    const { checkToken } = await import('./quota.js');
    return checkToken(this.api, this.#tokens, this.#source, options);
  }

  async forceRefresh(options: ForceRefreshOptions): Promise<ForcedRefresh> {
    const { account, endpoints } = this.#app;
    const source = this.#stableToken();
    if (!source) {
      const message = `"endpoint" of account "${account}" must name "stable_token" to force a refresh, got "${endpoints.join('", "')}"`;
      throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account });
    }
    const { forceRefresh } = await import('./forced-refresh.js');
    return forceRefresh(this.#app, this.#tokens, source, options);
  }

  apiDomainIps(options?: WeChatCallOptions): Promise<readonly string[]> {
    return this.#addresses('/cgi-bin/get_api_domain_ip', options);
  }

  callbackIps(options?: WeChatCallOptions): Promise<readonly string[]> {
    return this.#addresses('/cgi-bin/getcallbackip', options);
  }

  /** The client's own, or the other one of an account that has both. */
  #stableToken(): TokenSource | undefined {
    const { kind } = this.#source;
    if (kind === accessTokenKind('stable_token').kind) return this.#source;
    const both = kind === accessTokenKind('token').kind && this.#app.endpoints.includes('stable_token');
    return both ? accessTokenSource(this.#app, 'stable_token') : undefined;
  }

  async #addresses(path: string, options?: WeChatCallOptions): Promise<readonly string[]> {
    const { addressesIn } = await import('./quota.js');
    return addressesIn(await this.api.get(path, {}, options), this.#app.account);
  }
}
