import type { DingTalkApp } from './app.js';
import { ticketOf } from './client.js';
import type { DingTalkDirectory, DingTalkSession } from './directory.js';
import { admitToken, callerOf, type OapiEndpoint, OK, oapiToken, required, tokenPath } from './oapi-call.js';
import { OapiError } from './oapi-errors.js';
import { LOGIN_OAPI } from './oapi-login-endpoints.js';
import { SUITE_OAPI } from './oapi-suite-endpoints.js';

const getToken: OapiEndpoint = {
  path: '/gettoken',
  identify({ query }, directory) {
    const app =
      directory.app(query.get('appkey') ?? undefined) ?? directory.byCorp(query.get('corpid') ?? undefined)[0];
    return { account: app?.account };
  },
  // Only the query counts: fields of a body are not seen.
  handle(request, directory) {
    const { query } = request;
    const [key, corpId] = [query.get('appkey'), query.get('corpid')];
    if (!key && !corpId) throw new OapiError(40035, '缺少参数 corpid or appkey');
    const secret = query.get(key ? 'appsecret' : 'corpsecret');
    if (!secret) throw new OapiError(40035, '缺少参数 corpsecret or appsecret');
    const app = key ? byAppSecret(directory, key, secret) : byCorpSecret(directory, corpId ?? '', secret);
    admitToken(app, request, this.path);
    const token = directory.issue({ kind: 'app', client: app, line: app.tokens[key ? 'app' : 'corp'] });
    return { ...OK, access_token: token, ...app.lifetime('expires_in') };
  },
};

const getJsapiTicket = tokenPath(
  '/get_jsapi_ticket',
  (session) => {
    const { value, expiresIn } = ticketOf(session.client, ticketLineOf(session));
    return { ...OK, ticket: value, expires_in: expiresIn };
  },
  { free: true },
);

const getUser = tokenPath('/user/get', (_session, request) => {
  const userid = required(request, 'userid');
  return { ...OK, userid, name: `员工 ${userid}`, active: true };
});

const getTopUser = tokenPath('/topapi/v2/user/get', (_session, request) => {
  const userid = required(request, 'userid');
  return { ...OK, request_id: 'sandbox', result: { userid, unionid: `union-${userid}`, name: `员工 ${userid}` } };
});

const sendWorkNotice = tokenPath('/topapi/message/corpconversation/asyncsend_v2', () => ({
  ...OK,
  request_id: 'sandbox',
  task_id: 1_000_001,
}));

const OAPI_ENDPOINTS: readonly OapiEndpoint[] = [
  ...[getToken, getJsapiTicket, getUser, getTopUser, sendWorkNotice],
  ...LOGIN_OAPI,
  ...SUITE_OAPI,
];

export function findOapi(path: string): OapiEndpoint {
  const found = OAPI_ENDPOINTS.find((each) => each.path === path);
  if (found) return found;
  return {
    path,
    identify: (request, directory) => callerOf(directory.session(oapiToken(request))),
    handle() {
      throw new OapiError(22);
    },
  };
}

/** The JS ticket that an access token opens: the app's, or the suite's in the organisation. */
export function ticketLineOf({ client, installation }: DingTalkSession) {
  return installation?.ticket ?? (client as DingTalkApp).ticket;
}

function byAppSecret(directory: DingTalkDirectory, appKey: string, secret: string): DingTalkApp {
  const app = directory.app(appKey);
  if (app?.secret !== secret || app === undefined) throw new OapiError(40096);
  return app;
}

function byCorpSecret(directory: DingTalkDirectory, corpId: string, secret: string): DingTalkApp {
  const apps = directory.byCorp(corpId);
  if (apps.length === 0) throw new OapiError(40013);
  const app = apps.find(({ settings }) => settings.corpSecret === secret);
  if (app) return app;
  throw new OapiError(directory.apps.some(({ settings }) => settings.corpSecret === secret) ? 40089 : 40001);
}
