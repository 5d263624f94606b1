import { jsonObject, textField } from '../../request.js';
import type { WeChatDirectory } from '../directory.js';
import type { WeChatEndpoint } from '../endpoints.js';
import { WeChatError } from '../errors.js';
import type { Party } from '../owner.js';
import type { Authorizer, AuthorizerTokens } from './authorizer.js';
import type { OpenPlatform } from './open-platform.js';

type Fields = Record<string, unknown>;

const OK = { errcode: 0, errmsg: 'ok' };
const LARGEST_PAGE = 500;

const componentToken: WeChatEndpoint = {
  path: '/cgi-bin/component/api_component_token',
  method: 'POST',
  identify: ({ text }, directory) => named(jsonObject(text), directory),
  handle(request, directory) {
    const fields = bodyOf(request.text);
    const platform = directory.componentCredentials(
      textField(fields, 'component_appid'),
      textField(fields, 'component_appsecret'),
    );
    if (platform.settings.tokenRefusal !== false) throw new WeChatError(platform.settings.tokenRefusal);
    platform.admit(this.path);
    platform.enter(this.path, request);
    platform.tickets.check(textField(fields, 'component_verify_ticket'), platform.now());
    const { value, expiresIn } = platform.issueToken();
    directory.remember(value, platform, platform.line);
    return { component_access_token: value, expires_in: expiresIn };
  },
};

// Needs no token: a component without a ticket cannot have one.
const startPushTicket: WeChatEndpoint = {
  path: '/cgi-bin/component/api_start_push_ticket',
  method: 'POST',
  identify: ({ text }, directory) => named(jsonObject(text), directory),
  handle(request, directory) {
    const fields = bodyOf(request.text);
    const platform = directory.componentCredentials(
      textField(fields, 'component_appid'),
      textField(fields, 'component_secret'),
    );
    platform.enter(this.path, request);
    if (!platform.settings.ticketsStopped) return { ...OK, errmsg: 'in a normal state' };
    platform.configure({ ticketsStopped: false });
    return OK;
  },
};

const preAuthCode = componentEndpoint('/cgi-bin/component/api_create_preauthcode', (platform) => {
  const seconds = platform.settings.preAuthCodeSeconds;
  return { pre_auth_code: platform.preAuthCodes.issue(platform.now(), seconds), expires_in: seconds };
});

const queryAuth = componentEndpoint('/cgi-bin/component/api_query_auth', (platform, fields, directory) => {
  const authorizer = platform.authorizerOfCode(textField(fields, 'authorization_code'));
  if (authorizer === undefined) throw new WeChatError(61009);
  const tokens = authorizer.exchange();
  return {
    authorization_info: {
      authorizer_appid: authorizer.appId,
      // An account that grants no permission has no tokens to give.
      ...(authorizer.permissions.length > 0 && handedOut(tokens, authorizer, directory)),
      func_info: permissions(authorizer),
    },
  };
});

const authorizerToken = componentEndpoint('/cgi-bin/component/api_authorizer_token', (platform, fields, directory) => {
  const authorizer = platform.authorized(textField(fields, 'authorizer_appid'));
  const tokens = authorizer.refresh(textField(fields, 'authorizer_refresh_token'));
  const { authorizer_refresh_token: refreshToken, ...rest } = handedOut(tokens, authorizer, directory);
  const how = platform.settings.refreshTokenField;
  if (how === 'missing') return rest;
  return { ...rest, authorizer_refresh_token: how === 'empty' ? '' : refreshToken };
});

const authorizerInfo = componentEndpoint('/cgi-bin/component/api_get_authorizer_info', (platform, fields) => {
  const authorizer = platform.authorized(textField(fields, 'authorizer_appid'));
  const { appId, name, app } = authorizer;
  const miniProgram = app.settings.kind === 'miniProgram';
  return {
    authorizer_info: {
      nick_name: name,
      head_img: `https://sandbox.invalid/${appId}.png`,
      service_type_info: { id: miniProgram ? 0 : 2 },
      verify_type_info: { id: 0 },
      user_name: `gh_${appId}`,
      principal_name: name,
      alias: '',
      business_info: { open_store: 0, open_scan: 0, open_pay: 0, open_card: 0, open_shake: 0 },
      qrcode_url: `https://sandbox.invalid/${appId}-code.png`,
      signature: '',
      account_status: 1,
      ...(miniProgram && {
        MiniProgramInfo: { network: { RequestDomain: [] }, categories: [], visit_status: 0 },
      }),
    },
    authorization_info: {
      authorizer_appid: appId,
      authorizer_refresh_token: authorizer.knownRefreshToken,
      func_info: permissions(authorizer),
    },
  };
});

const authorizerList = componentEndpoint('/cgi-bin/component/api_get_authorizer_list', (platform, fields) => {
  const { offset = 0, count } = fields;
  if (!isCount(offset) || !isCount(count) || count < 1 || count > LARGEST_PAGE) throw new WeChatError(40097);
  const known = platform.authorizers().filter(({ authorizedAt }) => authorizedAt !== undefined);
  return {
    total_count: known.length,
    list: known.slice(offset, offset + count).map(({ appId, knownRefreshToken, authorizedAt }) => ({
      authorizer_appid: appId,
      refresh_token: knownRefreshToken,
      auth_time: Math.floor((authorizedAt ?? 0) / 1000),
    })),
  };
});

export const OPEN_PLATFORM_ENDPOINTS: readonly WeChatEndpoint[] = [
  componentToken,
  startPushTicket,
  preAuthCode,
  queryAuth,
  authorizerToken,
  authorizerInfo,
  authorizerList,
];

/** An endpoint that takes the component's token and its app id. */
function componentEndpoint(
  path: string,
  body: (platform: OpenPlatform, fields: Fields, directory: WeChatDirectory) => Fields,
): WeChatEndpoint {
  return {
    path,
    method: 'POST',
    identify({ query, text }, directory) {
      const fields = jsonObject(text);
      const owner = directory.owner(query);
      return named(fields, directory, directory.platform(owner?.appId)) ?? owner?.party;
    },
    handle(request, directory) {
      const owner = directory.authenticate(request.query, path, 'component');
      const fields = bodyOf(request.text);
      const appId = textField(fields, 'component_appid');
      if (appId === undefined) throw new WeChatError(41018);
      const platform = directory.platform(appId);
      if (platform === undefined || appId !== owner.appId) throw new WeChatError(40013);
      platform.enter(path, request);
      return body(platform, fields, directory);
    },
  };
}

/** The component a request names or brings the token of, and the authorizer it names. */
function named(
  fields: Fields | undefined,
  directory: WeChatDirectory,
  platform = directory.platform(textField(fields, 'component_appid')),
): Party | undefined {
  const authorizer =
    platform?.authorizer(textField(fields, 'authorizer_appid')) ??
    platform?.authorizerOfCode(textField(fields, 'authorization_code'));
  return authorizer?.party ?? platform?.party;
}

function bodyOf(text: string): Fields {
  const fields = jsonObject(text);
  if (fields === undefined) throw new WeChatError(47001);
  return fields;
}

function handedOut(
  { accessToken, refreshToken }: AuthorizerTokens,
  authorizer: Authorizer,
  directory: WeChatDirectory,
) {
  directory.remember(accessToken.value, authorizer, authorizer.line);
  return {
    authorizer_access_token: accessToken.value,
    expires_in: accessToken.expiresIn,
    authorizer_refresh_token: refreshToken,
  };
}

function permissions({ permissions: ids }: Authorizer): unknown[] {
  return ids.map((id) => ({ funcscope_category: { id } }));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
