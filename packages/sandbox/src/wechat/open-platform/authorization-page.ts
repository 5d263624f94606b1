import type { SandboxRequest } from '../../request.js';
import type { WeChatDirectory } from '../directory.js';
import type { Handled, WeChatEndpoint } from '../endpoints.js';
import { choicePage, redirectPage, redirectTarget, refusedPage } from '../pages.js';
import type { Authorizer } from './authorizer.js';

const TITLE = 'Authorize a third-party platform';

/** Which accounts `auth_type` lets through. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  '1': ['officialAccount'],
  '2': ['miniProgram'],
};

/**
 * The authorization page, in its form for computers and its two for phones. A browser gets a choice of the platform's
 * accounts; with an `authorizer_appid` in the query, which the real page does not have, it is redirected at once.
 */
export const AUTHORIZATION_PAGES: readonly WeChatEndpoint[] = [
  '/cgi-bin/componentloginpage',
  '/wxaopen/safe/bindcomponent',
  '/safe/bindcomponent',
].map((path) => ({ path, method: 'ANY', identify, handle }));

function identify({ query }: SandboxRequest, directory: WeChatDirectory) {
  const platform = directory.platform(query.get('component_appid'));
  return platform?.authorizer(query.get('authorizer_appid'))?.party ?? platform?.party;
}

function handle({ query }: SandboxRequest, directory: WeChatDirectory): Handled {
  const platform = directory.platform(query.get('component_appid'));
  if (platform === undefined) return refusedPage(TITLE, 'unknown_component', 'There is no such component_appid.');
  const target = redirectTarget(query);
  if (target === undefined) return refusedPage(TITLE, 'redirect_uri', 'redirect_uri is missing or no http URL.');
  const preAuthCode = query.get('pre_auth_code');
  if (!platform.preAuthCodes.valid(preAuthCode, platform.now()))
    return refusedPage(TITLE, 'pre_auth_code', 'pre_auth_code is unknown, used or expired.');

  const offered = platform.authorizers().filter((authorizer) => isOffered(authorizer, query));
  const chosen = query.get('authorizer_appid');
  if (chosen === null) return choicePage(TITLE, query, offered.map(choice));
  const authorizer = offered.find(({ appId }) => appId === chosen);
  if (authorizer === undefined) return refusedPage(TITLE, 'unknown_authorizer', 'There is no such account.');
  platform.preAuthCodes.use(preAuthCode);
  const { authorizationCode, expiresIn } = platform.authorize(authorizer, { preAuthCode });
  return redirectPage(target, { auth_code: authorizationCode, expires_in: String(expiresIn) });
}

function isOffered({ appId, app }: Authorizer, query: URLSearchParams): boolean {
  const only = query.get('biz_appid');
  const kinds = KINDS[query.get('auth_type') ?? ''];
  return (only === null || only === appId) && (kinds === undefined || kinds.includes(app.settings.kind));
}

function choice({ appId, name, authorizedAt }: Authorizer) {
  const mark = authorizedAt === undefined ? '' : ' (authorized)';
  return { label: `${name} ${appId}${mark}`, fields: { authorizer_appid: appId } };
}
