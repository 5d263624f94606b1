import { jsonObject, textField } from '../request.js';
import type { TicketType, WeChatApp } from './app.js';
import { tokenEndpoint, type WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';

const OK = { errcode: 0, errmsg: 'ok' };

const ticket = tokenEndpoint('/cgi-bin/ticket/getticket', 'ANY', (app, { query }) => {
  const type = query.get('type');
  if (type !== 'jsapi' && type !== 'wx_card') throw new WeChatError(40097);
  if (app.settings.kind === 'miniProgram') throw new WeChatError(48001);
  const { value, expiresIn } = app.ticket(type satisfies TicketType);
  return { ...OK, ticket: value, expires_in: expiresIn };
});

const followers = tokenEndpoint('/cgi-bin/user/get', 'ANY', (app) => ({
  total: 2,
  count: 2,
  data: { openid: [`o-${app.settings.appId}-1`, `o-${app.settings.appId}-2`] },
  next_openid: `o-${app.settings.appId}-2`,
}));

const domainAddresses = tokenEndpoint('/cgi-bin/get_api_domain_ip', 'ANY', () => ({
  ip_list: ['203.0.113.10', '203.0.113.11'],
}));

const callbackAddresses = tokenEndpoint('/cgi-bin/getcallbackip', 'ANY', () => ({
  ip_list: ['203.0.113.20', '203.0.113.128/25'],
}));

const BUSINESS: readonly WeChatEndpoint[] = [ticket, followers, domainAddresses, callbackAddresses];

const quota = tokenEndpoint('/cgi-bin/openapi/quota/get', 'POST', (app, request) => {
  const path = textField(jsonObject(request.text), 'cgi_path');
  if (path === undefined || !path.startsWith('/')) throw new WeChatError(76003);
  if (!COUNTED.has(path)) throw new WeChatError(76021);
  const limit = app.quotas.limit(path);
  const used = app.quotas.used(path, app.now());
  return { ...OK, quota: { daily_limit: limit, used, remain: Math.max(0, limit - used) } };
});

// Not a counted endpoint: it has its own budget by the month.
const clearQuota: WeChatEndpoint = {
  path: '/cgi-bin/clear_quota',
  method: 'POST',
  identify: (request, directory) => directory.owner(request.query.get('access_token')),
  handle(request, directory) {
    const app = directory.authenticate(request.query.get('access_token'));
    if (textField(jsonObject(request.text), 'appid') !== app.settings.appId) throw new WeChatError(40013);
    return cleared(app);
  },
};

// Needs no token, and takes its fields from the body or from the query: the documents show both.
const clearQuotaBySecret: WeChatEndpoint = {
  path: '/cgi-bin/clear_quota/v2',
  method: 'POST',
  identify: (request, directory) => directory.app(clearFields(request).appId),
  handle(request, directory) {
    const { appId, secret } = clearFields(request);
    return cleared(directory.credentials(appId, secret));
  },
};

export const BUSINESS_ENDPOINTS: readonly WeChatEndpoint[] = [...BUSINESS, quota, clearQuota, clearQuotaBySecret];

const COUNTED: ReadonlySet<string> = new Set([
  '/cgi-bin/token',
  '/cgi-bin/stable_token',
  quota.path,
  ...BUSINESS.map(({ path }) => path),
]);

/** Any other POST, such as `/cgi-bin/message/custom/send`: a valid token is all it takes. */
export function genericPost(path: string): WeChatEndpoint {
  return tokenEndpoint(path, 'POST', () => OK);
}

/** A path the platform does not have. */
export function unknownEndpoint(path: string): WeChatEndpoint {
  return {
    path,
    method: 'ANY',
    identify: (request, directory) => directory.owner(request.query.get('access_token')),
    handle() {
      throw new WeChatError(40066);
    },
  };
}

function cleared(app: WeChatApp): Record<string, unknown> {
  app.quotas.clear(app.now());
  return OK;
}

function clearFields(request: { text: string; query: URLSearchParams }) {
  const body = jsonObject(request.text);
  return {
    appId: textField(body, 'appid') ?? request.query.get('appid') ?? undefined,
    secret: textField(body, 'appsecret') ?? request.query.get('appsecret') ?? undefined,
  };
}
