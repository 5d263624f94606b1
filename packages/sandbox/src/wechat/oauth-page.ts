import type { SandboxRequest } from '../request.js';
import type { WeChatDirectory } from './directory.js';
import type { Handled, WeChatEndpoint } from './endpoints.js';
import { choicePage, redirectPage, redirectTarget, refusedPage } from './pages.js';

const TITLE = 'Sign in with WeChat';
const SCOPES: readonly string[] = ['snsapi_base', 'snsapi_userinfo', 'snsapi_login'];

/**
 * The pages of web OAuth: the one inside WeChat and the one with the QR code. A browser gets a choice of the account's
 * users; with an `openid` in the query, which the real pages do not have, it is redirected at once.
 */
export const OAUTH_PAGES: readonly WeChatEndpoint[] = ['/connect/oauth2/authorize', '/connect/qrconnect'].map(
  (path) => ({ path, method: 'ANY', identify, handle }),
);

function identify({ query }: SandboxRequest, directory: WeChatDirectory) {
  const authorizer = directory.platform(query.get('component_appid'))?.authorizer(query.get('appid'));
  return authorizer?.party ?? directory.app(query.get('appid'))?.party;
}

function handle({ query }: SandboxRequest, directory: WeChatDirectory): Handled {
  const component = query.get('component_appid') ?? undefined;
  const app =
    component === undefined
      ? directory.app(query.get('appid'))
      : directory.platform(component)?.authorizer(query.get('appid'))?.app;
  if (app === undefined) return refusedPage(TITLE, 'appid', 'There is no such appid.');
  const target = redirectTarget(query);
  if (target === undefined) return refusedPage(TITLE, 'redirect_uri', 'redirect_uri is missing or no http URL.');
  if (query.get('response_type') !== 'code') return refusedPage(TITLE, 'response_type', 'response_type must be code.');
  const scope = query.get('scope') ?? '';
  if (!SCOPES.includes(scope)) return refusedPage(TITLE, 'scope', `scope must be one of ${SCOPES.join(', ')}.`);

  const openid = query.get('openid');
  const choices = app.users.users.map((user) => ({ label: user.nickname, fields: { openid: user.openid } }));
  if (openid === null) return choicePage(TITLE, query, choices);
  const user = app.users.user(openid);
  if (user === undefined) return refusedPage(TITLE, 'unknown_user', 'There is no such user.');
  const code = app.users.code(user, app.now(), { purpose: 'oauth', scope, component });
  const state = query.get('state');
  return redirectPage(target, {
    code,
    ...(state !== null && { state }),
    ...(component !== undefined && { appid: app.appId }),
  });
}
