import { formFields, jsonObject, type SandboxRequest, textField } from '../request.js';
import type { DingTalkApp } from './app.js';
import type { DingTalkDirectory } from './directory.js';
import { OapiError } from './oapi-errors.js';

/** One path of the old API. Methods are not told apart. */
export interface OapiEndpoint {
  readonly path: string;
  identify(request: SandboxRequest, directory: DingTalkDirectory): DingTalkApp | undefined;
  /** The body of the successful answer; throws `OapiError` for any other. */
  handle(request: SandboxRequest, directory: DingTalkDirectory): Record<string, unknown>;
}

const OK = { errcode: 0, errmsg: 'ok' };

const getToken: OapiEndpoint = {
  path: '/gettoken',
  identify({ query }, directory) {
    return directory.byKey(query.get('appkey') ?? undefined) ?? directory.byCorp(query.get('corpid') ?? undefined)[0];
  },
  // Only the query counts: fields of a body are not seen.
  handle({ query }, directory) {
    const [key, corpId] = [query.get('appkey'), query.get('corpid')];
    if (!key && !corpId) throw new OapiError(40035, '缺少参数 corpid or appkey');
    const secret = query.get(key ? 'appsecret' : 'corpsecret');
    if (!secret) throw new OapiError(40035, '缺少参数 corpsecret or appsecret');
    const app = key ? byAppSecret(directory, key, secret) : byCorpSecret(directory, corpId ?? '', secret);
    const token = directory.issue(app, key ? 'app' : 'corp');
    return { ...OK, access_token: token, ...app.lifetime('expires_in') };
  },
};

const getJsapiTicket = tokenPath('/get_jsapi_ticket', (app) => {
  const { value, expiresIn } = app.ticket();
  return { ...OK, ticket: value, expires_in: expiresIn };
});

const getUser = tokenPath('/user/get', (_app, request) => {
  const userid = field(request, 'userid');
  if (userid === undefined) throw new OapiError(40035, '缺少参数 userid');
  return { ...OK, userid, name: `员工 ${userid}`, active: true };
});

const getTopUser = tokenPath('/topapi/v2/user/get', (_app, request) => {
  const userid = field(request, 'userid');
  if (userid === undefined) throw new OapiError(40035, '缺少参数 userid');
  return { ...OK, request_id: 'sandbox', result: { userid, unionid: `union-${userid}`, name: `员工 ${userid}` } };
});

const sendWorkNotice = tokenPath('/topapi/message/corpconversation/asyncsend_v2', () => ({
  ...OK,
  request_id: 'sandbox',
  task_id: 1_000_001,
}));

export const OAPI_ENDPOINTS: readonly OapiEndpoint[] = [getToken, getJsapiTicket, getUser, getTopUser, sendWorkNotice];

export function unknownOapi(path: string): OapiEndpoint {
  return {
    path,
    identify: (request, directory) => directory.session(tokenOf(request))?.app,
    handle() {
      throw new OapiError(22);
    },
  };
}

function tokenPath(
  path: string,
  body: (app: DingTalkApp, request: SandboxRequest) => Record<string, unknown>,
): OapiEndpoint {
  return {
    path,
    identify: (request, directory) => directory.session(tokenOf(request))?.app,
    handle(request, directory) {
      const token = tokenOf(request);
      if (token === undefined) throw new OapiError(path.startsWith('/topapi/') ? 40000 : 41001);
      const session = directory.session(token);
      if (session?.verdict === 'expired') throw new OapiError(session.app.settings.expiredCode);
      if (session?.verdict !== 'valid') throw new OapiError(40014);
      if (!session.app.admits(request)) throw notAdmitted(session.app, request);
      return body(session.app, request);
    },
  };
}

/** The query or a form body; a header is ignored. */
function tokenOf(request: SandboxRequest): string | undefined {
  return request.query.get('access_token') || formFields(request).get('access_token') || undefined;
}

function field(request: SandboxRequest, name: string): string | undefined {
  const inForm = request.query.get(name) || formFields(request).get(name);
  return inForm || textField(jsonObject(request.text), name);
}

function byAppSecret(directory: DingTalkDirectory, appKey: string, secret: string): DingTalkApp {
  const app = directory.byKey(appKey);
  if (app?.settings.appSecret !== secret || app === undefined) throw new OapiError(40096);
  return app;
}

function byCorpSecret(directory: DingTalkDirectory, corpId: string, secret: string): DingTalkApp {
  const apps = directory.byCorp(corpId);
  if (apps.length === 0) throw new OapiError(40013);
  const app = apps.find(({ settings }) => settings.corpSecret === secret);
  if (app) return app;
  throw new OapiError(directory.all().some(({ settings }) => settings.corpSecret === secret) ? 40089 : 40001);
}

function notAdmitted(app: DingTalkApp, request: SandboxRequest): OapiError {
  return new OapiError(60020, `访问ip不在白名单之中,request ip=${request.ip} appKey(${app.settings.appKey})`);
}
