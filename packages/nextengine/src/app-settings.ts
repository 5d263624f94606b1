import { ACCOUNT_OPTIONS, optionProblems, type RefreshOptions } from '@evertoken/core';
import { BASE_URLS } from './nextengine-wire.js';

/** Options of `nextEngineApp`. Credentials may be missing here; the manager's constructor names what is. */
export interface NextEngineAppOptions {
  /** Unique among a manager's accounts. */
  readonly name: string;
  /** "クライアントID" on the app's API tab. Test and production have their own pairs. */
  readonly clientId: string | undefined;
  /** "クライアントシークレット" beside it. */
  readonly clientSecret: string | undefined;
  /** Where the browser comes back to. Must be the registered one, which NextEngine also takes where this is left out. */
  readonly redirectUri?: string | undefined;
  /** Other hosts: a sandbox, a proxy. Defaults: `https://api.next-engine.org`, `https://base.next-engine.org`. */
  readonly baseUrls?: { readonly api?: string | undefined; readonly base?: string | undefined } | undefined;
  /** How the users' tokens are kept fresh. Default: the manager's. */
  readonly refresh?: RefreshOptions;
  /** Used instead of the manager's `fetch`. */
  readonly fetch?: typeof fetch;
}

/** Options as they are worked with: read once, empty where missing. */
export interface AppSettings {
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri?: string;
  readonly apiUrl: string;
  readonly baseUrl: string;
  readonly fetch?: typeof fetch;
}

export function settingsOf(options: NextEngineAppOptions): AppSettings {
  const { name, clientId = '', clientSecret = '', redirectUri, baseUrls, fetch } = options;
  return {
    name,
    clientId,
    clientSecret,
    ...(redirectUri && { redirectUri }),
    apiUrl: baseUrlOf(baseUrls?.api, BASE_URLS.api),
    baseUrl: baseUrlOf(baseUrls?.base, BASE_URLS.base),
    ...(fetch && { fetch }),
  };
}

const BASE_NAMES = Object.keys(BASE_URLS);

/** What is wrong with the options; each sentence begins with the quoted option, none shows a value. */
export function problemsOf(options: NextEngineAppOptions): string[] {
  const problems = optionProblems(options, {
    required: ['name', 'clientId', 'clientSecret'],
    optional: ['redirectUri', 'baseUrls', ...ACCOUNT_OPTIONS],
  });
  if (options.redirectUri && !isHttpUrl(options.redirectUri))
    problems.push('"redirectUri" must be an http or https URL');
  for (const [name, url] of Object.entries(options.baseUrls ?? {})) {
    if (!BASE_NAMES.includes(name)) problems.push(`"baseUrls.${name}" is no option; expected "api", "base"`);
    else if (url && !isHttpUrl(url)) problems.push(`"baseUrls.${name}" must be an http or https URL`);
  }
  return problems;
}

function isHttpUrl(text: unknown): boolean {
  return typeof text === 'string' && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Paths begin with a slash, so a base must not end with one. A wrong one is reported, not thrown. */
function baseUrlOf(url: unknown, usual: string): string {
  if (typeof url !== 'string' || url === '') return usual;
  return url.endsWith('/') ? url.slice(0, -1) : url;
}
