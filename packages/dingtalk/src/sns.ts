import {
  type Account,
  malformedAnswer,
  optionProblems,
  TokenError,
  type TokenSource,
  type Tokens,
} from '@evertoken/core';
import { type CallingAccount, type DingTalkOnceOptions, OAPI } from './calls.js';
import { type DingTalkOapi, oapiOf } from './client.js';
import { DEFAULT_LIFETIME_MS, JSON_CONTENT } from './dingtalk-wire.js';
import { snsSignature } from './hmac.js';
import {
  COMMON_OPTIONS,
  commonProblems,
  commonSettingsOf,
  type DingTalkCommonOptions,
  lifetimeProblems,
  onceOf,
  textOf,
} from './options.js';
import { patiently } from './patient-call.js';
import {
  PERSISTENT_CODE,
  persistentCodeIn,
  persistentCodeSource,
  SNS_TOKEN,
  SNS_USER_TOKEN,
  type SnsContext,
  snsTokenSource,
  snsUserTokenSource,
} from './sns-sources.js';
import { PLATFORM } from './token-sources.js';

/** What `dingTalkSns` takes. */
export interface DingTalkSnsOptions extends DingTalkCommonOptions {
  /** The personal app's AppId. */
  readonly appId: string | undefined;
  /** The personal app's AppSecret. */
  readonly appSecret: string | undefined;
  /**
   * Keep users' persistent codes, for their tokens later. They are grants without an end: the manager wants a durable store for
   * them. Default false.
   */
  readonly persistentCodes?: boolean | undefined;
  /** Lifetime of a token whose answer names none, ms. Default 7,200,000 (2 h). */
  readonly defaultLifetimeMs?: number | undefined;
}

/** A personal app: scan logins with codes of the old API. */
export interface DingTalkSns extends Account<DingTalkSnsClient> {
  readonly platform: typeof PLATFORM;
  /** Kind `sns_access_token`. */
  readonly accessToken: TokenSource;
  /**
   * A user whose persistent code is kept.
   *
   * @throws TokenError `ERR_TOKEN_CONFIGURATION` without the option `persistentCodes`.
   */
  user(openid: string): DingTalkSnsUser;
}

/** A user of a personal app. */
export interface DingTalkSnsUser {
  /** The person, for this app. */
  readonly openid: string;
  /** Kind `sns_persistent_code`: comes by a sign-in, has no end. */
  readonly persistentCode: TokenSource;
  /** Kind `sns_user_token`: lives 2 h, obtained with the persistent code. */
  readonly accessToken: TokenSource;
  /** The old API with this user's token, such as `get('/sns/getuserinfo')`. */
  client(tokens: Tokens): Pick<DingTalkOapi, 'get'>;
}

/** Who a temporary code belongs to. */
export interface DingTalkSnsUserId {
  /** The user's id in this app. */
  readonly openid: string;
  /** The user's id in all apps of the developer. */
  readonly unionid?: string;
}

/** A personal app. Throws for no missing or wrong option: the manager's constructor does. */
export function dingTalkSns(options: DingTalkSnsOptions): DingTalkSns {
  const context: SnsContext = {
    ...commonSettingsOf(options),
    appId: textOf(options.appId),
    appSecret: textOf(options.appSecret),
    defaultLifetimeMs: options.defaultLifetimeMs ?? DEFAULT_LIFETIME_MS,
    persistentCodes: options.persistentCodes === true,
  };
  const { name, appId, fetch, persistentCodes } = context;
  const { refresh } = options;
  const problems = Object.freeze(problemsOf(options));
  const accessToken = onceOf(() => snsTokenSource(context));
  return Object.freeze<DingTalkSns>({
    platform: PLATFORM,
    name,
    id: appId,
    ...(refresh !== undefined && { refresh }),
    ...(fetch !== undefined && { fetch }),
    kinds: Object.freeze(persistentCodes ? [SNS_TOKEN, PERSISTENT_CODE, SNS_USER_TOKEN] : [SNS_TOKEN]),
    get accessToken() {
      return accessToken();
    },
    user(openid) {
      if (!persistentCodes) {
        const message = `account "${name}": "persistentCodes" must be true: it keeps no codes of users`;
        throw new TokenError('ERR_TOKEN_CONFIGURATION', message, { account: name });
      }
      const userToken = snsUserTokenSource(context, openid, accessToken());
      return Object.freeze({
        openid,
        persistentCode: persistentCodeSource(context, openid),
        accessToken: userToken,
        client: (tokens: Tokens) => oapiOf({ ...callingOf(context, userToken), tokenParameter: 'sns_token' }, tokens),
      });
    },
    problems: () => problems,
    sources: () => [accessToken()],
    source(kind, subject) {
      if (subject === undefined) return kind === SNS_TOKEN.kind ? accessToken() : undefined;
      if (!persistentCodes || subject === '') return undefined;
      if (kind === PERSISTENT_CODE.kind) return persistentCodeSource(context, subject);
      return kind === SNS_USER_TOKEN.kind ? snsUserTokenSource(context, subject, accessToken()) : undefined;
    },
    client: (tokens) => new DingTalkSnsClient(context, tokens, accessToken()),
  });
}

/** Calls of a personal app. Made by `account.client(tokens)`. */
export class DingTalkSnsClient {
  /** The old API with the personal app's token. */
  readonly oapi: DingTalkOapi;
  readonly #context: SnsContext;
  readonly #tokens: Tokens;
  readonly #accessToken: TokenSource;

  constructor(context: SnsContext, tokens: Tokens, accessToken: TokenSource) {
    this.#accessToken = accessToken;
    this.oapi = oapiOf(callingOf(context, accessToken), tokens);
    this.#context = context;
    this.#tokens = tokens;
  }

  /**
   * Exchanges a temporary code, which works once, for who it is (`/sns/get_persistent_code`); the persistent code is kept where
   * the account has `persistentCodes`, and never handed out here.
   *
   * Rejects with `DingTalkError` where the platform refuses the code, with `TokenError` where no token or no answer is to be had.
   */
  async exchange(tmpAuthCode: string, options: DingTalkOnceOptions = {}): Promise<DingTalkSnsUserId> {
    assertCode(tmpAuthCode);
    const { name: account, persistentCodes } = this.#context;
    const body = { tmp_auth_code: tmpAuthCode };
    const answer = await this.oapi.post('/sns/get_persistent_code', body, { ...options, repeatable: false });
    const told = persistentCodeIn(answer);
    if (!told) throw malformedAnswer({ account, kind: PERSISTENT_CODE.kind }, 'it carries no persistent code');
    const { code: value, ...user } = told;
    if (persistentCodes) {
      await this.#keep(user, value);
    }
    return user;
  }

  /** Another code than before means that the user had taken the permission back: what the former brought is dead. */
  async #keep(user: DingTalkSnsUserId, value: string): Promise<void> {
    const persistentCode = persistentCodeSource(this.#context, user.openid);
    const before = await this.#tokens.get(persistentCode).catch(() => undefined);
    await this.#tokens.adopt(persistentCode, { value, extra: { ...user } }, { grant: true });
    if (before === undefined || before.value === value) return;
    await this.#tokens.forget(snsUserTokenSource(this.#context, user.openid, this.#accessToken));
  }

  /**
   * Who a temporary code belongs to, by a signed call without a token (`/sns/getuserinfo_bycode`, page
   * `signature-personal-registration`). The code works once, so either this or `exchange`.
   *
   * Rejects as `exchange` does.
   */
  async userByCode<T = unknown>(tmpAuthCode: string, options: DingTalkOnceOptions = {}): Promise<T> {
    assertCode(tmpAuthCode);
    const { appId, appSecret, baseUrls, clock } = this.#context;
    const timestamp = clock.now();
    const path = '/sns/getuserinfo_bycode';
    const url = new URL(baseUrls.oapi + path);
    const signed = { accessKey: appId, timestamp, signature: snsSignature(appSecret, timestamp) };
    // URLSearchParams encodes once, a plus sign to %2B.
    for (const [name, value] of Object.entries(signed)) url.searchParams.set(name, String(value));
    const headers = { 'content-type': JSON_CONTENT };
    const draft = { method: 'POST', url, headers, body: JSON.stringify({ tmp_auth_code: tmpAuthCode }) };
    const outcome = await patiently(
      { ...this.#context, family: OAPI },
      { ...draft, path, draft, options: { ...options, repeatable: false } },
    );
    if ('error' in outcome) throw outcome.error;
    return outcome.body as T;
  }
}

function callingOf({ name, baseUrls, clock, random, circuit, fetch }: SnsContext, token: TokenSource): CallingAccount {
  return { name, baseUrls, clock, random, circuit, accessToken: token, ...(fetch && { fetch }) };
}

function assertCode(code: unknown): void {
  if (typeof code !== 'string' || code === '') throw new TypeError('"tmpAuthCode" must be a non-empty string');
}

function problemsOf(options: DingTalkSnsOptions): string[] {
  const optional = ['persistentCodes', 'defaultLifetimeMs', ...COMMON_OPTIONS];
  const problems = optionProblems(options, { required: ['name', 'appId', 'appSecret'], optional });
  const { persistentCodes, defaultLifetimeMs } = options;
  if (persistentCodes !== undefined && typeof persistentCodes !== 'boolean') {
    problems.push(`"persistentCodes" must be true or false, got ${typeof persistentCodes}`);
  }
  return [...problems, ...lifetimeProblems(defaultLifetimeMs), ...commonProblems(options)];
}
