import type { SandboxRequest } from '../request.js';
import type { WeChatApp } from './app.js';
import type { WeChatDirectory } from './directory.js';
import type { WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import type { Party } from './owner.js';
import type { WeChatUserSettings } from './users.js';

const OK = { errcode: 0, errmsg: 'ok' };

/** Whose users are asked for: an app by its secret, or an authorizer by its component's token. */
interface Asked {
  readonly app: WeChatApp;
  readonly component: string | undefined;
}

const accessToken = endpoint('/sns/oauth2/access_token', exchange(ownApp));
const componentAccessToken = endpoint('/sns/oauth2/component/access_token', exchange(authorizedApp));

// Needs no secret, and is counted by the minute only.
const refreshToken = endpoint('/sns/oauth2/refresh_token', (request, directory) => {
  const appId = request.query.get('appid');
  if (!appId) throw new WeChatError(41002);
  const app = directory.app(appId);
  if (app === undefined) throw new WeChatError(40013);
  return refresh(request, { app, component: undefined });
});
const componentRefreshToken = endpoint('/sns/oauth2/component/refresh_token', (request, directory) =>
  refresh(request, authorizedApp(request, directory)),
);

const check = endpoint('/sns/auth', (request, directory) => {
  userOf(request, directory);
  return OK;
});

const userInfo = endpoint('/sns/userinfo', (request, directory) => {
  const { user, scope } = userOf(request, directory);
  if (scope === 'snsapi_base') throw new WeChatError(48001);
  const { openid, nickname, unionid } = user;
  return {
    openid,
    nickname,
    sex: 0,
    language: '',
    city: '',
    province: '',
    country: '',
    headimgurl: '',
    privilege: [],
    ...(unionid !== undefined && { unionid }),
  };
});

const session = endpoint('/sns/jscode2session', login(ownApp));
const componentSession = endpoint('/sns/component/jscode2session', login(authorizedApp));

/** Tokens of users (web OAuth) and logins of mini programs. */
export const USER_ENDPOINTS: readonly WeChatEndpoint[] = [
  accessToken,
  componentAccessToken,
  refreshToken,
  componentRefreshToken,
  check,
  userInfo,
  session,
  componentSession,
];

function exchange(find: (request: SandboxRequest, directory: WeChatDirectory) => Asked): WeChatEndpoint['handle'] {
  return (request, directory) => {
    const { app, component } = find(request, directory);
    const code = request.query.get('code');
    if (!code) throw new WeChatError(41008);
    wantGrantType(request, 'authorization_code');
    return { ...app.users.exchange(code, component, app.now()) };
  };
}

function refresh(request: SandboxRequest, { app, component }: Asked): Record<string, unknown> {
  wantGrantType(request, 'refresh_token');
  const token = request.query.get('refresh_token');
  if (!token) throw new WeChatError(41003);
  app.quotas.spendMinute('/sns/oauth2/refresh_token', app.now());
  return { ...app.users.refresh(token, component, app.now()) };
}

function login(find: (request: SandboxRequest, directory: WeChatDirectory) => Asked): WeChatEndpoint['handle'] {
  return (request, directory) => {
    const { app, component } = find(request, directory);
    wantGrantType(request, 'authorization_code');
    const code = request.query.get('js_code');
    if (!code) throw new WeChatError(41008);
    if (app.settings.kind !== 'miniProgram') throw new WeChatError(48001);
    app.quotas.spendMinute('/sns/jscode2session', app.now());
    return { ...app.users.session(code, component, app.now()) };
  };
}

function ownApp({ query }: SandboxRequest, directory: WeChatDirectory): Asked {
  const app = directory.credentials(query.get('appid') || undefined, query.get('secret') || undefined);
  return { app, component: undefined };
}

function authorizedApp(request: SandboxRequest, directory: WeChatDirectory): Asked {
  const { query, path } = request;
  const owner = directory.authenticate(query, path, 'component');
  const component = query.get('component_appid');
  if (!component) throw new WeChatError(41018);
  const platform = directory.platform(owner.appId);
  if (platform === undefined || component !== owner.appId) throw new WeChatError(40013);
  const appId = query.get('appid');
  if (!appId) throw new WeChatError(41002);
  return { app: platform.authorized(appId).app, component };
}

function wantGrantType({ query }: SandboxRequest, wanted: string): void {
  if (query.get('grant_type') !== wanted) throw new WeChatError(40002);
}

function userOf({ query }: SandboxRequest, directory: WeChatDirectory): { user: WeChatUserSettings; scope: string } {
  const token = query.get('access_token');
  if (!token) throw new WeChatError(41001);
  for (const app of directory.businesses()) {
    const found = app.users.check(token, app.now());
    if (found === undefined) continue;
    if (found.user.openid !== query.get('openid')) throw new WeChatError(40003);
    return found;
  }
  throw new WeChatError(40001);
}

function endpoint(path: string, handle: WeChatEndpoint['handle']): WeChatEndpoint {
  return { path, method: 'ANY', identify, handle };
}

/** The account a request names or brings the token of, and its user; through a component, the authorizer. */
function identify({ query }: SandboxRequest, directory: WeChatDirectory): Party | undefined {
  const platform = directory.platform(query.get('component_appid'));
  if (platform) return platform.authorizer(query.get('appid'))?.party ?? platform.party;
  const brought = ['code', 'js_code', 'refresh_token', 'access_token'].map((name) => query.get(name));
  const named = directory.app(query.get('appid'));
  for (const app of named ? [named] : directory.businesses()) {
    const user = brought.flatMap((value) => app.users.owner(value) ?? [])[0];
    if (user) return { ...app.party, subject: user.openid };
  }
  return named?.party;
}
