import { type SandboxRequest, textField, trimSlashes } from '../request.js';
import { type ApiEndpoint, admitApiToken, apiPath, apiToken, bodyText, requiredBody, segment } from './api-call.js';
import { ApiError, NoSuchAction } from './api-errors.js';
import { SUITE_API } from './api-suite-endpoints.js';
import { USER_API } from './api-user-endpoints.js';
import { ticketOf } from './client.js';
import type { DingTalkDirectory, TokenOwner } from './directory.js';
import { callerOf } from './oapi-call.js';
import { ticketLineOf } from './oapi-endpoints.js';

const accessToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/accessToken',
  identify: (request, directory) => ({ account: directory.app(bodyText(request, 'appKey'))?.account }),
  handle(request, directory) {
    const body = requiredBody(request);
    const app = directory.app(textField(body, 'appKey'));
    if (app === undefined || app.secret !== textField(body, 'appSecret')) {
      throw new ApiError('invalidClientIdOrSecret');
    }
    admitApiToken(app, request, this.path);
    const token = directory.issue({ kind: 'app', client: app, line: app.tokens.app });
    return { accessToken: token, ...app.lifetime('expireIn') };
  },
};

const unifiedToken: ApiEndpoint = {
  method: 'POST',
  path: '/v1.0/oauth2/{corpId}/token',
  identify: (request, directory) => ({
    account: directory.client(bodyText(request, 'client_id'))?.account,
    subject: segment(request, 3),
  }),
  handle(request, directory) {
    const body = requiredBody(request);
    const corpId = segment(request, 3);
    if (!directory.knowsCorp(corpId)) throw new ApiError('unknownError');
    const client = directory.client(textField(body, 'client_id'));
    if (client === undefined || client.secret !== textField(body, 'client_secret')) {
      throw new ApiError('invalid.client');
    }
    if (textField(body, 'grant_type') !== 'client_credentials') throw new ApiError('unsupported.grant.type');
    const owner = unifiedOwner(directory, client.account, corpId);
    if (owner === undefined) {
      throw new ApiError('unauthorized.client', undefined, client.switches.unauthorizedClientStatus);
    }
    admitApiToken(client, request, this.path, corpId);
    return { access_token: directory.issue(owner), ...client.lifetime('expires_in') };
  },
};

const jsapiTickets = apiPath(
  'POST',
  '/v1.0/oauth2/jsapiTickets',
  (session) => {
    const { value, expiresIn } = ticketOf(session.client, ticketLineOf(session));
    return { jsapiTicket: value, expireIn: expiresIn };
  },
  { free: true },
);

const contactUser = apiPath(
  'GET',
  '/v1.0/contact/users/{unionId}',
  (_session, request) => {
    const unionId = segment(request, 4);
    return { unionId, nick: `员工 ${unionId}`, openId: `open-${unionId}` };
  },
  { free: true },
);

const robotSend = apiPath('POST', '/v1.0/robot/oToMessages/batchSend', (_session, request) => {
  requiredBody(request);
  return { processQueryKey: 'sandbox', invalidStaffIdList: [], flowControlledStaffIdList: [] };
});

const API_ENDPOINTS: readonly ApiEndpoint[] = [
  ...[accessToken, unifiedToken, jsapiTickets],
  // Before the template that would take `me` for a union id.
  ...USER_API,
  ...SUITE_API,
  ...[contactUser, robotSend],
];

export function findApi(request: SandboxRequest, more: readonly ApiEndpoint[] = []): ApiEndpoint {
  const path = trimSlashes(request.path);
  const found = [...more, ...API_ENDPOINTS].find((each) => each.method === request.method && fits(each.path, path));
  if (found) return found;
  return {
    method: request.method,
    path,
    identify: (given, directory) => callerOf(directory.session(apiToken(given))),
    handle() {
      throw new NoSuchAction();
    },
  };
}

function unifiedOwner(directory: DingTalkDirectory, account: string, corpId: string): TokenOwner | undefined {
  const app = directory.app(account);
  if (app) return app.corpId === corpId ? { kind: 'app', client: app, line: app.tokens.unified } : undefined;
  const client = directory.suite(account);
  const installation = client?.installations.get(corpId);
  if (client === undefined || !installation?.enabled) return undefined;
  return { kind: 'corp', client, line: installation.unified, subject: corpId, installation };
}

function fits(template: string, path: string): boolean {
  const [wanted, given] = [template.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i]);
}
