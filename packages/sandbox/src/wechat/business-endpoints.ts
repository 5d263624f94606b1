import type { TicketType } from './app.js';
import { ownerEndpoint, tokenEndpoint, type WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';

const OK = { errcode: 0, errmsg: 'ok' };

const ticket = tokenEndpoint('/cgi-bin/ticket/getticket', 'ANY', (app, { query }) => {
  const type = query.get('type');
  if (type !== 'jsapi' && type !== 'wx_card') throw new WeChatError(40097);
  if (app.settings.kind === 'miniProgram') throw new WeChatError(48001);
  const { value, expiresIn } = app.ticket(type satisfies TicketType);
  return { ...OK, ticket: value, expires_in: expiresIn };
});

const followers = tokenEndpoint('/cgi-bin/user/get', 'ANY', (app) => {
  const openids = app.users.users.map(({ openid }) => openid);
  const total = openids.length;
  return { total, count: total, data: { openid: openids }, next_openid: openids.at(-1) ?? '' };
});

const domainAddresses = ownerEndpoint('/cgi-bin/get_api_domain_ip', 'ANY', 'any', () => ({
  ip_list: ['203.0.113.10', '203.0.113.11'],
}));

const callbackAddresses = ownerEndpoint('/cgi-bin/getcallbackip', 'ANY', 'any', () => ({
  ip_list: ['203.0.113.20', '203.0.113.128/25'],
}));

export const BUSINESS_ENDPOINTS: readonly WeChatEndpoint[] = [ticket, followers, domainAddresses, callbackAddresses];

/** Any other POST, such as `/cgi-bin/message/custom/send`: a valid token is all it takes. */
export function genericPost(path: string): WeChatEndpoint {
  return tokenEndpoint(path, 'POST', () => OK);
}

/** A path the platform does not have. */
export function unknownEndpoint(path: string): WeChatEndpoint {
  return {
    path,
    method: 'ANY',
    identify: ({ query }, directory) => directory.owner(query)?.party,
    handle() {
      throw new WeChatError(40066);
    },
  };
}
