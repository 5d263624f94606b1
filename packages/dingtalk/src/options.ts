import { ACCOUNT_OPTIONS, optionProblems, type RefreshOptions } from '@evertoken/core';

/** The hosts of DingTalk's two API families; mainland China. */
export const DINGTALK_BASE_URLS = Object.freeze({
  api: 'https://api.dingtalk.com',
  oapi: 'https://oapi.dingtalk.com',
});

/** Which API family obtains tokens and tickets: `v1` asks `api.dingtalk.com`, `legacy` asks `oapi.dingtalk.com`. */
export type DingTalkTokenApi = 'v1' | 'legacy';

/** Other addresses for the two hosts: the international ones, a proxy, the sandbox. */
export interface DingTalkBaseUrls {
  /** Default `https://api.dingtalk.com`. */
  readonly api?: string | undefined;
  /** Default `https://oapi.dingtalk.com`. */
  readonly oapi?: string | undefined;
}

interface CommonOptions {
  /** Unique among a manager's accounts; what messages and the command line call it. */
  readonly name: string;
  /** Other addresses of the platform. */
  readonly baseUrls?: DingTalkBaseUrls | undefined;
  /** How its tokens are kept fresh; what is left out follows the manager's options. */
  readonly refresh?: RefreshOptions | undefined;
  /** Used instead of the manager's `fetch`: a proxy whose address is on the app's list, say. */
  readonly fetch?: typeof fetch | undefined;
}

/** An internal app, known by the key and secret of DingTalk's console. */
export interface DingTalkAppOptions extends CommonOptions {
  /** The console's AppKey, today also called Client ID. */
  readonly appKey: string | undefined;
  /** The console's AppSecret, today also called Client Secret. Case-sensitive. */
  readonly appSecret: string | undefined;
  /** The organisation the app belongs to; `jsApiConfig` passes it on to the page. */
  readonly corpId?: string | undefined;
  /** Who is asked for tokens and tickets; either way they work on both hosts. Default `'v1'`. */
  readonly api?: DingTalkTokenApi | undefined;
}

/** The oldest form, before apps had keys: an organisation and one of its secrets. Only `oapi.dingtalk.com` knows it. */
export interface DingTalkCorpOptions extends CommonOptions {
  readonly corpId: string | undefined;
  /** Each secret of an organisation yields a token of its own. */
  readonly corpSecret: string | undefined;
}

/** What obtains the access token. */
export type DingTalkCredentials =
  | { readonly form: 'app'; readonly appKey: string; readonly appSecret: string }
  | { readonly form: 'corp'; readonly corpId: string; readonly corpSecret: string };

/** An account's options, read once; whether they make sense is for `problemsOf` to say. */
export interface DingTalkSettings {
  readonly name: string;
  readonly credentials: DingTalkCredentials;
  readonly api: DingTalkTokenApi;
  readonly corpId?: string;
  /** Without a slash at the end. */
  readonly baseUrls: { readonly api: string; readonly oapi: string };
}

const CORP_OPTIONS = { required: ['name', 'corpId', 'corpSecret'], optional: ['baseUrls', ...ACCOUNT_OPTIONS] };
const APP_OPTIONS = {
  required: ['name', 'appKey', 'appSecret'],
  optional: ['corpId', 'api', 'baseUrls', ...ACCOUNT_OPTIONS],
};

export function settingsOf(options: DingTalkAppOptions | DingTalkCorpOptions): DingTalkSettings {
  const { name, corpId, baseUrls } = options;
  return {
    name,
    credentials: isCorp(options)
      ? { form: 'corp', corpId: text(corpId), corpSecret: text(options.corpSecret) }
      : { form: 'app', appKey: text(options.appKey), appSecret: text(options.appSecret) },
    api: isCorp(options) ? 'legacy' : (options.api ?? 'v1'),
    ...(text(corpId) !== '' && { corpId: text(corpId) }),
    baseUrls: {
      api: withoutSlash(baseUrls?.api ?? DINGTALK_BASE_URLS.api),
      oapi: withoutSlash(baseUrls?.oapi ?? DINGTALK_BASE_URLS.oapi),
    },
  };
}

/** Sentences that begin with the quoted option; none shows a value. */
export function problemsOf(options: DingTalkAppOptions | DingTalkCorpOptions): string[] {
  const problems = optionProblems(options, isCorp(options) ? CORP_OPTIONS : APP_OPTIONS);
  if (isCorp(options)) return [...problems, ...baseUrlProblems(options.baseUrls)];
  const { api, corpId } = options;
  if (api !== undefined && api !== 'v1' && api !== 'legacy') problems.push('"api" must be "v1" or "legacy"');
  if (corpId !== undefined && text(corpId).trim() === '') {
    problems.push('"corpId" must be a non-empty string where it is given');
  }
  return [...problems, ...baseUrlProblems(options.baseUrls)];
}

/** An app key decides: half an app is an app with something missing, not an organisation. */
function isCorp(options: DingTalkAppOptions | DingTalkCorpOptions): options is DingTalkCorpOptions {
  return 'corpSecret' in options && !('appKey' in options) && !('appSecret' in options);
}

function baseUrlProblems(baseUrls: unknown): string[] {
  if (baseUrls === undefined) return [];
  if (typeof baseUrls !== 'object' || baseUrls === null) return ['"baseUrls" must be an object with "api" and "oapi"'];
  return Object.entries(baseUrls).flatMap(([name, url]: [string, unknown]) => {
    if (name !== 'api' && name !== 'oapi') return [`"baseUrls.${name}" is no option; expected "api", "oapi"`];
    return url === undefined || isBaseUrl(url)
      ? []
      : [`"baseUrls.${name}" must be an http or https URL without credentials, query and fragment`];
  });
}

function isBaseUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '' && !/[?#]/.test(value);
}

function withoutSlash(url: unknown): string {
  return text(url).replace(/\/+$/, '');
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
