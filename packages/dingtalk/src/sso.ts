import {
  type Account,
  asObject,
  malformedAnswer,
  optionProblems,
  type SourceKind,
  type TokenSource,
  tokenKeyOf,
} from '@evertoken/core';
import { ask } from './ask.js';
import type { DingTalkOnceOptions } from './calls.js';
import { apiOf, type DingTalkApi, type DingTalkOapi, oapiOf } from './client.js';
import { issuedIn, jsonPost } from './dingtalk-wire.js';
import {
  COMMON_OPTIONS,
  commonProblems,
  commonSettingsOf,
  credentialsOf,
  type DingTalkCommonOptions,
  keyIdOf,
  lifetimeProblems,
  onceOf,
  textOf,
} from './options.js';
import { PLATFORM } from './token-sources.js';

/** What `dingTalkSso` takes. */
export interface DingTalkSsoOptions extends DingTalkCommonOptions {
  /** The organisation whose administrators come from the console; a suite's own one. */
  readonly corpId: string | undefined;
  /** The organisation's SSOSecret, which is no app's secret. */
  readonly ssoSecret: string | undefined;
  /** Who is asked: `v1` `api.dingtalk.com`, `legacy` `oapi.dingtalk.com`, whose answer names no lifetime. Default `'v1'`. */
  readonly api?: 'v1' | 'legacy' | undefined;
  /** Lifetime of a token whose answer names none, ms. Default 3,600,000 (1 h). */
  readonly defaultLifetimeMs?: number | undefined;
}

/** The sign-in of administrators who come from DingTalk's console. */
export interface DingTalkSso extends Account<DingTalkSsoClient> {
  readonly platform: typeof PLATFORM;
  /** The organisation. */
  readonly corpId: string;
  /** Kind `sso_access_token`: good for this one exchange alone. */
  readonly accessToken: TokenSource;
}

/** An administrator who came from the console. */
export interface DingTalkAdministrator {
  /** Within the organisation. */
  readonly userId: string;
  /** The person's name. */
  readonly name?: string;
  /** The organisation. */
  readonly corpId?: string;
  /** Its name. */
  readonly corpName?: string;
  /** Mail address. */
  readonly email?: string;
  /** Address of a picture. */
  readonly avatar?: string;
  /** Whether the platform says that it is an administrator. */
  readonly isAdmin?: boolean;
}

/** Facts of the token; each organisation has one. */
const SSO_TOKEN = Object.freeze({
  kind: 'sso_access_token',
  issuance: 'idempotent',
  keep: 'obtainable',
} as const satisfies SourceKind);

/** 1 h, what the published example says. */
const LIFETIME_MS = 60 * 60_000;

/**
 * Sign-in from DingTalk's admin console. Throws for no missing or wrong option: the manager's constructor does.
 *
 * @example
 * export const console = dingTalkSso({ name: 'console', corpId: process.env['CORP_ID'], ssoSecret: process.env['SSO_SECRET'] });
 */
export function dingTalkSso(options: DingTalkSsoOptions): DingTalkSso {
  const settings = commonSettingsOf(options);
  const { name, fetch, baseUrls, circuit, clock, random } = settings;
  const { refresh, api = 'v1' } = options;
  const [corpId, ssoSecret] = [textOf(options.corpId), textOf(options.ssoSecret)];
  const defaultLifetimeMs = options.defaultLifetimeMs ?? LIFETIME_MS;
  const problems = Object.freeze(problemsOf(options));
  const about = { account: name, kind: SSO_TOKEN.kind };
  const accessToken = onceOf(() =>
    Object.freeze<TokenSource>({
      ...about,
      ...SSO_TOKEN,
      // Whether asking again extends it is not documented: it is not counted on.
      lifetime: 'constant',
      key: tokenKeyOf({ platform: PLATFORM, id: keyIdOf(corpId, name), kind: SSO_TOKEN.kind }),
      credentials: credentialsOf(ssoSecret),
      issue: (request) =>
        ask(request, {
          about,
          circuit,
          wire:
            api === 'v1'
              ? jsonPost(`${baseUrls.api}/v1.0/oauth2/ssoAccessToken`, { corpid: corpId, ssoSecret })
              : {
                  url: `${baseUrls.oapi}/sso/gettoken?${new URLSearchParams({ corpid: corpId, corpsecret: ssoSecret })}`,
                },
          read: (json) => issuedIn(json, 'token', defaultLifetimeMs),
          expected: 'token',
        }),
    }),
  );
  return Object.freeze<DingTalkSso>({
    platform: PLATFORM,
    name,
    id: corpId,
    corpId,
    ...(refresh !== undefined && { refresh }),
    ...(fetch !== undefined && { fetch }),
    kinds: Object.freeze([SSO_TOKEN]),
    get accessToken() {
      return accessToken();
    },
    problems: () => problems,
    sources: () => [accessToken()],
    source: (kind, subject) => (kind === SSO_TOKEN.kind && subject === undefined ? accessToken() : undefined),
    client(tokens) {
      const calling = { name, baseUrls, circuit, clock, random, accessToken: accessToken(), ...(fetch && { fetch }) };
      return new DingTalkSsoClient(apiOf(calling, tokens), oapiOf(calling, tokens), { account: name, api });
    },
  });
}

/** Learns who came from the console. Made by `account.client(tokens)`. */
export class DingTalkSsoClient {
  readonly #api: DingTalkApi;
  readonly #oapi: DingTalkOapi;
  readonly #about: { readonly account: string; readonly api: 'v1' | 'legacy' };

  constructor(
    api: DingTalkApi,
    oapi: DingTalkOapi,
    about: { readonly account: string; readonly api: 'v1' | 'legacy' },
  ) {
    this.#api = api;
    this.#oapi = oapi;
    this.#about = about;
  }

  /**
   * Whose `code` the console added to the address: it works once, for about 5 minutes (`GET /v1.0/oauth2/ssoUserInfo`, in the old
   * API `/sso/getuserinfo`). Begin a session of your own with it, at once.
   *
   * Rejects with `DingTalkError` where the platform refuses the code, with `TokenError` where no token or no answer is to be had.
   */
  async administrator(code: string, options: DingTalkOnceOptions = {}): Promise<DingTalkAdministrator> {
    if (typeof code !== 'string' || code === '') throw new TypeError('"code" must be the code of the address');
    const once = { ...options, repeatable: false, query: { code } };
    const { api, account } = this.#about;
    const administrator =
      api === 'v1'
        ? ofNewApi(asObject(await this.#api.get('/v1.0/oauth2/ssoUserInfo', once)) ?? {})
        : ofOldApi(asObject(await this.#oapi.get('/sso/getuserinfo', once)) ?? {});
    if (!administrator) throw malformedAnswer({ account }, 'it names no user');
    return administrator;
  }
}

function ofNewApi(body: Readonly<Record<string, unknown>>): DingTalkAdministrator | undefined {
  const { userId, userName, corpId, corpName, email, avatar, isAdmin } = body;
  return administratorOf({ userId, name: userName, corpId, corpName, email, avatar }, isAdmin);
}

function ofOldApi(body: Readonly<Record<string, unknown>>): DingTalkAdministrator | undefined {
  const user = asObject(body['user_info']) ?? {};
  const corp = asObject(body['corp_info']) ?? {};
  const { userid: userId, name, email, avatar } = user;
  const { corpid: corpId, corp_name: corpName } = corp;
  return administratorOf({ userId, name, corpId, corpName, email, avatar }, body['is_sys']);
}

function administratorOf(
  { userId, ...facts }: Readonly<Record<string, unknown>>,
  isAdmin: unknown,
): DingTalkAdministrator | undefined {
  if (typeof userId !== 'string' || userId === '') return undefined;
  const told = Object.entries(facts).filter(([, value]) => typeof value === 'string' && value !== '');
  return { userId, ...Object.fromEntries(told), ...(typeof isAdmin === 'boolean' && { isAdmin }) };
}

function problemsOf(options: DingTalkSsoOptions): string[] {
  const optional = ['api', 'defaultLifetimeMs', ...COMMON_OPTIONS];
  const problems = optionProblems(options, { required: ['name', 'corpId', 'ssoSecret'], optional });
  const { api, defaultLifetimeMs } = options;
  if (api !== undefined && api !== 'v1' && api !== 'legacy') problems.push('"api" must be "v1" or "legacy"');
  return [...problems, ...lifetimeProblems(defaultLifetimeMs), ...commonProblems(options)];
}
