import { jsonObject, type SandboxRequest, textField } from '../request.js';
import { ownerEndpoint, type WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import type { TokenOwner } from './owner.js';

const OK = { errcode: 0, errmsg: 'ok' };

/** The endpoints that tell and clear counters; `counted` tells which paths have one. */
export function quotaEndpoints(counted: (path: string) => boolean): readonly WeChatEndpoint[] {
  const quota = ownerEndpoint('/cgi-bin/openapi/quota/get', 'POST', 'any', (owner, request) => {
    const path = quotaPath(owner, request, counted);
    const limit = owner.quotas.limit(path);
    const used = owner.quotas.used(path, owner.now());
    const perMinute = owner.quotas.minuteLimit(path);
    return {
      ...OK,
      quota: { daily_limit: limit, used, remain: Math.max(0, limit - used) },
      ...(perMinute !== undefined && { rate_limit: { call_count: perMinute, refresh_second: 60 } }),
    };
  });
  return [quota, clearPath(counted), clearAll, clearBySecret, clearComponent, clearComponentBySecret];
}

/** Clears one path's counter; the budget is that of `clear_quota`, and calls of it are not counted. */
function clearPath(counted: (path: string) => boolean): WeChatEndpoint {
  return {
    path: '/cgi-bin/openapi/quota/clear',
    method: 'POST',
    identify: ({ query }, directory) => directory.owner(query)?.party,
    handle(request, directory) {
      const owner = directory.authenticate(request.query, '/cgi-bin/openapi/quota/clear', 'any');
      owner.quotas.clear(owner.now(), quotaPath(owner, request, counted));
      return OK;
    },
  };
}

// Not a counted endpoint: it has its own budget by the month.
const clearAll: WeChatEndpoint = {
  path: '/cgi-bin/clear_quota',
  method: 'POST',
  identify: ({ query }, directory) => directory.owner(query)?.party,
  handle(request, directory) {
    const owner = directory.authenticate(request.query, '/cgi-bin/clear_quota', 'any');
    if (textField(jsonObject(request.text), 'appid') !== owner.appId) throw new WeChatError(40013);
    return cleared(owner);
  },
};

// Needs no token, and takes its fields from the body or from the query: the documents show both.
const clearBySecret: WeChatEndpoint = {
  path: '/cgi-bin/clear_quota/v2',
  method: 'POST',
  identify: (request, directory) => directory.app(field(request, 'appid'))?.party,
  handle(request, directory) {
    return cleared(directory.credentials(field(request, 'appid'), field(request, 'appsecret')));
  },
};

// One SDK names the component `appid`, older documents `component_appid`.
const clearComponent: WeChatEndpoint = {
  path: '/cgi-bin/component/clear_quota',
  method: 'POST',
  identify: ({ query }, directory) => directory.owner(query)?.party,
  handle(request, directory) {
    const owner = directory.authenticate(request.query, '/cgi-bin/component/clear_quota', 'component');
    const body = jsonObject(request.text);
    if ((textField(body, 'appid') ?? textField(body, 'component_appid')) !== owner.appId) throw new WeChatError(40013);
    return cleared(owner);
  },
};

/** The component's own counters, or those of an account that has authorized it. */
const clearComponentBySecret: WeChatEndpoint = {
  path: '/cgi-bin/component/clear_quota/v2',
  method: 'POST',
  identify: (request, directory) => {
    const platform = directory.platform(field(request, 'component_appid'));
    return platform?.authorizer(field(request, 'appid'))?.party ?? platform?.party;
  },
  handle(request, directory) {
    const platform = directory.componentCredentials(field(request, 'component_appid'), field(request, 'appsecret'));
    const appId = field(request, 'appid');
    return cleared(appId === undefined || appId === platform.appId ? platform : platform.authorized(appId));
  },
};

function quotaPath(owner: TokenOwner, request: SandboxRequest, counted: (path: string) => boolean): string {
  const path = textField(jsonObject(request.text), 'cgi_path');
  if (path === undefined || !path.startsWith('/')) throw new WeChatError(76003);
  if (!counted(path)) throw new WeChatError(76021);
  const ofComponent = path.startsWith('/cgi-bin/component/');
  if (ofComponent !== (owner.kind === 'component') && !SHARED.has(path)) throw new WeChatError(76022);
  return path;
}

/** Paths that accounts and components both call, each with a counter of its own. */
const SHARED: ReadonlySet<string> = new Set([
  '/cgi-bin/get_api_domain_ip',
  '/cgi-bin/getcallbackip',
  '/cgi-bin/openapi/quota/get',
]);

function cleared(owner: TokenOwner): Record<string, unknown> {
  owner.quotas.clear(owner.now());
  return OK;
}

function field({ text, query }: SandboxRequest, name: string): string | undefined {
  return textField(jsonObject(text), name) ?? (query.get(name) || undefined);
}
