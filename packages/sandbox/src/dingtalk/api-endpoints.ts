import { isForm, jsonObject, type SandboxRequest, textField } from '../request.js';
import { ApiError, NoSuchAction } from './api-errors.js';
import type { DingTalkApp } from './app.js';
import type { DingTalkDirectory } from './directory.js';

/** One method and path template of the new API. */
export interface ApiEndpoint {
  readonly method: string;
  /** `{name}` stands for one path segment. */
  readonly path: string;
  identify(request: SandboxRequest, directory: DingTalkDirectory): DingTalkApp | undefined;
  /** The body of the successful answer; throws `ApiError` or `NoSuchAction` for any other. */
  handle(request: SandboxRequest, directory: DingTalkDirectory): Record<string, unknown>;
}

const accessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/accessToken',
  identify: ({ text }, directory) => directory.byKey(textField(jsonObject(text), 'appKey')),
  handle(request, directory) {
    const body = requiredBody(request);
    const app = directory.byKey(textField(body, 'appKey'));
    if (app === undefined || app.settings.appSecret !== textField(body, 'appSecret')) {
      throw new ApiError('invalidClientIdOrSecret');
    }
    return { accessToken: directory.issue(app, 'app'), ...app.lifetime('expireIn') };
  },
};

const unifiedToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/{corpId}/token',
  identify: ({ text }, directory) => directory.byKey(textField(jsonObject(text), 'client_id')),
  handle(request, directory) {
    const body = requiredBody(request);
    const corpId = segment(request, 3);
    if (directory.byCorp(corpId).length === 0) throw new ApiError('unknownError');
    const app = directory.byKey(textField(body, 'client_id'));
    if (app === undefined || app.settings.appSecret !== textField(body, 'client_secret')) {
      throw new ApiError('invalid.client');
    }
    if (textField(body, 'grant_type') !== 'client_credentials') throw new ApiError('unsupported.grant.type');
    const { unauthorizedClientStatus } = app.settings;
    if (app.settings.corpId !== corpId) throw new ApiError('unauthorized.client', undefined, unauthorizedClientStatus);
    return { access_token: directory.issue(app, 'unified'), ...app.lifetime('expires_in') };
  },
};

const jsapiTickets = tokenPath('POST', '/v1.0/oauth2/jsapiTickets', (app) => {
  const { value, expiresIn } = app.ticket();
  return { jsapiTicket: value, expireIn: expiresIn };
});

const contactUser = tokenPath('GET', '/v1.0/contact/users/{unionId}', (_app, request) => {
  const unionId = segment(request, 4);
  return { unionId, nick: `员工 ${unionId}`, openId: `open-${unionId}` };
});

const robotSend = tokenPath('POST', '/v1.0/robot/oToMessages/batchSend', (_app, request) => {
  requiredBody(request);
  return { processQueryKey: 'sandbox', invalidStaffIdList: [], flowControlledStaffIdList: [] };
});

export const API_ENDPOINTS: readonly ApiEndpoint[] = [accessToken, unifiedToken, jsapiTickets, contactUser, robotSend];

export function unknownApi(method: string, path: string): ApiEndpoint {
  return {
    method,
    path,
    identify: (request, directory) => directory.session(tokenOf(request))?.app,
    handle() {
      throw new NoSuchAction();
    },
  };
}

function tokenPath(
  method: string,
  path: string,
  body: (app: DingTalkApp, request: SandboxRequest) => Record<string, unknown>,
): ApiEndpoint {
  return {
    method,
    path,
    identify: (request, directory) => directory.session(tokenOf(request))?.app,
    handle(request, directory) {
      const token = tokenOf(request);
      if (token === undefined) throw new ApiError('AuthenticationFailed.MissingParameter');
      const session = directory.session(token);
      if (session?.verdict !== 'valid') throw new ApiError('InvalidAuthentication');
      if (!session.app.admits(request)) throw new ApiError('Forbidden.AccessDenied.IpNotInWhiteList');
      return body(session.app, request);
    },
  };
}

/** Its own header and nothing else: neither the query nor `Authorization: Bearer`. */
function tokenOf(request: SandboxRequest): string | undefined {
  const header = request.headers['x-acs-dingtalk-access-token'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

function requiredBody(request: SandboxRequest): Record<string, unknown> {
  const body = isForm(request) ? undefined : jsonObject(request.text);
  if (body === undefined) throw new ApiError('Missingbody');
  return body;
}

/** One decoded segment of the path, counted from 1; as it stands if it cannot be decoded. */
function segment({ path }: SandboxRequest, index: number): string {
  const part = path.split('/')[index] ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
