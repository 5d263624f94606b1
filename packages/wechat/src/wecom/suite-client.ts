import { type CallbackRequest, TokenError, type Tokens } from '@evertoken/core';
import { type WeChatApi, weChatApi } from '../client.js';
import type { Push } from '../push/open-push.js';
import type { PushKeys } from '../push/push-keys.js';
import { WeChatError } from '../wechat-errors.js';
import { installationIn, type SuiteInstallations, type WeComInstallation } from './suite-installations.js';
import { PERMANENT_CODE, type Suite, type SuiteSources } from './suite-sources.js';
import {
  apiTarget,
  type WeComAgentConfig,
  WeComCalls,
  type WeComJsSdkConfig,
  type WeComReceiveOptions,
  WeComSigner,
  type WeComSignOptions,
} from './we-com-client.js';
import type { WeComSuiteCorp } from './we-com-suite.js';
import { isId } from './wecom-options.js';
import { installPage, SUITE_PATHS, SUITE_TOKEN_PARAM } from './wecom-wire.js';

/** What the clients of a suite need of its account. */
export interface SuiteClientInput {
  readonly suite: Suite;
  readonly sources: SuiteSources;
  readonly corp: (corpId: string) => WeComSuiteCorp;
  readonly installations: SuiteInstallations;
  readonly keys: () => readonly PushKeys[];
  /** The provider's corp id. */
  readonly corpId: string | undefined;
}

/** Where a person comes back to after an installation. */
export interface WeComInstallUrlOptions {
  /** Its host must be among the app's in the console. */
  readonly redirectUri: string;
  /** Comes back with the person. Default: random; another one must be as hard to guess. */
  readonly state?: string | undefined;
}

/** Where an installation begins: send the browser to `url`, and keep `binding` in its session for the callback. */
export interface WeComInstallStart {
  /** Where to send the browser. */
  readonly url: string;
  /** Proves that the browser which comes back is the one that went. */
  readonly binding: string;
}

/** Query of an installation's redirect, as the application's framework reads it. */
export type WeComRedirect = Readonly<Record<string, unknown>>;

/** Where the corp's id stands in the envelope of a message, XML or JSON: after these names, in so many characters. */
const TO_USER_NAME: readonly (readonly [name: string, id: RegExp])[] = [
  ['<ToUserName>', /^\s*(?:<!\[CDATA\[\s*)?([\w-]{1,128})\s*(?:\]\]>\s*)?<\/ToUserName>/],
  ['"ToUserName"', /^\s*:\s*"([\w-]{1,128})"/],
];
const LONGEST_FIELD = 400;
const MAX_BYTES = 1024 * 1024;

/** The API of a suite: calls with its own token, installations, and a client for each corp. */
export class WeComSuiteClient extends WeComCalls {
  readonly #input: SuiteClientInput;
  readonly #tokens: Tokens;
  readonly #api: WeChatApi;

  constructor(input: SuiteClientInput, tokens: Tokens) {
    const api = weChatApi(apiTarget(input.suite, input.sources.accessToken, SUITE_TOKEN_PARAM), tokens);
    super(api);
    this.#api = api;
    this.#input = input;
    this.#tokens = tokens;
  }

  /**
   * A code for one installation page, good for `lifetimeMs` (20 min), never kept. Rejects as `get` does.
   * https://developer.work.weixin.qq.com/document/path/90601
   */
  async preAuthCode(): Promise<{ readonly value: string; readonly lifetimeMs: number }> {
    const answer = await this.#api.get<{ pre_auth_code?: unknown; expires_in?: unknown }>(SUITE_PATHS.preAuthCode);
    const { pre_auth_code: value, expires_in: seconds } = answer;
    if (typeof value !== 'string' || value === '' || typeof seconds !== 'number' || !(seconds > 0)) {
      const { account } = this.#input.suite;
      throw new TokenError('ERR_TOKEN_TRANSPORT', `account "${account}": "pre_auth_code" is missing in the answer`, {
        account,
        reason: 'malformed',
      });
    }
    return { value, lifetimeMs: seconds * 1000 };
  }

  /**
   * The page on which a person installs the app for a corp, with a fresh pre-auth code in it. Rejects as `preAuthCode` does, and with
   * a TypeError where `redirectUri` is no http or https URL.
   */
  async installUrl({ redirectUri, state }: WeComInstallUrlOptions): Promise<WeComInstallStart> {
    if (!URL.canParse(redirectUri) || !/^https?:$/.test(new URL(redirectUri).protocol)) {
      throw new TypeError('"redirectUri" must be an http or https URL');
    }
    const binding = state ?? process.getBuiltinModule('node:crypto').randomBytes(16).toString('hex');
    const { value: preAuthCode } = await this.preAuthCode();
    const { id: suiteId, pageUrl } = this.#input.suite;
    return { url: installPage({ pageUrl, suiteId, preAuthCode, redirectUri, state: binding }), binding };
  }

  /**
   * Completes an installation whose person has come back to `redirectUri`: compares `state` with the session's binding and exchanges
   * `auth_code`. The command address may have done so already; the result is the same.
   *
   * Rejects with `ERR_TOKEN_REFUSED`, its `reason` `unbound` (this session began no installation) or `incomplete`, and as
   * `exchange` does.
   */
  async handleCallback(query: WeComRedirect, binding: string | undefined): Promise<WeComInstallation> {
    const { account } = this.#input.suite;
    const { auth_code: authCode, state } = query;
    const refused = (reason: string, why: string) =>
      new TokenError('ERR_TOKEN_REFUSED', `account "${account}": ${why}; begin the installation anew`, {
        account,
        reason,
      });
    if (typeof authCode !== 'string' || authCode === '') {
      throw refused('incomplete', 'the redirect has no single "auth_code"');
    }
    if (typeof binding !== 'string' || binding === '') throw refused('unbound', 'this session began no installation');
    if (typeof state !== 'string' || !sameText(state, binding)) {
      throw refused('unbound', 'the redirect belongs to an installation that another session began');
    }
    return this.exchange(authCode);
  }

  /**
   * Exchanges an auth code for the corp's permanent code and stores that as a grant; resolves with the corp, never with the code.
   * An auth code that was exchanged a moment ago, here or in another process, gives the same corp.
   *
   * Rejects with `WeChatError` 40078 where it is invalid, was used longer ago or nothing is stored of it, and as `get` does.
   */
  exchange(authCode: string): Promise<WeComInstallation> {
    const { installations, suite } = this.#input;
    // Whole seconds, as the platform's own times: a corp that leaves within this one leaves later.
    const at = Math.floor(suite.clock.now() / 1000) * 1000;
    return installations.exchange(this.#tokens, authCode, at);
  }

  /** A corp's client. */
  corp(corpId: string): WeComSuiteCorpClient {
    return this.#input.corp(corpId).client(this.#tokens);
  }

  /** The corps of which a permanent code is stored. */
  async *corps(): AsyncGenerator<WeComInstallation> {
    const { account } = this.#input.suite;
    const filter = { accounts: [account], kinds: [PERMANENT_CODE.kind] };
    for await (const { subject, state, extra } of this.#tokens.inspect(filter)) {
      if (subject !== undefined && state !== 'gone') yield { corpId: subject, ...installationIn(extra) };
    }
  }

  /**
   * Judges a request to the suite's data address: its verification, a message of a corp (`receiveId` says whose), or something to
   * refuse. Never rejects. By default the corp is taken from the envelope, which nobody has signed, and must then be the one at the
   * end of the encrypted text, which the platform has.
   */
  async openMessage(request: CallbackRequest, options: WeComReceiveOptions = {}): Promise<Push> {
    const { suite, corpId, keys } = this.#input;
    const own = corpId ? [corpId, suite.id] : [suite.id];
    const { receiveIds = request.method === 'GET' ? own : addressee(request) } = options;
    const { openPush } = await import('../push/open-push.js');
    return openPush(request, { keys: keys(), receiveIds, now: () => suite.clock.now(), verification: 'encrypted' });
  }
}

/** The API as the app in one corp. */
export class WeComSuiteCorpClient {
  readonly #corp: WeComSuiteCorp;
  readonly #tokens: Tokens;
  readonly #calls: WeComCalls;
  readonly #signer: WeComSigner;

  constructor(suite: Suite, corp: WeComSuiteCorp, tokens: Tokens) {
    this.#corp = corp;
    this.#tokens = tokens;
    this.#calls = new WeComCalls(weChatApi(apiTarget(suite, corp.accessToken), tokens));
    this.#signer = new WeComSigner(suite, tokens);
  }

  /**
   * Calls an API with GET and the corp's token. A dead one is renewed, this corp's alone, and the call repeated once.
   *
   * Rejects as `WeComAgentClient.get` does, and with `ERR_TOKEN_REAUTHORIZATION_REQUIRED` once the corp has taken the app out.
   */
  get: WeComCalls['get'] = (path, params, options) => this.#judged(this.#calls.get(path, params, options));

  /** Calls an API with POST and a JSON body. Rejects as `get` does. */
  post: WeComCalls['post'] = (path, body, options) => this.#judged(this.#calls.post(path, body, options));

  /** Sends a file as multipart form. Rejects as `get` does. */
  upload: WeComCalls['upload'] = (path, upload, options) => this.#judged(this.#calls.upload(path, upload, options));

  /** Fetches a file. Rejects as `get` does. */
  download: WeComCalls['download'] = (path, params, options) =>
    this.#judged(this.#calls.download(path, params, options));

  /** As `WeComAgentClient.jsSdkConfig`, with the ticket of this corp. */
  jsSdkConfig(url: string, options: WeComSignOptions = {}): Promise<WeComJsSdkConfig> {
    return this.#signer.config(this.#corp.jsapiTicket, this.#corp.corpId, url, options);
  }

  /** As `WeComAgentClient.agentConfig`, with the app's ticket in this corp and the number the installation brought. */
  async agentConfig(url: string, options: WeComSignOptions = {}): Promise<WeComAgentConfig> {
    const { corpId, permanentCode, agentJsapiTicket } = this.#corp;
    const { extra } = await this.#tokens.get(permanentCode, options.signal && { signal: options.signal });
    const { agentId } = installationIn(extra);
    return this.#signer.agentConfig(agentJsapiTicket, { corpId, agentId }, url, options);
  }

  /** Where an answer says that the authorization is gone, the platform is asked whether it is, once for all calls. */
  async #judged<T>(calling: Promise<T>): Promise<T> {
    try {
      return await calling;
    } catch (error) {
      const gone = await this.#goneBy(error);
      if (!gone) throw error;
      // A token that is dead but not over would be presented again, and asked for again, by every call.
      await this.#tokens.forget(this.#corp.accessToken).catch(() => {});
      throw gone;
    }
  }

  async #goneBy(error: unknown): Promise<Error | undefined> {
    if (error instanceof TokenError) return error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED' ? error : undefined;
    if (!(error instanceof WeChatError && error.reason === 'reauthorize')) return undefined;
    const { outcome, error: verdict } = await this.#tokens.refresh(this.#corp.permanentCode);
    return outcome === 'reauthorize' ? verdict : undefined;
  }
}

function addressee({ body }: CallbackRequest): string[] {
  if (body.length > MAX_BYTES) return [];
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  for (const [name, id] of TO_USER_NAME) {
    const at = text.indexOf(name);
    const found = at === -1 ? undefined : id.exec(text.slice(at + name.length, at + LONGEST_FIELD))?.[1];
    if (isId(found)) return [found];
  }
  return [];
}

/** In a time that does not depend on where they differ. */
function sameText(a: string, b: string): boolean {
  const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto');
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
