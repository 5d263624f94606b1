import { type CallbackRequest, TokenError, type TokenSource, type Tokens } from '@evertoken/core';
import {
  type ApiTarget,
  type WeChatApi,
  type WeChatCallOptions,
  type WeChatDownloadOptions,
  type WeChatParams,
  type WeChatPostOptions,
  weChatApi,
} from '../client.js';
import type { WeChatFile } from '../download.js';
import { jsSdkSignature, nonce } from '../js-sdk.js';
import type { Push } from '../push/open-push.js';
import type { WeChatUpload } from '../upload.js';
import type { WeCom } from './we-com.js';
import type { WeComAgent } from './wecom-agent.js';
import { WECOM_ERRORS } from './wecom-errors.js';
import { type Place, pushKeysOf, type WeComPushKeys } from './wecom-options.js';
import { PROVIDER_TOKEN_PARAM } from './wecom-wire.js';

/** What a signature is made with, where the defaults will not do. */
export interface WeComSignOptions {
  /** Unix seconds. Default: now. */
  readonly timestamp?: number | undefined;
  /** Default: 16 random characters. */
  readonly nonceStr?: string | undefined;
  /** Interfaces the page uses. Default: none. */
  readonly jsApiList?: readonly string[] | undefined;
  /** Ends this caller's wait for the ticket. */
  readonly signal?: AbortSignal | undefined;
}

/** The argument of WeCom's `wx.config`. */
export interface WeComJsSdkConfig {
  /** WeCom wants it for calls by `wx.invoke`. */
  readonly beta: true;
  /** The corp id. */
  readonly appId: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Random text that was signed along. */
  readonly nonceStr: string;
  /** The signature: SHA-1, hexadecimal. */
  readonly signature: string;
  /** Functions the page may call. */
  readonly jsApiList: readonly string[];
}

/** The argument of `wx.agentConfig`. */
export interface WeComAgentConfig {
  /** CorpID. */
  readonly corpid: string;
  /** AgentId. */
  readonly agentid: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Random text that was signed along. */
  readonly nonceStr: string;
  /** The signature: SHA-1, hexadecimal. */
  readonly signature: string;
  /** Functions the page may call. */
  readonly jsApiList: readonly string[];
}

/** For whom messages may be. */
export interface WeComReceiveOptions {
  /** Ids at the end of the encrypted text, of which one must be there; '' for none. Default: the corp id. */
  readonly receiveIds?: readonly string[] | undefined;
}

/** Calls with one token. Clients have them; none keeps a state of its own. */
export class WeComCalls {
  readonly #api: WeChatApi;

  constructor(api: WeChatApi) {
    this.#api = api;
  }

  /**
   * Calls an API with GET and resolves with the answer. A dead token is renewed, and the call repeated once; a busy platform is
   * asked at most three times more.
   *
   * Rejects with `WeChatError` where the answer has an `errcode`, with the `TokenError`s of `Tokens.get` and
   * `Tokens.reject`, and with `ERR_TOKEN_TRANSPORT` or `ERR_TOKEN_ABORTED` where no usable answer came.
   */
  get<T = unknown>(path: string, params?: WeChatParams, options?: WeChatCallOptions): Promise<T> {
    return this.#api.get(path, params, options);
  }

  /** Calls an API with POST and a JSON body (`{}` where there is none). Rejects as `get` does. */
  post<T = unknown>(path: string, body?: unknown, options?: WeChatPostOptions): Promise<T> {
    return this.#api.post(path, body, options);
  }

  /** Sends a file as multipart form. Rejects as `get` does. */
  upload<T = unknown>(path: string, upload: WeChatUpload, options?: WeChatPostOptions): Promise<T> {
    return this.#api.upload(path, upload, options);
  }

  /** Fetches a file. Rejects as `get` does. */
  download(path: string, params?: WeChatParams, options?: WeChatDownloadOptions): Promise<WeChatFile> {
    return this.#api.download(path, params, options);
  }
}

/** Where calls of an account go. */
export function apiTarget(place: Place, token: TokenSource, tokenParam?: string): ApiTarget {
  return {
    name: place.account,
    baseUrl: place.baseUrl,
    fetch: place.fetch,
    clock: place.clock,
    random: place.random,
    token,
    tokenParam,
    errors: WECOM_ERRORS,
  };
}

/** What signs pages for one corp and app. */
export class WeComSigner {
  readonly #place: Place;
  readonly #tokens: Tokens;

  constructor(place: Place, tokens: Tokens) {
    this.#place = place;
    this.#tokens = tokens;
  }

  async config(ticket: TokenSource, corpId: string, url: string, options: WeComSignOptions): Promise<WeComJsSdkConfig> {
    return { beta: true, appId: corpId, ...(await this.#sign(ticket, url, options)) };
  }

  async agentConfig(
    ticket: TokenSource,
    { corpId, agentId }: { readonly corpId: string; readonly agentId: string | undefined },
    url: string,
    options: WeComSignOptions,
  ): Promise<WeComAgentConfig> {
    if (agentId === undefined) {
      const { account } = this.#place;
      const message = `account "${account}": "agentId" is missing, and "wx.agentConfig" wants it`;
      throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account });
    }
    return { corpid: corpId, agentid: agentId, ...(await this.#sign(ticket, url, options)) };
  }

  async #sign(ticket: TokenSource, url: string, { jsApiList = [], signal, ...given }: WeComSignOptions) {
    const { value } = await this.#tokens.get(ticket, signal && { signal });
    const { timestamp = Math.floor(this.#place.clock.now() / 1000), nonceStr = nonce() } = given;
    const signature = jsSdkSignature({ jsapiTicket: value, nonceStr, timestamp, url });
    return { timestamp, nonceStr, signature, jsApiList };
  }
}

/** What an agent's client is made with. */
export interface AgentClientInput {
  readonly place: Place;
  readonly agent: WeComAgent;
  readonly push: () => WeComPushKeys | undefined;
}

/** The API as one agent. Holds the account and the tokens' keeper, no state of its own. */
export class WeComAgentClient extends WeComCalls {
  readonly #input: AgentClientInput;
  readonly #signer: WeComSigner;

  constructor(input: AgentClientInput, tokens: Tokens) {
    super(weChatApi(apiTarget(input.place, input.agent.accessToken), tokens));
    this.#input = input;
    this.#signer = new WeComSigner(input.place, tokens);
  }

  /**
   * The argument of `wx.config` for a page, signed with the corp's ticket. The URL must be the page's as the browser has it, query
   * included; `#` and what follows is left out. Rejects as `Tokens.get` does for the ticket.
   *
   * A browser's `invalid signature` for the right URL means a dead ticket: the platform does not tell the server, so tell us with
   * `tokens.reject(corp.jsapiTicket, ticket)`. https://developer.work.weixin.qq.com/document/path/96909
   */
  jsSdkConfig(url: string, options: WeComSignOptions = {}): Promise<WeComJsSdkConfig> {
    return this.#signer.config(this.#input.agent.jsapiTicket, this.#input.place.id, url, options);
  }

  /**
   * The argument of `wx.agentConfig` for a page, signed with this agent's own ticket. Rejects as `jsSdkConfig` does, and with
   * `ERR_TOKEN_CONFIGURATION` for an agent without `agentId`.
   */
  agentConfig(url: string, options: WeComSignOptions = {}): Promise<WeComAgentConfig> {
    const { agent, place } = this.#input;
    const ids = { corpId: place.id, agentId: agent.agentId };
    return this.#signer.agentConfig(agent.agentJsapiTicket, ids, url, options);
  }

  /**
   * Judges a request to the agent's "receive messages" address: its verification, a message, or something to refuse. Messages
   * are for the corp id; for an individual developer's app, whose messages are for nobody, say `{ receiveIds: [''] }`.
   *
   * Never rejects for what came; rejects with `ERR_TOKEN_CONFIGURATION` where there are no keys.
   */
  openMessage(request: CallbackRequest, options?: WeComReceiveOptions): Promise<Push> {
    return openCorpMessage(this.#input.place, this.#input.push(), request, options);
  }
}

/** The API with a provider's token. */
export class WeComProviderClient extends WeComCalls {
  constructor({ place, accessToken }: { readonly place: Place; readonly accessToken: TokenSource }, tokens: Tokens) {
    super(weChatApi(apiTarget(place, accessToken, PROVIDER_TOKEN_PARAM), tokens));
  }
}

/** The API of a corp: one client for each agent, and one for the provider's token. */
export class WeComClient {
  readonly #place: Place;
  readonly #account: WeCom;
  readonly #push: () => WeComPushKeys | undefined;
  readonly #tokens: Tokens;

  constructor(
    {
      place,
      account,
      push,
    }: { readonly place: Place; readonly account: WeCom; readonly push: () => WeComPushKeys | undefined },
    tokens: Tokens,
  ) {
    this.#place = place;
    this.#account = account;
    this.#push = push;
    this.#tokens = tokens;
  }

  /** Calls as an agent. Throws `ERR_TOKEN_CONFIGURATION` for a name that is not among the account's. */
  agent(name: string): WeComAgentClient {
    return this.#account.agent(name).client(this.#tokens);
  }

  /** Calls with the provider's token. */
  provider(): WeComProviderClient {
    return this.#account.provider.client(this.#tokens);
  }

  /** As an agent's `openMessage`, with the corp's own `push`. */
  openMessage(request: CallbackRequest, options?: WeComReceiveOptions): Promise<Push> {
    return openCorpMessage(this.#place, this.#push(), request, options);
  }
}

async function openCorpMessage(
  place: Place,
  push: WeComPushKeys | undefined,
  request: CallbackRequest,
  { receiveIds = [place.id] }: WeComReceiveOptions = {},
): Promise<Push> {
  const keys = pushKeysOf(push);
  if (keys.length === 0) {
    const { account } = place;
    const message = `"push" of account "${account}" is missing: messages cannot be opened without { token, encodingAESKey }`;
    throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account });
  }
  const { openPush } = await import('../push/open-push.js');
  return openPush(request, {
    keys,
    receiveIds,
    now: () => place.clock.now(),
    verification: 'encrypted',
  });
}
